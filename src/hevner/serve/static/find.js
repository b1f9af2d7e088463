// Search of the catalogue by emotion: a plane to click and draw on, words, filters, and playlists.

import * as api from "./api.js";
import { mark } from "./bar.js";
import { Chips } from "./chips.js";
import { button, field, fill, h, mount } from "./dom.js";
import { clock, keyName, labelOf, percent, saidWord, signed, spoken, titleOf } from "./emotion.js";
import { asM3u, asTable, save } from "./export.js";
import { Instrument } from "./instrument.js";
import { openPiece } from "./listen.js";
import { player } from "./player.js";
import { asFilters, asQuery, nothing, question } from "./question.js";
import { known, t } from "./strings.js";
import { changes, colours } from "./theme.js";
import { attempt, trouble } from "./trouble.js";

const DEBOUNCE = 200; // milliseconds between the last change and the search
const TOOLS = ["point", "path", "pick"];
const MODES = ["ionian", "dorian", "phrygian", "lydian", "mixolydian", "aeolian", "harmonic minor"]; // as hevner.result

export const open = (main) => mount(main, new Find());

class Find {
  #stop = new AbortController();
  #searching = null;
  #timer = 0;
  #hits = [];
  #line = [];

  constructor() {
    this.plane = new Instrument(t("plane.find"));
    this.plane.element.setAttribute("aria-describedby", "plane-help");
    this.facts = h("p", { class: "aside facts" });
    this.list = h("ol", { class: "hits" });
    this.status = h("p", { class: "status", role: "status" });
    this.description = h("div", { class: "description" });
    this.spoken = h("p", { class: "unseen", role: "status" });
    this.asked = h("div", { class: "asked" });
    this.element = h("section", { class: "view find-view" },
      h("h1", { class: "unseen" }, t("view.find")),
      h("div", { class: "stage" },
        h("div", { class: "instrument" }, this.#tools(), this.plane.element, this.#help(), this.#numbers(), this.facts),
        h("div", { class: "question" }, this.#words(), filters(() => this.#ask({})), this.asked, this.status,
          this.description, this.list, this.#exports(), this.#playlist())), this.spoken);
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
    player.addEventListener("track", () => this.#sounding(), { signal });
    player.addEventListener("state", () => this.#sounding(), { signal });
    changes.addEventListener("change", () => this.#paint(), { signal });
    api.connection.addEventListener("back", () => this.#load(), { signal });
    this.plane.ask(question);
    this.#use(question.tool);
    await this.#load();
  }

  async #load() {
    try {
      const [facts, points, words] = await Promise.all([api.catalog(), api.points(), api.words()]);
      this.points = points;
      this.text.hidden = !facts.encoder;
      this.plane.lay({ words, pieces: { ...points, names: points.names.map(titleOf) } });
      fill(this.wordList, words.map(({ word }) => h("option", { value: word })));
      for (const chips of this.chips) chips.known = new Set(words.map(({ word }) => word.toLowerCase()));
      const shown = points.ids.length;
      this.facts.textContent = facts.pieces > shown
        ? t("catalog.some", { count: facts.pieces, shown })
        : t("catalog.facts", { count: facts.pieces });
      this.#search();
    } catch (problem) {
      if (!(problem instanceof api.Problem)) throw problem;
      if (problem.kind === "no_catalog") fill(this.element, noCatalog());
      else fill(this.status, trouble(problem));
    }
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
      fill(this.status, hits.length ? t("find.count", { count: hits.length }) : h("span", { lang: "en" }, nothing));
    } catch (problem) {
      if (stop.signal.aborted) return; // asked again meanwhile
      if (!(problem instanceof api.Problem)) throw problem;
      this.#show([]);
      fill(this.status, trouble(problem));
    }
  }

  #describe() {
    const parts = [];
    const { point, path, like } = question;
    ["valence", "arousal", "radius"].forEach((name, index) => {
      this.fields[index].value = point?.[name]?.toFixed(2) ?? "";
    });
    const words = question.words.length || question.unwanted.length || question.text;
    if (point && words) {
      const place = { valence: signed(point.valence), arousal: signed(point.arousal) };
      parts.push([t("asked.point", place), { point: null }]);
    }
    if (like) parts.push([t("asked.like", { name: labelOf(like) }), { like: null }]);
    if (path.length) parts.push([t("asked.path"), { path: [] }]);
    if (path.length && question.words.length) parts.push([t("asked.without"), null]);
    fill(this.asked, parts.map(([text, change]) => h("span", { class: "chip" },
      h("span", { class: "word" }, text),
      change && button(t("clear"), () => this.#ask(change), { glyph: "close", class: "round quiet small" }))));
  }

  #show(hits, line = []) {
    this.#hits = hits;
    this.#line = line;
    this.rows = hits.map((hit, index) => this.#row(hit, index));
    fill(this.list, this.rows);
    this.exports.hidden = !hits.length;
    this.#paint();
    this.#sounding();
  }

  #paint() {
    this.plane.lay({
      marks: this.#hits.map(({ valence, arousal }, index) =>
        ({ valence, arousal, label: String(index + 1), colour: colours.ink })),
      courses: [{ points: this.#line, colour: colours.ink, dash: [4, 4] }],
    });
  }

  #row(hit, index) {
    const title = labelOf(hit);
    const play = button(t("hit.play", { title }), () => this.#play(index), { glyph: "play", class: "round" });
    const facts = [
      hit.album, hit.start !== null && hit.start !== undefined && t("hit.from", { time: clock(hit.start) }),
      clock(hit.duration), hit.key && keyName(hit.key, hit.mode),
      t("hit.place", { valence: signed(hit.valence), arousal: signed(hit.arousal) }),
    ].filter(Boolean);
    const cover = hit.cover && h("img", {
      class: "cover", src: api.picture(hit), alt: "", loading: "lazy", width: 38, height: 38,
      onerror: ({ target }) => target.remove(),
    });
    const fit = h("span", { class: "fit", title: t("hit.fit.title") });
    if (hit.fit !== null && hit.fit !== undefined) {
      const level = h("i");
      level.style.setProperty("--share", hit.fit);
      fill(fit, h("b", { "aria-hidden": "true" }, level), t("hit.fit", { share: percent(hit.fit) }));
    }
    return h("li", { class: "hit", "data-id": hit.id },
      h("span", { class: "rank" }, index + 1), play,
      h("div", { class: "what" }, cover, h("span", { class: "title", title: hit.name }, title),
        h("span", { class: "aside" }, facts.join(" · "))),
      fit,
      h("div", { class: "more" },
        button(t("hit.like"), () => this.#ask({ like: hit, point: null, path: [], words: [] }), { class: "quiet" }),
        button(t("hit.express"), () => this.#express(hit), { class: "quiet" }),
        button(t("hit.open"), () => this.#open(hit), { class: "quiet" })));
  }

  #exports() {
    this.exports = h("div", { class: "exports", role: "group", "aria-label": t("export"), hidden: true },
      button("M3U8", () => save("hevner.m3u8", "audio/mpegurl", asM3u(this.#hits)), { class: "quiet" }),
      button("CSV", () => save("hevner.csv", "text/csv", asTable(this.#hits)), { class: "quiet" }));
    return this.exports;
  }

  #play(index) {
    const hit = this.#hits[index];
    if (player.track?.id === hit.id && player.track?.start === (hit.start ?? undefined)) return player.toggle();
    return player.load(this.#hits.map(asTrack), index);
  }

  #pick(index) {
    const { ids, names, valence, arousal } = this.points;
    const [id, name] = [ids[index], names[index]];
    this.spoken.textContent = `${titleOf(name)}, ${spoken(valence[index], arousal[index])}`;
    player.load([asTrack({ id, name, start: null, end: null })]);
  }

  #sounding() {
    this.#hits.forEach((hit, index) => mark(this.rows[index], hit.id, labelOf(hit)));
    const index = this.points?.ids.indexOf(player.track?.id) ?? -1;
    this.plane.show(index < 0 ? null : [this.points.valence[index], this.points.arousal[index]]);
  }

  async #express(hit) {
    await attempt(this.description, async () => {
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
    await attempt(this.description, () => openPiece(hit));
  }

  // ---- playlist

  #playlist() {
    const groups = [
      ["from", { value: t("playlist.from.value"), list: "word-list" }], ["to", { value: t("playlist.to.value"), list: "word-list" }],
      ["minutes", { value: 30, type: "number", min: 1, max: 600 }],
    ].map(([name, more]) => field(t(`playlist.${name}`), `list-${name}`, { required: true, ...more }));
    const form = h("form", {
      class: "playlist-form",
      onsubmit: (event) => {
        event.preventDefault();
        const [from, to, minutes] = groups.map(([, input]) => input.value);
        this.#travel(from, to, Number(minutes));
      },
    }, groups.map((group, index) => h("div", { class: index < 2 ? "field" : "field short" }, group)),
    button(t("playlist.make"), () => {}, { type: "submit", class: "primary" }));
    return h("section", { class: "playlist" }, h("h2", {}, t("playlist")), h("p", { class: "aside" }, t("playlist.text")), form);
  }

  async #travel(from, to, minutes) {
    clearTimeout(this.#timer);
    this.#searching?.abort();
    Object.assign(question, nothing());
    this.plane.ask(question);
    this.chips.forEach((chips) => chips.show());
    this.#describe();
    fill(this.description);
    fill(this.status, t("playlist.making"));
    await attempt(this.status, async () => {
      const { hits } = await api.playlist({ from, to, minutes, filters: asFilters() });
      this.#show(hits, hits.map(({ valence, arousal }) => [valence, arousal]));
      const total = hits.reduce((sum, hit) => sum + hit.duration, 0);
      fill(this.status, h("span", {}, t("playlist.made", { count: hits.length, time: clock(total) }), " "),
        button(t("playlist.play"), () => this.#play(0), { class: "primary" }));
      this.status.scrollIntoView({ block: "nearest" });
    });
  }
}

function asTrack(hit) {
  return {
    id: hit.id, title: labelOf(hit), duration: hit.duration,
    start: hit.start ?? undefined, end: hit.end ?? undefined, address: () => api.audio(hit),
  };
}

function noCatalog() {
  return h("div", { class: "nothing" }, h("h1", {}, t("catalog.none")), h("p", {}, t("catalog.none.text")),
    h("pre", {}, "hevner index music/ --into catalogue\nhevner serve catalogue"));
}

// Filters, folded until they are opened; `changed` is called after every change.
function filters(changed) {
  const set = (name, value) => {
    if (value === undefined) delete question.filters[name];
    else question.filters[name] = value;
    changed();
  };
  const number = (name, label) => h("label", {}, h("span", {}, t(label)), h("input", {
    type: "number", min: 0, id: `filter-${name}`, inputmode: "numeric", value: question.filters[name],
    onchange: ({ target }) => set(name, target.value === "" ? undefined : Number(target.value)),
  }));
  const choice = (name, label, options) => h("label", {}, h("span", {}, t(label)), h("select", {
    id: `filter-${name}`,
    onchange: ({ target }) => set(name, target.value || undefined),
  }, h("option", { value: "" }, t("filter.any")), options.map(([value, text]) =>
    h("option", { value, selected: question.filters[name] === value }, text))));
  const check = (name) => h("label", { class: "check" }, h("input", {
    type: "checkbox", checked: question[name],
    onchange: ({ target }) => {
      question[name] = target.checked;
      changed();
    },
  }), t(name));
  return h("details", { class: "filters" }, h("summary", {}, t("filters")),
    h("div", { class: "grid" },
      choice("quadrant", "filter.quadrant", ["Q1", "Q2", "Q3", "Q4"].map((name) => [name, t(`quadrant.${name}`)])),
      choice("key_mode", "filter.third", [["major", t("mode.major")], ["minor", t("mode.minor")]]),
      choice("mode", "filter.mode", MODES.map((name) => [name, known(`mode.${name}`, name)])),
      number("duration_max", "filter.longest"),
      number("tempo_min", "filter.slowest"),
      number("tempo_max", "filter.fastest")),
    h("div", { class: "checks" }, check("moments"), check("diverse")));
}
