// Search of the catalogue by emotion: a plane to click and draw on, words, filters, and playlists.

import * as api from "./api.js";
import { Chips } from "./chips.js";
import { button, field, fill, h, mount, refill } from "./dom.js";
import { labelOf, percent, saidWord, signed, spoken, titleOf } from "./emotion.js";
import { exportsOf } from "./export.js";
import { Filters } from "./filters.js";
import { Instrument } from "./instrument.js";
import { openPiece } from "./jobs.js";
import { mend } from "./mend.js";
import { player } from "./player.js";
import { Playlist } from "./playlist.js";
import { asQuery, nothing, question } from "./question.js";
import { asTrack, Results } from "./results.js";
import { t } from "./strings.js";
import { changes, colours } from "./theme.js";
import { attempt, noCatalog, trouble } from "./trouble.js";
import { nothing as whyNothing } from "./vocabulary.js";

const DEBOUNCE = 200; // milliseconds between the last change and the search
const TOOLS = ["point", "path", "pick"];

export const open = (main) => mount(main, new Find());

class Find {
  #stop = new AbortController();
  #searching = null;
  #timer = 0;
  #numbered = null; // the point that the fields for numbers were last filled with

  constructor() {
    this.plane = new Instrument(t("plane.find"));
    this.plane.element.setAttribute("aria-describedby", "plane-help");
    this.facts = h("p", { class: "aside facts" });
    this.results = new Results((hit) => this.#actions(hit));
    this.filters = new Filters(() => this.#ask({}));
    this.playlist = new Playlist(() => this.#giveUp());
    this.exports = exportsOf(() => this.results.hits);
    this.status = h("p", { class: "status", role: "status" });
    this.description = h("div", { class: "description" });
    this.spoken = h("p", { class: "unseen", role: "status" });
    this.asked = h("div", { class: "asked" });
    this.element = h("section", { class: "view find-view" },
      h("h1", { class: "unseen" }, t("view.find")),
      h("div", { class: "stage" },
        h("div", { class: "instrument" }, this.#tools(), this.plane.element, this.#help(), this.#numbers(), this.facts),
        h("div", { class: "question" }, this.#words(), this.filters.element, this.asked, this.status,
          this.results.element, this.exports, this.playlist.element)), this.spoken);
  }

  leave() {
    this.#stop.abort();
    this.#searching?.abort();
    clearTimeout(this.#timer);
  }

  async start() {
    const { signal } = this.#stop;
    this.plane.addEventListener("point", ({ detail }) => this.#ask({ point: detail, path: [], like: null }));
    this.plane.addEventListener("path", ({ detail }) => this.#ask({ path: detail.points, point: null, like: null }));
    this.plane.addEventListener("pick", ({ detail }) => this.#pick(detail.index));
    this.plane.addEventListener("cursor", ({ detail }) => {
      this.spoken.textContent = spoken(detail.valence, detail.arousal);
    });
    this.playlist.addEventListener("change", () => this.#paint());
    player.addEventListener("track", () => this.#sounding(), { signal });
    player.addEventListener("state", () => this.#sounding(), { signal });
    changes.addEventListener("change", () => this.#paint(), { signal });
    api.connection.addEventListener("back", () => this.#load(), { signal });
    document.addEventListener("visibilitychange", () => this.#look(), { signal });
    this.plane.ask(question);
    this.#use(question.tool);
    await this.#load();
  }

  async #load({ search = true } = {}) {
    try {
      const [facts, points, words] = await Promise.all([api.catalog(), api.points(), api.words()]);
      this.points = points;
      this.version = facts.version;
      this.text.hidden = !facts.encoder;
      this.plane.lay({ words, pieces: { ...points, names: points.names.map(titleOf) } });
      fill(this.wordList, words.map(({ word }) => h("option", { value: word })));
      for (const chips of this.chips) chips.known = new Set(words.map(({ word }) => word.toLowerCase()));
      const shown = points.ids.length;
      this.facts.textContent = facts.pieces > shown
        ? t("catalog.some", { count: facts.pieces, shown })
        : t("catalog.facts", { count: facts.pieces });
      if (search) this.#search();
    } catch (problem) {
      if (!(problem instanceof api.Problem)) throw problem;
      if (problem.kind === "no_catalog") fill(this.element, noCatalog());
      else fill(this.status, trouble(problem));
    }
  }

  // Reads the points anew if the catalogue has changed. Asked after a search and on return to the page.
  async #look() {
    if (document.hidden || !this.points) return;
    const facts = await attempt(null, () => api.catalog());
    if (facts && !this.#stop.signal.aborted && facts.version !== this.version) await this.#load({ search: false });
  }

  // ---- query

  #tools() {
    this.choices = TOOLS.map((name) => button(t(`tool.${name}`), () => this.#use(name), {
      "aria-pressed": "false", "data-tool": name,
    }));
    const tools = h("div", { class: "segments", role: "group", "aria-label": t("tools") }, this.choices);
    return h("div", { class: "tools-row" }, tools,
      button(t("clear"), () => this.#clear(), { class: "quiet" }));
  }

  #use(tool) {
    question.tool = tool;
    this.plane.tool = tool;
    this.plane.element.dataset.tool = tool;
    for (const choice of this.choices) {
      choice.setAttribute("aria-pressed", choice.dataset.tool === tool);
    }
    fill(this.help, t(`tool.${tool}.help`), h("span", { class: "keys" }, ` ${t(`tool.${tool}.keys`)}`));
  }

  #help() {
    this.help = h("p", { class: "aside", id: "plane-help" });
    return this.help;
  }

  // The point in numbers, for users who prefer to type or cannot see the plane.
  #numbers() {
    const limits = [["valence", -1, 1], ["arousal", -1, 1], ["radius", 0.05, 3]];
    const groups = limits.map(([name, min, max]) => field(t(name), `at-${name}`, {
      type: "number", min, max, step: 0.05, inputmode: "decimal", onchange: () => this.#typed(),
    }));
    this.fields = groups.map(([, input]) => input);
    return h("div", { class: "numbers" }, groups.map((group) => h("div", {}, group)));
  }

  #typed() {
    const [valence, arousal, radius] = this.fields.map((field) =>
      (field.value === "" || !field.validity.valid && !field.validity.stepMismatch ? null : Number(field.value)));
    if (valence === null || arousal === null) return;
    this.#ask({ point: { valence, arousal, radius }, path: [], like: null });
  }

  // Fills the fields if the point is another one: a search must not take away what is half typed.
  #number(point) {
    if (point === this.#numbered) return;
    this.#numbered = point;
    ["valence", "arousal", "radius"].forEach((name, index) => {
      this.fields[index].value = point?.[name]?.toFixed(2) ?? "";
    });
  }

  #words() {
    this.wordList = h("datalist", { id: "word-list" });
    this.chips = [
      new Chips("words", "word-list", () => this.#ask({ like: null, path: [] })),
      new Chips("unwanted", "word-list", () => this.#ask({})),
    ];
    return h("div", { class: "words" }, this.chips.map((chips) => chips.element), this.#text(), this.wordList);
  }

  // Free text, for catalogues whose encoder supports it.
  #text() {
    this.text = h("div", { class: "field", hidden: true }, field(t("text"), "text", {
      value: question.text, placeholder: t("text.placeholder"),
      onchange: ({ target }) => this.#ask({ text: target.value.trim(), path: [] }),
    }));
    return this.text;
  }

  #clear() {
    for (const field of this.fields) field.value = "";
    this.text.querySelector("input").value = "";
    this.#ask(nothing());
  }

  #ask(change) {
    Object.assign(question, change);
    this.plane.ask(question);
    this.chips.forEach((chips) => chips.show());
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#search(), DEBOUNCE);
  }

  // ---- results

  async #search() {
    this.#describe();
    const query = asQuery();
    this.#searching?.abort();
    fill(this.description);
    if (!query) {
      this.#show([]);
      fill(this.status, h("span", { class: "hint" }, t("find.hint")));
      return;
    }
    const stop = new AbortController();
    this.#searching = stop;
    try {
      const { hits, nothing } = await api.search(query, stop.signal);
      this.#show(hits);
      this.#look();
      fill(this.status, hits.length ? t("find.count", { count: hits.length }) : whyNothing(nothing) ?? h("span", { lang: "en" }, nothing));
    } catch (problem) {
      if (stop.signal.aborted) return; // asked again meanwhile
      if (!(problem instanceof api.Problem)) throw problem;
      this.#show([]);
      fill(this.status, mend(problem, (word) => this.#mended(problem.word, word)));
    }
  }

  // Takes another word for one that is not known, or none.
  #mended(old, word) {
    const change = {};
    for (const name of ["words", "unwanted"]) {
      change[name] = question[name].map((one) => (one.word === old ? { ...one, word } : one)).filter((one) => one.word);
    }
    this.#ask(change);
    this.chips[0].input.focus();
  }

  #describe() {
    const parts = [];
    const { point, path, like } = question;
    this.#number(point);
    if (point) {
      const place = { valence: signed(point.valence), arousal: signed(point.arousal) };
      parts.push([t("asked.point", place), () => this.#ask({ point: null })]);
    }
    if (like) parts.push([t("asked.like", { name: labelOf(like) }), () => this.#ask({ like: null })]);
    if (path.length) parts.push([t("asked.path"), () => this.#ask({ path: [] })]);
    if (question.text && !path.length) parts.push([t("asked.text", { text: question.text }), () => this.#withoutText()]);
    parts.push(...this.filters.chips);
    if (path.length && question.words.length) parts.push([t("asked.without"), null]);
    refill(this.asked, this.chips[0].input, parts.map(([text, without]) => h("span", { class: "chip" },
      h("span", { class: "word" }, text),
      without && button(t("find.remove", { name: text }), without, { glyph: "close", class: "round quiet small" }))));
  }

  #withoutText() {
    this.text.querySelector("input").value = "";
    this.#ask({ text: "" });
  }

  #show(hits) {
    this.results.show(hits);
    this.exports.hidden = !hits.length;
    this.#paint();
    this.#sounding();
  }

  // The results on the plane; the playlist if there are none.
  #paint() {
    const { hits } = this.results.hits.length ? this.results : this.playlist;
    const line = hits === this.playlist.hits ? this.playlist.line : [];
    this.plane.lay({
      marks: hits.map(({ valence, arousal }, index) =>
        ({ valence, arousal, label: String(index + 1), colour: colours.ink })),
      courses: [{ points: line, colour: colours.ink, dash: [4, 4] }],
    });
  }

  #actions(hit) {
    return [
      button(t("hit.like"), () => this.#ask({ like: hit, point: null, path: [], words: [] }), { class: "quiet" }),
      button(t("hit.express"), () => this.#express(hit), { class: "quiet" }),
      button(t("hit.open"), () => this.#open(hit), { class: "quiet" }),
    ];
  }

  #pick(index) {
    const { ids, names, valence, arousal } = this.points;
    const [id, name] = [ids[index], names[index]];
    this.spoken.textContent = `${titleOf(name)}, ${spoken(valence[index], arousal[index])}`;
    player.load([asTrack({ id, name, start: null, end: null })]);
  }

  #sounding() {
    this.results.sounding();
    this.playlist.results.sounding();
    const index = this.points?.ids.indexOf(player.track?.id) ?? -1;
    this.plane.show(index < 0 ? null : [this.points.valence[index], this.points.arousal[index]]);
  }

  // The place for what is said of a result: in its row, so that no other row moves away.
  #below(hit) {
    this.results.rows[this.results.hits.indexOf(hit)]?.append(this.description);
    return this.description;
  }

  async #express(hit) {
    await attempt(this.#below(hit), async () => {
      const words = await api.emotions(hit.id);
      fill(this.description, h("div", { class: "callout" },
        h("p", {}, h("strong", {}, t("express.title", { title: labelOf(hit) }))),
        h("ul", { class: "tags" }, words.map((one) => h("li", { class: "tag emotion" },
          button(saidWord(one), () => {
            question.words = [{ word: one.word, degree: one.degree }];
            this.#ask({ like: null, path: [], point: null });
          }, { title: t("express.search", { share: percent(one.fit) }) })))),
        h("p", { class: "aside" }, t(words.length ? "express.text" : "express.none"))));
      this.description.scrollIntoView({ block: "nearest" });
    });
  }

  async #open(hit) {
    await attempt(this.#below(hit), () => openPiece(hit));
  }

  // Gives up the search for a playlist; a drawn path stays in sight.
  #giveUp() {
    clearTimeout(this.#timer);
    this.#searching?.abort();
    const { path } = question;
    Object.assign(question, nothing());
    this.plane.ask({ path });
    this.chips.forEach((chips) => chips.show());
    this.#describe();
    fill(this.description);
    fill(this.status);
    this.#show([]);
  }
}
