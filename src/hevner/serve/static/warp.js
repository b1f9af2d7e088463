// Time of a piece on an axis that several share: as it is, stretched to one length, or beat by beat.

export const SCALES = ["time", "beats", "length"];

// The length of the axis and, for each of `pieces`, functions from its seconds to the axis (`there`)
// and back. By beats, the axis is in seconds of the first piece, and the first beats of all lie on
// each other; pieces without beats leave all as they are.
export function warps(pieces, scale) {
  const longest = Math.max(1, ...pieces.map(({ duration }) => duration));
  if (scale === "length") return { length: longest, of: pieces.map(({ duration }) => linear(longest / duration)) };
  if (scale !== "beats" || !pieces.length || !pieces.every(({ beats }) => beats?.length > 1)) {
    return { length: longest, of: pieces.map(() => linear(1)) };
  }
  const [{ beats }] = pieces;
  const period = (beats.at(-1) - beats[0]) / (beats.length - 1);
  const numbered = pieces.map((piece) => [piece.beats, piece.beats.map((_, index) => index * period)]);
  const first = Math.min(...numbered.map(([times, numbers]) => between(0, times, numbers)));
  const of = numbered.map(([times, numbers]) => ({
    there: (time) => between(time, times, numbers) - first,
    back: (place) => between(place + first, numbers, times),
  }));
  return { length: Math.max(...pieces.map(({ duration }, index) => of[index].there(duration))), of };
}

function linear(stretch) {
  return { there: (time) => time * stretch, back: (place) => place / stretch };
}

// The value at a place, along straight lines between known ones and beyond them.
function between(place, places, values) {
  const found = places.findIndex((one) => one > place);
  const index = Math.max(1, found < 0 ? places.length - 1 : found);
  const share = (place - places[index - 1]) / (places[index] - places[index - 1]);
  return values[index - 1] + share * (values[index] - values[index - 1]);
}
