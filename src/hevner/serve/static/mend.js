// A word that the service does not know, with those that may be meant: a click takes one.

import { button, h } from "./dom.js";
import { t } from "./strings.js";
import { trouble } from "./trouble.js";

// An error as a callout; `take` gets the word that is taken, or null to do without.
export function mend(problem, take) {
  if (!problem.word) return trouble(problem);
  const words = problem.suggestions.map((word) => h("li", { class: "tag" }, button(word, () => take(word))));
  return h("div", { class: "callout warning mend", role: "alert" },
    h("p", {}, h("strong", {}, t("find.unknown", { word: problem.word })), words.length ? ` ${t("find.meant")}` : null),
    h("ul", { class: "tags" }, words, h("li", { class: "tag" }, button(t("find.without"), () => take(null)))));
}
