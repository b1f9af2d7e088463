// Errors of the service, shown in the place of what failed. A translation may have a sentence for a
// kind of error; the details, which are in English, follow it.

import { Problem } from "./api.js";
import { fill, h } from "./dom.js";
import { known, t } from "./strings.js";

export function trouble(problem) {
  const { kind, message, remedy } = problem;
  const own = kind === "offline" ? t("offline") : known(`problem.${kind}`, null);
  const todo = known(`remedy.${kind}`, null);
  // What the language has a sentence and a remedy for needs no details.
  const details = own && todo ? [] : [own ? null : h("strong", {}, message), own && kind !== "offline" ? message : null, todo ? null : remedy];
  return h("div", { class: "callout warning", role: "alert" }, own && h("p", {}, h("strong", {}, own)),
    details.filter(Boolean).map((text) => h("p", { lang: "en" }, text)), todo && h("p", {}, todo));
}

// The same in one sentence.
export function inShort({ kind, message }) {
  const text = kind === "offline" ? t("offline") : known(`problem.${kind}`, message);
  return text[0].toUpperCase() + text.slice(1);
}

// What a view shows that needs a catalogue where there is none.
export function noCatalog() {
  return h("div", { class: "nothing" }, h("h1", {}, t("catalog.none")), h("p", {}, t("catalog.none.text")),
    h("pre", {}, "hevner index music/ --into catalogue\nhevner serve catalogue"));
}

// Does some work; an error of the service is shown in `place`, if there is one.
export async function attempt(place, work) {
  try {
    return await work();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (place) fill(place, trouble(problem));
    return undefined;
  }
}
