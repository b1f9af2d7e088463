// What a piece expresses at the moment that plays: values, chord, nearest word, and moods.

import { placeAt, valueAt } from "./curves.js";
import { fill, h, term } from "./dom.js";
import { chordName, decimal, moodName, percent, signed } from "./emotion.js";
import { known, t } from "./strings.js";

const MOODS = 3;
const NEUTRAL = 0.15; // distance from the middle of the plane below which no word is near

export class Now {
  constructor(piece) {
    this.piece = piece;
    const numbers = piece.axes.map((name) => [name, `number ${name}`]);
    const classes = { ...Object.fromEntries(numbers), chord: "chord", next: "next", word: "word" };
    this.parts = Object.fromEntries(Object.entries(classes).map(([name, kind]) => [name, h("span", { class: kind })]));
    this.moods = h("dd", { class: "moods" });
    this.felt = h("div", { class: "felt", hidden: true }, h("dt", {}, t("listen.moods")), this.moods);
    this.emotions = h("dd", { class: "basic" });
    this.expressed = h("div", { class: "expressed", hidden: true }, h("dt", {}, t("listen.emotions")), this.emotions);
    this.element = h("dl", { class: "now" },
      piece.axes.map((name) => term(t(name), this.parts[name])),
      term(t("now.chord"), this.parts.chord, this.parts.next), term(t("now.word"), this.parts.word), this.felt, this.expressed);
  }

  // Once a frame while it plays: text is written only if it differs. Returns whether the word did.
  at(time) {
    const { piece, parts } = this;
    const { chords } = piece.analysis;
    const index = chords.findIndex((chord) => time < chord.end);
    const [chord, following] = [chords[index], chords[index + 1]];
    write(parts.chord, chord ? chordName(chord.label) : "–");
    write(parts.next, following ? `→ ${chordName(following.label)}` : "");
    for (const name of piece.axes) {
      const value = valueAt(piece[name], time);
      write(parts[name], value === null ? t("now.silent") : signed(value));
    }
    const place = placeAt(piece, time);
    return write(parts.word, place ? this.#nearest(place) : "–");
  }

  // The moods and the basic emotions that are shown, of one moment.
  feel(moods, emotions) {
    const strongest = Object.entries(moods).filter(([, share]) => share !== null)
      .toSorted((a, b) => b[1] - a[1]).slice(0, MOODS).map(([name, share]) => `${moodName(name)} ${percent(share)}`);
    const shown = Object.entries(emotions).filter(([, value]) => value !== null)
      .map(([name, value]) => `${known(`emotion.${name}`, name)} ${decimal(value)}`);
    this.felt.hidden = false;
    fill(this.moods, strongest.join(" · ") || "–");
    this.expressed.hidden = !shown.length;
    fill(this.emotions, shown.join(" · "));
  }

  // "Perhaps" where the interval of the piece, laid around the point, reaches neutral.
  #nearest([valence, arousal]) {
    const { analysis, words } = this.piece;
    const reach = ({ low, high }) => (high - low) / 2;
    const sure = Math.hypot(valence / reach(analysis.valence), arousal / reach(analysis.arousal)) >= 1;
    let best = null;
    let least = Infinity;
    for (const word of words) {
      const distance = (word.valence - valence) ** 2 + (word.arousal - arousal) ** 2;
      if (distance < least) [best, least] = [word, distance];
    }
    if (!best) return "–";
    if (Math.hypot(valence, arousal) < NEUTRAL) return t("now.neutral");
    return sure ? best.word : t("express.perhaps", { words: best.word });
  }
}

function write(element, text) {
  if (element.textContent === text) return false;
  element.textContent = text;
  return true;
}
