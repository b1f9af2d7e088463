// Lists of pieces that one arranges: the play queue and the saved lists, each with its actions.

import { button, fill, h } from "./dom.js";
import { clock } from "./emotion.js";
import { asM3u, asTable, save } from "./export.js";
import { Grid, moved } from "./grid.js";
import { ask } from "./keep.js";
import { ofKept } from "./library-columns.js";
import { state, tell } from "./library-state.js";
import { lists } from "./lists.js";
import { player } from "./player.js";
import { t } from "./strings.js";

// What both have in common: a grid with handles, and buttons to move and take out what is selected.
// `get` returns the pieces, `put(pieces)` puts others in their place.
class Arranged {
  constructor(pieces, name, { get, put, play, mark, absent }) {
    Object.assign(this, { pieces, get, put });
    this.actions = h("div", { class: "actions", role: "toolbar", "aria-label": name });
    this.grid = new Grid(name, ofKept(pieces, absent), { movable: true, mark, kind: "kept" });
    this.nothing = h("p", { class: "hint" });
    this.grid.addEventListener("move", ({ detail }) => this.#move(detail));
    this.grid.addEventListener("remove", () => this.remove());
    for (const name of ["open", "play"]) this.grid.addEventListener(name, ({ detail }) => play(detail.index));
  }

  show(nothing) {
    const kept = this.get();
    this.rows = kept.map((one) => ({ kept: one, row: this.pieces.again(one) }));
    this.grid.show(this.rows);
    fill(this.nothing, kept.length ? "" : nothing);
    this.grid.element.hidden = !kept.length;
  }

  // Buttons for the selected rows.
  forSelected() {
    return [
      button(t("library.up"), () => this.grid.shift(-1), { class: "quiet" }),
      button(t("library.down"), () => this.grid.shift(1), { class: "quiet" }),
      button(t("library.remove"), () => this.remove(), { class: "quiet" }),
    ];
  }

  remove() {
    const { active, selected } = this.grid;
    this.put(this.get().filter((_, index) => !selected.has(index)));
    this.grid.activate(Math.min(active, this.grid.rows.length - 1));
  }

  #move({ indices, to }) {
    const [after, places] = moved(this.get(), indices, to);
    this.put(after);
    this.grid.choose(places);
  }
}

// The queue of the player.
export class Queue {
  constructor(pieces, { mark, undoable, keep }) {
    this.list = new Arranged(pieces, t("library.queue"), {
      get: () => player.queue, put: (queue) => player.arrange(queue), mark,
      absent: (track) => (track.name ? gone(track) : track.title), // or it is a file of one's own
      play: (index) => (index === player.index ? player.toggle() : player.load(player.queue, index)),
    });
    this.summary = h("span", { class: "aside" });
    fill(this.list.actions, this.list.forSelected(),
      button(t("library.queue.clear"), () => {
        const before = player.queue;
        const { index } = player;
        player.stop();
        undoable(t("library.queue.cleared"), () => player.load(before, Math.max(0, index), { play: false }));
      }, { class: "quiet" }),
      button(t("library.keep"), () => keep(this.list.rows.map(({ row }) => row).filter((row) => row >= 0)), { class: "quiet" }),
      this.summary);
    this.element = h("div", { class: "panel" }, this.list.actions, this.list.nothing, this.list.grid.element);
  }

  show() {
    this.list.show(t("library.queue.none"));
    const { length } = player.queue;
    for (const one of this.list.actions.querySelectorAll("button")) one.disabled = !length;
    const seconds = player.queue.reduce((sum, { duration }) => sum + (duration ?? 0), 0);
    this.summary.textContent = length ? t("playlist.made", { count: length, time: clock(seconds) }) : "";
  }
}

// The saved lists: a choice of one, and what is in it.
export class SavedLists {
  constructor(pieces, { mark, undoable, enqueue }) {
    Object.assign(this, { pieces, undoable });
    this.list = new Arranged(pieces, t("library.lists"), {
      mark, get: () => this.chosen?.pieces ?? [], put: (some) => lists.put(this.chosen.id, some),
      play: (index) => this.#play(index), absent: gone,
    });
    this.choices = h("div", { class: "tags", role: "group", "aria-label": t("library.lists") });
    this.problem = h("div");
    const can = (name, action) => button(t(`library.${name}`), action, { class: "quiet" });
    fill(this.list.actions, can("play.all", () => this.#play(0)), can("queue.add", () => enqueue(this.#there())),
      this.list.forSelected(), can("list.rename", () => this.#rename()), can("list.delete", () => this.#delete()),
      button("M3U8", () => save(`${fileName(this.chosen.name)}.m3u8`, "audio/mpegurl", asM3u(this.#hits())), { class: "quiet" }),
      button("CSV", () => save(`${fileName(this.chosen.name)}.csv`, "text/csv", asTable(this.#hits())), { class: "quiet" }));
    this.element = h("div", { class: "panel" }, this.problem, this.choices, this.list.actions, this.list.nothing, this.list.grid.element);
  }

  get chosen() {
    return lists.find(state.list) ?? lists.all[0] ?? null;
  }

  show() {
    const { chosen } = this;
    fill(this.problem, lists.trouble && h("p", { class: "callout warning", role: "alert" }, t(`library.lists.${lists.trouble}`)));
    fill(this.choices, lists.all.map((list) => h("span", { class: "tag" }, button(
      `${list.name} (${list.pieces.length})`, () => {
        state.list = list.id;
        this.show();
        this.choices.querySelector("[aria-pressed=true]")?.focus();
      }, { "aria-pressed": String(list === chosen), dir: "auto" }))),
    button(t("library.list.new"), () => ask(t("library.list.new"), "", (name) => {
      state.list = lists.create(name).id;
      this.show();
    }), { class: "quiet" }));
    this.list.show(t(chosen ? "library.list.empty" : "library.lists.none"));
    this.list.actions.hidden = !chosen;
    tell();
  }

  #there() {
    return this.list.rows.filter(({ row }) => row >= 0).map(({ row }) => row);
  }

  #hits() {
    return this.list.rows.map(({ row, kept }) => (row < 0 ? kept : this.pieces.hit(row)));
  }

  // Plays from a row on; what is gone is left out.
  #play(index) {
    const there = this.list.rows.filter(({ row }) => row >= 0);
    if (!there.length) return;
    const first = this.list.rows.slice(index).find(({ row }) => row >= 0) ?? there[0];
    if (player.track?.id === this.pieces.columns.id[first.row]) player.toggle();
    else player.load(there.map(({ row }) => this.pieces.track(row)), there.indexOf(first));
  }

  #rename() {
    const { id, name } = this.chosen;
    ask(t("library.list.rename"), name, (other) => lists.rename(id, other));
  }

  #delete() {
    const { id, name } = this.chosen;
    this.undoable(t("library.list.deleted", { name }), lists.remove(id));
  }
}

function gone({ title }) {
  return t("library.gone", { title });
}

function fileName(name) {
  return name.replace(/[^\p{L}\p{N} ._-]+/gu, "_").slice(0, 60) || "hevner";
}
