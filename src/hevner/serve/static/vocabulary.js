// Words of the service, which are English, in the language of the page, and back.
//
// `api.js` calls this for lexicon, searches and playlists, so that all else knows the words of the
// page's language only. What has no text in strings.*.json stays as the service has it.

import { known, named, t } from "./strings.js";

const DEGREES = ["slightly", "moderately", "very", "extremely"];
const PERHAPS = /^perhaps (.+)$/;
const BETWEEN = /^between (.+) and (.+), unsure \((.+)\)$/;

export function word(name) {
  return known(`lexicon.${name}`, name);
}

export function degree(name) {
  return known(`degree.${name}`, name);
}

// Degrees from little to much; "" is the plain word.
export const degrees = () => DEGREES.toSpliced(2, 0, "").map(degree);

// Emotions that a piece expresses, as the service lists them.
export function translated(emotions) {
  return emotions.map((one) => ({ ...one, word: word(one.word), degree: degree(one.degree) }));
}

// Headline of an analysis.
export function headline(text) {
  const [, perhaps] = PERHAPS.exec(text) ?? [];
  if (perhaps) return t("express.perhaps", { words: phrase(perhaps) });
  const [, first, second, side] = BETWEEN.exec(text) ?? [];
  if (side) return t("headline.between", { first: word(first), second: word(second), side: known(`headline.${side}`, side) });
  return known(`headline.${text}`, phrase(text));
}

function phrase(text) {
  const [name, rest] = split(text, DEGREES.map((one) => [one, one]));
  return `${degree(name)} ${rest.split(", ").map(word).join(", ")}`.trim();
}

// A word with its degree as the service knows it; `text` may be English too.
export function asked(text) {
  const [name, rest] = split(text.trim(), DEGREES.map((one) => [one, degree(one)]));
  return `${name} ${spelling(rest) ? names().get(plain(rest)) : rest}`.trim();
}

// A known word as the language spells it; undefined for others.
export function spelling(text) {
  const name = names().get(plain(text));
  return name && word(name);
}

function split(text, pairs) {
  const found = pairs.find(([, said]) => plain(text).startsWith(`${plain(said)} `));
  return found ? [found[0], text.slice(found[1].length + 1)] : ["", text];
}

const names = () => named("lexicon.");
const plain = (text) => text.toLowerCase();
