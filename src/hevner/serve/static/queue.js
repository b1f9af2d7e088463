// The queue of the player, kept by the browser, so that it is there again when the page is loaded anew,
// at the piece where it was; it plays when somebody wants it to. Files of one's own cannot be kept.

import * as api from "./api.js";
import * as kept from "./kept.js";
import { sound } from "./lists.js";
import { player } from "./player.js";

const KEPT = "hevner.queue";
const MOST = 1000; // pieces, those around the one that is loaded: saved lists need the room too

export function start() {
  const { tracks, index } = kept.read(KEPT) ?? {};
  const known = (Array.isArray(tracks) ? tracks : []).map(track).filter(Boolean);
  if (known.length) player.restore(known, Number.isInteger(index) && known[index] ? index : 0);
  player.addEventListener("track", keep);
}

function keep() {
  const tracks = player.queue.filter(({ name }) => name);
  const index = Math.max(0, tracks.indexOf(player.track));
  const from = Math.max(0, Math.min(index - MOST / 2, tracks.length - MOST));
  if (tracks.length) kept.write(KEPT, { tracks: tracks.slice(from, from + MOST), index: index - from });
  else kept.forget(KEPT);
}

// A track as it should be, of what was kept; null for what is none.
function track(one) {
  const piece = sound(one);
  const [start, end] = [one?.start, one?.end].map((time) => (Number.isFinite(time) ? time : undefined));
  return piece && { ...piece, start, end, address: () => api.audio({ id: piece.id }) };
}
