// Meaning of the scores, training data of the model, and its uncertainty.

import * as api from "./api.js";
import { fill, h, range, table, term } from "./dom.js";
import { decimal, moodName, moodText } from "./emotion.js";
import { Plane } from "./plane.js";
import { known, language, number, t } from "./strings.js";
import { attempt } from "./trouble.js";

const HEADLINES = [
  "valence r", "arousal r", "valence auc", "arousal auc", "quadrant accuracy", "gems mean r",
  "valence coverage", "arousal coverage", "valence within-piece r", "arousal within-piece r",
];
const GUIDE = ["interval", "time", "familiarity", "emotions", "limits", "gap", "moods"];
// Felt emotions, as hevner.emotion has them.
const FELT = ["amazement", "solemnity", "tenderness", "nostalgia", "calmness", "power", "joyful activation", "tension", "sadness"];
const INLINE = /\*\*(.+?)\*\*|\*(.+?)\*|`(.+?)`|\[(.+?)\]\((.+?)\)/g;

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
      h("h2", {}, t(`guide.${part}.title`)), h("p", {}, t(`guide.${part}`)), { gap, moods: felt() }[part]))),
    h("h2", {}, t("models")), choices, card));
  attempt(card, async () => plane.lay({ words: await api.words() }));
  attempt(card, async () => {
    const address = await api.gap();
    if (address) fill(gap, h("a", { href: address, target: "_blank" }, t("guide.gap.open")));
  });
  attempt(card, async () => cards(await api.models(), name, choices, card));
}

// What each felt emotion is called, and what it feels like.
function felt() {
  return h("dl", { class: "felt-words" }, FELT.map((name) => term(moodName(name), moodText(name))));
}

async function cards(models, name, choices, place) {
  const ordered = models.toSorted((a, b) => Number(b.default) - Number(a.default));
  const first = ordered.find((model) => model.name === name) ?? ordered[0];
  fill(choices, ordered.map((model) => h("a", {
    href: `#understand/${model.name}`, "aria-current": model === first && "true",
  }, model.name)));
  const model = await api.model(first.name);
  fill(place, facts(model.facts), scores(model.card),
    language !== "en" && h("p", { class: "aside" }, t("card.english")),
    h("section", { class: "card-text", lang: "en" }, blocks(model.text)));
}

function facts(model) {
  const row = (name, value) => term(t(`card.${name}`), ...[value].flat());
  const english = (text) => h("span", { lang: "en" }, text);
  return h("dl", { class: "facts" },
    row("predicts", model.predicts.flatMap((one, index) => [index ? " · " : "", named("predicts", one)])),
    row("trained", english(model.trained_on.join(" · "))),
    row("licence", english(model.licences.weights)),
    row("commercial", t(model.commercial_use ? "yes" : "no")));
}

function scores({ scores: measured }) {
  if (!measured?.rows?.length) return null;
  const main = measured.rows.filter(({ metric }) => HEADLINES.includes(metric));
  return h("section", {}, h("h3", {}, t("scores")), h("p", { class: "aside" }, t("scores.text")), measures(main),
    h("details", {}, h("summary", {}, t("scores.more", { count: measured.rows.length })), measures(measured.rows)));
}

function measures(rows) {
  const columns = ["dataset", "protocol", "metric", "value", "interval", "pieces"];
  return table(columns.map((name) => t(`scores.${name}`)), rows.map((row) => [
    row.dataset, named("protocol", row.protocol), named("metric", row.metric),
    decimal(row.value),
    h("span", { class: "range" }, inside(row) && range(row), t("scores.range", { low: decimal(row.low), high: decimal(row.high) })),
    number(row.n),
  ]));
}

// What the language has no text for is English.
function named(kind, name) {
  return known(`${kind}.${name}`, null) ?? h("span", { lang: "en" }, name);
}

// An interval that reaches outside 0..1 is only written.
function inside({ low, high }) {
  return low >= 0 && high <= 1;
}

// The Markdown of model cards as elements: headings, paragraphs, lists, tables, bold, italics, code
// and links. Nothing is ever parsed as HTML.
function blocks(text) {
  return text.replaceAll("\r", "").split(/\n{2,}/).flatMap((block) => {
    const lines = block.split("\n").filter(Boolean);
    const heading = lines[0]?.startsWith("#") ? [title(lines.shift())] : [];
    return [...heading, ...body(lines)];
  });
}

function title(line) {
  return h("h3", {}, inline(line.replace(/^#+\s*/, "")));
}

function body(lines) {
  if (!lines.length) return [];
  if (lines[0].startsWith("|")) return [grid(lines)];
  const first = lines.findIndex((line) => line.startsWith("- "));
  if (first < 0) return [h("p", {}, inline(lines.join(" ")))];
  const before = first > 0 ? [h("p", {}, inline(lines.slice(0, first).join(" ")))] : [];
  const items = lines.slice(first).join("\n").split(/^- /m).filter(Boolean);
  return [...before, h("ul", {}, items.map((item) => h("li", {}, inline(item.replace(/\s*\n\s*/g, " ")))))];
}

function grid(lines) {
  const cells = (line) => line.replace(/^\||\|\s*$/g, "").split("|").map((cell) => inline(cell.trim()));
  const [head, , ...rows] = lines.map(cells);
  return table(head, rows);
}

// A link becomes its text: cards link to files of the source code, which the page does not have.
function inline(text) {
  const found = [];
  let at = 0;
  for (const match of text.matchAll(INLINE)) {
    const [whole, bold, italic, code, link] = match;
    found.push(text.slice(at, match.index));
    if (bold) found.push(h("strong", {}, bold));
    else if (italic) found.push(h("em", {}, italic));
    else if (code) found.push(h("code", {}, code));
    else found.push(link);
    at = match.index + whole.length;
  }
  return [...found, text.slice(at)];
}
