// Ratings in figures: who rated how much, how far raters agree, and what to do with them.

import * as api from "./api.js";
import { fill, h, table } from "./dom.js";
import { decimal, scaleName } from "./emotion.js";
import { known, t } from "./strings.js";
import { attempt } from "./trouble.js";

const RATER = /^agreement of (.+)$/; // as hevner.datasets.reliability

export function results() {
  const place = h("div", { class: "rate-results" });
  attempt(place, async () => fill(place, ...content(await api.ratings())));
  return place;
}

function content({ raters, pieces, agreement, export: address, commands }) {
  if (!raters.length) return [h("p", { class: "hint" }, t("rate.results.none"))];
  const counts = raters.map(({ rater, rated, skipped }) => [rater, rated, skipped]);
  return [
    h("p", {}, t("rate.results.count", { pieces, raters: raters.length })),
    table(["rater", "rated", "skipped"].map((name) => t(`rate.results.${name}`)), counts),
    h("h2", {}, t("rate.agreement")),
    h("p", { class: "aside" }, t("rate.agreement.text")),
    agreement.length
      ? table(["label", "measure", "value", "interval", "n"].map((name) => t(`rate.agreement.${name}`)), agreement.map(row))
      : h("p", { class: "hint" }, t("rate.agreement.none")),
    h("h2", {}, t("rate.export")),
    h("p", {}, t("rate.export.text")),
    h("p", {}, h("a", { class: "like-button", href: api.addressOf(address), download: "" }, t("rate.export.take"))),
    h("p", {}, t("rate.model.text")),
    h("pre", {}, commands.join("\n")),
  ];
}

function row({ label, measure, value, low, high, n }) {
  const [, rater] = RATER.exec(measure) ?? [];
  const name = rater ? t("rate.measure.rater", { rater }) : known(`rate.measure.${measure}`, measure);
  const shown = decimal(value);
  return [scaleName(label), name, value < 0 ? t("rate.agreement.below", { value: shown }) : shown,
    low === null ? "" : t("interval", { low: decimal(low), high: decimal(high) }), n];
}
