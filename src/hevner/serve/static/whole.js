// A piece on the whole: its values with intervals, emotions, moods and words; and its moments as a
// table.

import { h, range, table, term } from "./dom.js";
import { chordName, clock, decimal, keyName, moodName, moodText, percent, saidWord, signed } from "./emotion.js";
import { known, t } from "./strings.js";
import { word } from "./vocabulary.js";

const MOODS = 5;
const EXPRESSED = 5;
const TAGS = 8;

export function whole({ analysis, expressed }) {
  const moods = Object.entries(analysis.moods).slice(0, MOODS);
  const own = ["classes", "own_tags"].map((name) => [name, Object.entries(analysis[name] ?? {}).slice(0, MOODS)]);
  const tags = analysis.tags.filter((tag) => tag.present);
  return h("div", { class: "whole" },
    h("section", {}, h("h2", {}, t("whole")), h("dl", { class: "estimates" },
      Object.keys(analysis).filter((name) => analysis[name]?.low !== undefined).map((name) => term(known(name, name),
        h("span", { class: `number ${name}` }, signed(analysis[name].value)),
        h("span", { class: "aside" }, t("interval", {
          low: signed(analysis[name].low), high: signed(analysis[name].high),
        })), range(asShares(analysis[name]))))),
      h("p", { class: "aside" }, t("interval.text")), keys(analysis)),
    analysis.emotions && h("section", {}, h("h2", {}, t("emotions")), h("ul", { class: "ranges" },
      Object.entries(analysis.emotions).map(([name, one]) => reading(known(`emotion.${name}`, name), one))),
      h("p", { class: "aside" }, t("emotions.text"))),
    moods.length > 0 && h("section", {}, h("h2", {}, t("moods")), h("ul", { class: "bars" },
      moods.map(([name, share]) => bar(moodName(name), share, percent(share), moodText(name)))),
      h("p", { class: "aside" }, t("moods.text"))),
    own.map(([head, found]) => found.length > 0 && h("section", {}, h("h2", {}, t(head)), h("ul", { class: "bars" },
      found.map(([name, share]) => bar(name, share, percent(share)))))),
    h("section", {}, h("h2", {}, t("tags")), h("ul", { class: "tags" }, expressed.slice(0, EXPRESSED).map((one) =>
      h("li", { class: "tag emotion", title: t("express.fit", { share: percent(one.fit) }) }, saidWord(one)))),
      h("ul", { class: "tags" }, tags.slice(0, TAGS).map((tag) =>
        h("li", { class: "tag", title: t("tag.title", { share: percent(tag.probability) }) }, word(tag.name)))),
      tags.length ? null : h("p", { class: "aside" }, t("tags.none")),
      h("p", { class: "aside" }, t("model.by", { model: analysis.model }), " ",
        h("a", { href: "#understand" }, t("model.more")))));
}

// Made when it is opened: a long piece has many rows.
export function moments({ analysis, axes }) {
  const details = h("details", {}, h("summary", {}, t("table.show")));
  details.addEventListener("toggle", () => {
    if (details.childElementCount > 1) return;
    const cell = (estimate) => (estimate
      ? t("table.value", { value: signed(estimate.value), low: signed(estimate.low), high: signed(estimate.high) })
      : t("now.silent"));
    const head = ["table.time", ...axes, "table.chord"].map((name) => t(name));
    details.append(table(head, analysis.timeline.map((moment) => {
      const chord = analysis.chords.find(({ end }) => moment.start < end);
      return [clock(moment.start), ...axes.map((name) => cell(moment[name])), chord ? chordName(chord.label) : ""];
    })));
  });
  return details;
}

// The keys that it may be in, where there is more than one.
function keys({ key_candidates: candidates }) {
  const found = candidates.map(({ key, mode, probability }) => `${keyName(key, mode)} ${percent(probability)}`);
  return found.length > 1 && h("p", { class: "aside keys" }, t("keys", { keys: found.join(", ") }));
}

function bar(name, share, text, title) {
  const level = h("i");
  level.style.setProperty("--share", share);
  return h("li", { title }, h("span", {}, name), h("b", { "aria-hidden": "true" }, level), h("span", { class: "number" }, text));
}

// A basic emotion, from not at all to very.
function reading(name, one) {
  const [value, low, high] = [one.value, one.low, one.high].map((number) => decimal(number));
  const interval = t("interval", { low, high });
  return h("li", { title: interval }, h("span", {}, name), range(one),
    h("span", { class: "number" }, value, h("span", { class: "unseen" }, `, ${interval}`)));
}

// An estimate on -1..1 as shares of a bar.
function asShares({ value, low, high }) {
  const share = (number) => (number + 1) / 2;
  return { value: share(value), low: share(low), high: share(high) };
}
