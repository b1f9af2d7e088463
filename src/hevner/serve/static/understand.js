// Meaning of the scores, training data of the model, and its uncertainty.

import * as api from "./api.js";
import { fill, h } from "./dom.js";
import { trouble } from "./listen.js";
import { blocks } from "./markdown.js";
import { Plane } from "./plane.js";
import { known, t } from "./strings.js";

const HEADLINES = [
  "valence r", "arousal r", "valence auc", "arousal auc", "quadrant accuracy", "gems mean r",
  "valence coverage", "arousal coverage", "valence within-piece r", "arousal within-piece r",
];
const GUIDE = ["interval", "time", "familiarity", "moods", "limits", "gap"];

export function open(main, [name]) {
  const plane = new Plane(t("plane.words"));
  const card = h("div", { class: "card-text" });
  const gap = h("p");
  const choices = h("div", { class: "segments", role: "group", "aria-label": t("models") });
  fill(main, h("section", { class: "view understand-view" },
    h("h1", {}, t("understand.title")),
    h("div", { class: "stage" },
      h("div", { class: "guide" }, h("h2", {}, t("guide.plane.title")), h("p", {}, t("guide.plane.valence")),
        h("p", {}, t("guide.plane.arousal")), h("p", {}, t("guide.plane.listeners"))),
      plane.element),
    h("div", { class: "guides" }, GUIDE.map((part) => h("section", {},
      h("h2", {}, t(`guide.${part}.title`)), h("p", {}, t(`guide.${part}`)), part === "gap" ? gap : null))),
    h("h2", {}, t("models")), choices, card));
  api.words().then((words) => {
    plane.words = words;
  }).catch(showError(card));
  api.gap().then((address) => {
    if (address) fill(gap, h("a", { href: address, target: "_blank" }, t("guide.gap.open")));
  }).catch(showError(card));
  api.models().then((models) => cards(models, name, choices, card)).catch(showError(card));
}

function showError(place) {
  return (problem) => {
    if (!(problem instanceof api.Problem)) throw problem;
    fill(place, trouble(problem));
  };
}

function cards(models, name, choices, place) {
  const ordered = models.toSorted((a, b) => Number(b.default) - Number(a.default));
  const first = ordered.find((model) => model.name === name) ?? ordered[0];
  const links = ordered.map((model) => h("a", { href: `#understand/${model.name}` }, model.name));
  fill(choices, links);
  links[ordered.indexOf(first)].setAttribute("aria-current", "true");
  api.model(first.name).then((model) => fill(place, facts(model.facts), scores(model.card), blocks(model.text)))
    .catch(showError(place));
}

function facts(model) {
  const row = (name, value) => h("div", {}, h("dt", {}, t(`card.${name}`)), h("dd", {}, value));
  return h("dl", { class: "facts" },
    row("tells", model.tells.join(" · ")),
    row("trained", model.trained_on.join(" · ")),
    row("licence", model.licences.weights),
    row("commercial", t(model.commercial_use ? "yes" : "no")));
}

function scores({ scores: measured }) {
  if (!measured?.rows?.length) return null;
  const main = measured.rows.filter(({ metric }) => HEADLINES.includes(metric));
  return h("section", {}, h("h3", {}, t("scores")), h("p", { class: "aside" }, t("scores.text")), table(main),
    h("details", {}, h("summary", {}, t("scores.more", { count: measured.rows.length })), table(measured.rows)));
}

function table(rows) {
  const columns = ["dataset", "protocol", "metric", "value", "interval", "pieces"];
  return h("div", { class: "scroll", tabindex: 0 }, h("table", {},
    h("thead", {}, h("tr", {}, columns.map((name) => h("th", { scope: "col" }, t(`scores.${name}`))))),
    h("tbody", {}, rows.map((row) => h("tr", {},
      h("td", {}, row.dataset),
      h("td", {}, known(`protocol.${row.protocol}`, row.protocol)),
      h("td", {}, known(`metric.${row.metric}`, row.metric)),
      h("td", {}, figure(row.value)),
      h("td", {}, h("span", { class: "range" }, range(row), t("scores.range", { low: figure(row.low), high: figure(row.high) }))),
      h("td", {}, row.n.toLocaleString()))))));
}

function figure(value) {
  return value.toFixed(2).replace("-", "−");
}

// The interval as a bar on 0..1; one outside is only written.
function range({ value, low, high }) {
  const bar = h("b", { "aria-hidden": "true" }, h("i"), h("u"));
  if (low < 0 || high > 1) bar.classList.add("gone");
  for (const [name, share] of Object.entries({ low, high, value })) bar.style.setProperty(`--${name}`, share);
  return bar;
}
