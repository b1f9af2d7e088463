// Words of the service, which are English, in the language of the page, and back.
//
// `api.js` calls this for lexicon, searches and playlists, so that all else knows the words of the
// page's language only. What has no text in strings.*.json stays as the service has it.

import { known, language, named, t } from "./strings.js";

const DEGREES = ["slightly", "moderately", "very", "extremely"];
const PERHAPS = /^perhaps (.+)$/;
const BETWEEN = /^between (.+) and (.+), unsure \((.+)\)$/;
const MEANT = 3; // words of the language that may be meant by one that is not known
const ALIKE = 0.4; // share of their pairs of letters that words must have in common
// Why a search found nothing, as hevner.catalog.search has it.
const NOTHING = {
  empty: /^The catalogue holds/, both: /within the radius passes/, filter: /^No piece passes/, radius: /within the radius:/,
  unwanted: /is not wanted/, text: /to compare texts/, course: /^No piece moves/, like: /the piece itself/, filters: /at once/,
};

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

// Why a search found nothing; null for what the page has no text for.
export function nothing(text) {
  const [name] = Object.entries(NOTHING).find(([, said]) => said.test(text)) ?? [];
  return name ? t(`find.nothing.${name}`) : null;
}

// The kind of music that a piece is most like; null for one that the language has no text for.
export function similar(kind) {
  return known(`like.${kind}`, language === "en" ? kind : null);
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

// Words that may be meant by one that is not known: those of the language that look like it, then
// those that the service offers.
export function meant(text, offered) {
  const own = [...names()].map(([said, name]) => [name, alike(plain(text), said)]).filter(([, share]) => share >= ALIKE)
    .toSorted((a, b) => b[1] - a[1]).slice(0, MEANT).map(([name]) => name);
  const all = new Set([...own, ...offered]);
  return [...all].filter((name) => !names().size || known(`lexicon.${name}`, null)).map(word);
}

// Twice the pairs of letters that two words have in common, as a share of all that they have.
function alike(one, other) {
  const pairs = (text) => new Set([...text].map((_, index) => ` ${text}`.slice(index, index + 2)));
  const [mine, others] = [pairs(one), pairs(other)];
  return (2 * [...mine].filter((pair) => others.has(pair)).length) / (mine.size + others.size);
}

function split(text, pairs) {
  const found = pairs.find(([, said]) => plain(text).startsWith(`${plain(said)} `));
  return found ? [found[0], text.slice(found[1].length + 1)] : ["", text];
}

const names = () => named("lexicon.");
const plain = (text) => text.toLowerCase();
