// All text that the page shows. A translation is a copy of strings.en.json under the code of its
// language, named in LANGUAGES by what its speakers call it; the first is for all others.

import * as kept from "./kept.js";

const LANGUAGES = { en: "English", de: "Deutsch" };
const KEPT = "hevner.language";

let strings = {};

export const language =
  [kept.read(KEPT), ...navigator.languages.map((tag) => tag.split("-")[0])]
    .find((code) => Object.hasOwn(LANGUAGES, code)) ?? Object.keys(LANGUAGES)[0];

export async function load() {
  const answer = await fetch(new URL(`strings.${language}.json`, import.meta.url));
  strings = await answer.json();
  document.documentElement.lang = language;
}

// The languages by code, and a change to one, which loads the page anew.
export const languages = Object.entries(LANGUAGES);

export function speak(code) {
  kept.write(KEPT, code);
  location.reload();
}

// The text of a name, with {parts} filled in. A text that depends on a number is an object with the
// plural categories of the language ("one", "other") and is chosen by `count`.
export function t(name, parts = {}) {
  let text = strings[name];
  if (text === undefined) throw new Error(`no text is named ${name}`);
  if (typeof text === "object") {
    text = text[new Intl.PluralRules(language).select(parts.count)] ?? text.other;
  }
  return text.replace(/\{(\w+)\}/g, (_, part) => (typeof parts[part] === "number" ? number(parts[part]) : parts[part]));
}

// The same for a name that may have no text, such as a word of another model.
export function known(name, otherwise) {
  return strings[name] ?? otherwise;
}

// The names that begin with a prefix, without it, by their texts in lower case.
export function named(prefix) {
  return new Map(Object.entries(strings).filter(([name]) => name.startsWith(prefix))
    .map(([name, text]) => [text.toLowerCase(), name.slice(prefix.length)]));
}

// A number as the language writes it, with a minus as long as a plus. A format takes long to make.
const formats = new Map();

export function number(value, digits = {}) {
  const kind = JSON.stringify(digits);
  if (!formats.has(kind)) formats.set(kind, new Intl.NumberFormat(language, digits));
  return formats.get(kind).format(value).replace("-", "−");
}
