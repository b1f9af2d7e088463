// All text that the page shows, from one file. A translation is a copy of strings.en.json under the
// code of its language, named in LANGUAGES.

const LANGUAGES = ["en"];

let strings = {};

export const language =
  navigator.languages.map((tag) => tag.split("-")[0]).find((tag) => LANGUAGES.includes(tag)) ??
  LANGUAGES[0];

export async function load() {
  const answer = await fetch(new URL(`strings.${language}.json`, import.meta.url));
  strings = await answer.json();
  document.documentElement.lang = language;
}

// The text of a name, with {parts} filled in. A text that depends on a number is an object with the
// plural categories of the language ("one", "other") and is chosen by `count`.
export function t(name, parts = {}) {
  let text = strings[name];
  if (text === undefined) throw new Error(`no text is named ${name}`);
  if (typeof text === "object") {
    text = text[new Intl.PluralRules(language).select(parts.count)] ?? text.other;
  }
  return text.replace(/\{(\w+)\}/g, (_, part) => parts[part]);
}

// The same for a name that may have no text, such as a word of another model.
export function known(name, otherwise) {
  return strings[name] ?? otherwise;
}
