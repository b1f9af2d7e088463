// A playlist: made along words or a drawn path, then changed by hand.
//
// Events: "change" when its pieces are others, or in another order.

import * as api from "./api.js";
import { button, field, fill, h } from "./dom.js";
import { clock, labelOf } from "./emotion.js";
import { exportsOf } from "./export.js";
import { asKept, keepIn } from "./keep.js";
import { mend } from "./mend.js";
import { player } from "./player.js";
import { asFilters, question } from "./question.js";
import { asTrack, Results } from "./results.js";
import { t } from "./strings.js";
import { trouble } from "./trouble.js";

const CORNER = 0.12; // how far a path may be from its straightened one
const MOST = 12; // corners, as hevner.serve.schemas
const OTHERS = 30; // pieces that are looked at to replace one

let kept = []; // while the page is open

export class Playlist extends EventTarget {
  #path = [];
  #rejected = new Set();
  #queue = null;

  // `clear` is called before a playlist is made; it gives up the search.
  constructor(clear) {
    super();
    this.clear = clear;
    this.results = new Results((hit, index) => this.#actions(hit, index));
    this.status = h("p", { class: "status", role: "status" });
    this.exports = exportsOf(() => this.hits);
    this.element = h("section", { class: "playlist" }, h("h2", {}, t("playlist")),
      h("p", { class: "aside" }, t("playlist.text")), this.#form(), this.status, this.results.element, this.exports);
    this.#draggable();
    this.#set(kept);
  }

  get hits() {
    return this.results.hits;
  }

  // The places of its pieces in their order.
  get line() {
    return this.hits.map(({ valence, arousal }) => [valence, arousal]);
  }

  // ---- making

  #form() {
    const groups = [
      ["from", { value: t("playlist.from.value"), list: "word-list" }], ["to", { value: t("playlist.to.value"), list: "word-list" }],
      ["minutes", { value: 30, type: "number", min: 1, max: 600 }], ["shortest", { value: 30, type: "number", min: 0, max: 3600 }],
    ].map(([name, more]) => field(t(`playlist.${name}`), `list-${name}`, { required: true, ...more }));
    [this.from, this.to, this.length, this.shortest] = groups.map(([, input]) => input);
    const parts = groups.map((group, index) => h("div", { class: index < 2 ? "field" : "field short" }, group));
    this.ends = parts.slice(0, 2);
    const option = (name) => h("option", { value: name }, t(`playlist.${name}`));
    this.way = h("select", { id: "list-way", onchange: () => this.#ways() }, option("words"), option("path"));
    this.unit = h("select", { "aria-label": t("playlist.unit") }, option("in_minutes"), option("in_pieces"));
    fill(parts[2], h("label", { for: "list-minutes" }, t("playlist.length")), h("div", { class: "with-unit" }, this.length, this.unit));
    return h("form", {
      class: "playlist-form",
      onsubmit: (event) => {
        event.preventDefault();
        this.make();
      },
    }, h("div", { class: "field" }, h("label", { for: "list-way" }, t("playlist.way")), this.way), parts,
    button(t("playlist.make"), () => {}, { type: "submit", class: "primary" }));
  }

  #ways() {
    for (const part of this.ends) {
      part.hidden = this.way.value === "path";
      part.lastChild.disabled = part.hidden;
    }
  }

  async make() {
    if (question.path.length) this.#path = question.path;
    const points = corners(this.#path).slice(0, MOST).map(([valence, arousal]) => ({ valence, arousal }));
    if (this.way.value === "path" && points.length < 2) return fill(this.status, t("playlist.draw"));
    const ends = this.way.value === "path"
      ? { from: points[0], via: points.slice(1, -1), to: points.at(-1) }
      : { from: this.from.value, to: this.to.value };
    const length = { [this.unit.value === "in_pieces" ? "count" : "minutes"]: Number(this.length.value) };
    this.clear();
    fill(this.status, t("playlist.making"));
    try {
      const { hits } = await api.playlist({ ...ends, ...length, shortest: Number(this.shortest.value), filters: asFilters() });
      this.#rejected.clear();
      this.#set(hits);
      this.status.scrollIntoView({ block: "nearest" });
    } catch (problem) {
      if (!(problem instanceof api.Problem)) throw problem;
      fill(this.status, problem.word ? mend(problem, (word) => this.#mended(problem.word, word)) : trouble(problem));
    }
    return undefined;
  }

  #mended(old, word) {
    const input = [this.from, this.to].find(({ value }) => value.toLowerCase().includes(old));
    if (!input) return;
    input.value = word === null ? "" : input.value.toLowerCase().replace(old, word);
    fill(this.status);
    if (word === null) input.focus();
    else this.make();
  }

  // ---- changing

  #set(hits) {
    kept = hits;
    this.results.show(hits);
    this.exports.hidden = !hits.length;
    const total = hits.reduce((sum, hit) => sum + hit.duration, 0);
    fill(this.status, hits.length > 0 && h("span", {}, t("playlist.made", { count: hits.length, time: clock(total) }), " "),
      hits.length > 0 && [button(t("playlist.play"), () => this.#play(), { class: "primary" }),
        button(t("library.keep"), () => this.#keep(), { class: "quiet" })]);
    for (const [index, row] of this.results.rows.entries()) Object.assign(row, { draggable: true }).dataset.index = index;
    this.#follow();
    this.dispatchEvent(new Event("change"));
  }

  #keep() {
    keepIn(this.hits.map(asKept), (name) => this.status.append(" ", t("library.kept", { count: this.hits.length, name })));
  }

  #play() {
    this.#queue = this.hits.map(asTrack);
    return player.load(this.#queue, 0);
  }

  // The player goes on with the list as it is now.
  #follow() {
    if (!this.#queue || player.queue !== this.#queue) return;
    const index = this.hits.findIndex(({ id }) => id === player.track?.id);
    if (index < 0) return;
    this.#queue = this.hits.map(asTrack);
    Object.assign(player, { queue: this.#queue, index });
    player.dispatchEvent(new Event("track"));
  }

  #actions(hit, index) {
    const title = labelOf(hit);
    const act = (name, action, more) => button(t(`playlist.${name}`), action,
      { class: "quiet", "aria-label": t(`playlist.${name}.label`, { title }), "data-act": name, ...more });
    return [
      act("up", () => this.#move(index, index - 1, "up"), { disabled: index === 0 }),
      act("down", () => this.#move(index, index + 1, "down"), { disabled: index === this.hits.length - 1 }),
      act("replace", () => this.#replace(index)),
      act("remove", () => this.#remove(index)),
    ];
  }

  #move(from, to, act) {
    if (to < 0 || to >= this.hits.length || from === to) return;
    const hits = [...this.hits];
    hits.splice(to, 0, ...hits.splice(from, 1));
    this.#set(hits);
    this.#focus(to, act);
  }

  #remove(index) {
    this.#set(this.hits.filter((_, other) => other !== index));
    this.#focus(Math.min(index, this.hits.length - 1), "remove");
  }

  async #replace(index) {
    const old = this.hits[index];
    this.#rejected.add(old.id);
    const filters = asFilters();
    filters.duration = { ...filters.duration, min: Math.max(Number(this.shortest.value), filters.duration?.min ?? 0) };
    const { valence, arousal } = old;
    try {
      const { hits } = await api.search({ point: { valence, arousal }, filters, limit: OTHERS });
      const here = new Set(this.hits.map(({ id }) => id));
      const other = hits.find(({ id }) => !here.has(id) && !this.#rejected.has(id));
      if (!other) return fill(this.status, t("playlist.no_other"));
      this.#set(this.hits.map((hit) => (hit === old ? other : hit)));
      this.#focus(index, "replace");
    } catch (problem) {
      if (!(problem instanceof api.Problem)) throw problem;
      fill(this.status, trouble(problem));
    }
    return undefined;
  }

  #focus(index, act) {
    const row = this.results.rows[index];
    const wanted = row?.querySelector(`[data-act="${act}"]:not(:disabled)`) ?? row?.querySelector("[data-act]:not(:disabled)");
    wanted?.focus();
  }

  #draggable() {
    const list = this.results.element;
    let from = -1;
    const row = (event) => event.target.closest?.(".hit");
    list.addEventListener("dragstart", (event) => {
      from = Number(row(event)?.dataset.index ?? -1);
      event.dataTransfer.setData("text/plain", String(from));
      event.dataTransfer.effectAllowed = "move";
    });
    list.addEventListener("dragover", (event) => {
      if (from < 0) return;
      event.preventDefault();
      event.stopPropagation();
      for (const one of this.results.rows) one.classList.toggle("over", one === row(event));
    });
    list.addEventListener("drop", (event) => {
      const to = row(event)?.dataset.index;
      if (from < 0 || to === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      this.#move(from, Number(to), "up");
      from = -1;
    });
    list.addEventListener("dragend", () => {
      from = -1;
      for (const one of this.results.rows) one.classList.remove("over");
    });
  }
}

// The corners of a drawn path: points from which the straight line between others is too far.
export function corners(points) {
  if (points.length < 3) return points;
  const [a, b] = [points[0], points.at(-1)];
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const length = Math.hypot(dx, dy);
  const away = points.map(([x, y]) => (length > 0.01
    ? Math.abs(dx * (a[1] - y) - dy * (a[0] - x)) / length : Math.hypot(x - a[0], y - a[1])));
  const most = away.indexOf(Math.max(...away));
  if (away[most] < CORNER) return [a, b];
  return [...corners(points.slice(0, most + 1)).slice(0, -1), ...corners(points.slice(most))];
}
