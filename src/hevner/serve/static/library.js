// The library: all pieces of the catalogue, their artists and albums, the play queue and saved lists.

import * as api from "./api.js";
import { mark } from "./bar.js";
import { button, field, fill, h, mount, refill } from "./dom.js";
import { Grid } from "./grid.js";
import { ofGroups, ofPieces } from "./library-columns.js";
import { Filters } from "./library-filters.js";
import { Queue, SavedLists } from "./library-kept.js";
import { inside, MoodMap } from "./library-map.js";
import { address, GROUPS, orders, read, state, step, TABS, tell } from "./library-state.js";
import { openPiece } from "./jobs.js";
import { keepIn } from "./keep.js";
import { lists } from "./lists.js";
import { collator, load } from "./pieces.js";
import { player } from "./player.js";
import { t } from "./strings.js";
import { attempt, noCatalog, trouble } from "./trouble.js";

const LOOK = 10_000; // milliseconds between looks for another version of the catalogue
const PREPARE = 300; // milliseconds after the first paint

// Without more of an address, the library is as it was left.
export function open(main, rest) {
  if (rest[0]) read(rest);
  history.replaceState(null, "", address());
  return mount(main, new Library());
}

class Library {
  #stop = new AbortController();
  #looking = 0;
  #pieces = null;

  constructor() {
    this.status = h("p", { class: "status", role: "status" });
    this.notice = h("div", { class: "undo", role: "status" });
    this.place = h("div", { class: "panel" });
    this.actions = h("div", { class: "actions", role: "toolbar", "aria-label": t("library.actions") });
    this.aside = h("div", { class: "beside-library" });
    this.filters = new Filters(state.filters, () => this.#refresh());
    this.element = h("section", { class: "view library-view" }, h("h1", { class: "unseen" }, t("view.library")),
      h("div", { class: "stage" },
        h("div", { class: "shelf" }, this.#tabs(), this.#searches(), this.status, this.notice, this.actions, this.place,
          this.#help()),
        this.aside));
  }

  async start() {
    const { signal } = this.#stop;
    for (const name of ["track", "state"]) player.addEventListener(name, () => this.#sounding(name), { signal });
    lists.addEventListener("change", () => state.tab === "lists" && this.#show(), { signal });
    api.connection.addEventListener("back", () => this.#load(), { signal });
    this.#looking = setInterval(() => this.#look(), LOOK);
    document.addEventListener("visibilitychange", () => this.#look(), { signal });
    await this.#load();
    if (this.#pieces) await this.#look();
  }

  leave() {
    this.#stop.abort();
    clearInterval(this.#looking);
    clearTimeout(this.timer);
    this.map?.leave();
  }

  // ---- the catalogue

  async #load(version) {
    try {
      const pieces = await load(version);
      if (this.#stop.signal.aborted || pieces === this.#pieces) return;
      const changed = this.#pieces !== null;
      this.#pieces = pieces;
      this.#build();
      if (changed) this.#say(t("library.changed", { count: pieces.count }));
    } catch (problem) {
      if (!(problem instanceof api.Problem)) throw problem;
      if (problem.kind === "no_catalog") fill(this.element, noCatalog());
      else fill(this.status, trouble(problem));
    }
  }

  async #look() {
    if (document.hidden || !this.#pieces) return;
    const facts = await attempt(null, () => api.catalog());
    if (facts && !this.#stop.signal.aborted && facts.version !== this.#pieces.version) await this.#load(facts.version);
  }

  // Everything that depends on the pieces.
  #build() {
    const pieces = this.#pieces;
    const marked = (title, id) => (element, row) => mark(element, id(row), title(row));
    const ofRow = marked((row) => pieces.label(row), (row) => pieces.columns.id[row]);
    const ofGroup = marked((group) => group.label, () => null);
    const ofKept = marked(({ kept }) => kept.title, ({ row, kept }) => (row < 0 ? kept.id : pieces.columns.id[row]));
    const shared = {
      mark: ofKept, undoable: (text, undo) => this.#say(text, undo), keep: (rows) => this.#keep(rows),
      enqueue: (rows) => this.#enqueue(rows),
    };
    this.grids = {
      pieces: new Grid(t("library.pieces"), ofPieces(pieces), { mark: ofRow, kind: "pieces" }),
      artists: new Grid(t("library.artists"), ofGroups("artist", pieces), { mark: ofGroup, kind: "artists" }),
      albums: new Grid(t("library.albums"), ofGroups("album", pieces), { mark: ofGroup, kind: "albums" }),
    };
    this.panels = { queue: new Queue(pieces, shared), lists: new SavedLists(pieces, shared) };
    for (const [tab, grid] of Object.entries(this.grids)) this.#listen(tab, grid);
    this.map?.leave();
    this.map = new MoodMap(state.region);
    this.map.addEventListener("pick", ({ detail }) => this.#pick(detail.row));
    this.map.addEventListener("region", ({ detail }) => {
      state.region = detail.region;
      this.#refresh();
    });
    fill(this.aside, this.map.element);
    this.filters.offer(pieces);
    this.#show();
    setTimeout(() => pieces.prepare(), PREPARE);
    this.map.sounding(pieces.find(player.track?.id));
  }

  #listen(tab, grid) {
    grid.addEventListener("sort", ({ detail: { name } }) => {
      const { sort } = state;
      this.#sort(name, sort[tab].name === name && !sort[tab].descending);
    });
    grid.addEventListener("play", ({ detail }) => this.#play(detail.index));
    grid.addEventListener("open", ({ detail }) => (GROUPS[tab] ? this.#enter(detail.index) : this.#play(detail.index)));
  }

  // ---- what is listed

  #tabs() {
    this.tabs = TABS.map((name) => button(t(`library.${name}`), () => this.#step({ tab: name }), { "data-tab": name }));
    return h("div", { class: "segments", role: "group", "aria-label": t("library.tabs") }, this.tabs);
  }

  #searches() {
    const [label, input] = field(t("library.search"), "library-search", {
      type: "search", maxlength: 200, value: state.text, placeholder: t("picker.placeholder"), spellcheck: "false",
      oninput: () => {
        state.text = input.value;
        this.#refresh();
      },
      onkeydown: (event) => {
        if (event.key !== "ArrowDown" || !this.grids?.[state.tab]) return;
        event.preventDefault();
        this.grids[state.tab].element.focus();
      },
    });
    this.order = h("select", { id: "library-order", onchange: () => this.#sort(this.order.value, false) });
    this.direction = button("", () => this.#sort(this.order.value, !state.sort[state.tab].descending), { class: "quiet direction" });
    this.searches = h("div", { class: "searches" },
      h("div", { class: "field" }, label, input),
      h("div", { class: "field short" }, h("label", { for: "library-order" }, t("library.order")),
        h("div", { class: "ordered" }, this.order, this.direction)),
      this.filters.element);
    return this.searches;
  }

  #help() {
    return h("p", { class: "aside keys" }, t("library.keys"));
  }

  #show() {
    if (!this.#pieces) return;
    const { tab } = state;
    for (const one of this.tabs) one.setAttribute("aria-pressed", one.dataset.tab === tab);
    const grid = this.grids[tab];
    this.searches.hidden = this.actions.hidden = this.status.hidden = !grid;
    fill(this.place, grid ? grid.element : this.panels[tab].element);
    const by = GROUPS[tab];
    fill(this.order, orders(tab).map((name) => h("option", { value: name }, t(`library.column.${name === "label" ? by : name === "owner" ? "artist" : name}`))));
    fill(this.actions, this.#actions(tab));
    this.#refresh();
  }

  #step(change) {
    step(change);
    this.#show();
  }

  #sort(name, descending) {
    state.sort[state.tab] = { name, descending };
    this.#refresh();
  }

  // Lists anew what passes the search, the filters, the group and the region.
  #refresh() {
    if (!this.grids) return;
    const pieces = this.#pieces;
    const { name, descending } = state.sort[state.tab] ?? state.sort.pieces;
    const grouped = GROUPS[state.tab];
    const group = grouped ? null : state.group;
    const tests = [pieces.matching(state.text), this.filters.passing(pieces), inGroup(pieces, group)];
    const within = inside(pieces, state.region);
    const mapped = pieces.order(grouped ? "artist" : name, !grouped && descending).filter((row) => tests.every((test) => test(row)));
    const rows = state.region ? mapped.filter(within) : mapped;
    this.map.show(pieces, mapped);
    tell();
    const grid = this.grids[state.tab];
    if (!grid) return this.panels[state.tab].show();
    this.order.value = name;
    fill(this.direction, t(descending ? "library.descending" : "library.ascending"));
    const shown = grouped ? arranged(pieces.groups(grouped, rows), name, descending) : rows;
    grid.sorted(name, descending);
    grid.show(shown);
    return this.#count(rows.length, shown.length, group);
  }

  #count(rows, shown, group) {
    const { count } = this.#pieces;
    const said = (name, number) => t(`library.count.${name}`, { count: number });
    const grouped = state.tab === "pieces" ? [] : [said(state.tab, shown)];
    const filtered = rows < count;
    const text = !count ? t("library.empty") : !rows ? t("library.nothing")
      : [...grouped, filtered ? t("library.some", { shown: rows, count }) : said("pieces", count)].join(" · ");
    refill(this.status, document.getElementById("library-search"), h("span", {}, text),
      group && h("span", { class: "chip" }, h("span", { class: "word", dir: "auto" }, group.label || t(`library.unknown.${group.by}`)),
        button(t("clear"), () => {
          state.group = null;
          this.#refresh();
        }, { glyph: "close", class: "round quiet small" })),
      filtered && button(t("library.all"), () => this.#all(), { class: "quiet" }));
  }

  #all() {
    Object.assign(state, { text: "", group: null });
    document.getElementById("library-search").value = "";
    this.filters.clear();
    this.map.region = null;
  }

  // ---- what is done with it

  #actions(tab) {
    const action = (name, done) => button(t(`library.${name}`), done, { class: "quiet" });
    return [
      action("play", () => this.#playChosen()), action("queue.add", () => this.#enqueue(this.#chosen())),
      action("keep", () => this.#keep(this.#chosen())),
      GROUPS[tab] ? action("enter", () => this.#enter(this.grids[tab].active))
        : action("open", () => this.#chosen().length && attempt(this.notice, () => openPiece(this.#pieces.hit(this.#chosen()[0])))),
    ];
  }

  // Numbers of the selected pieces, or of the pieces of the selected groups.
  #chosen() {
    const { chosen } = this.grids[state.tab];
    return GROUPS[state.tab] ? chosen.flatMap((group) => group.rows) : chosen;
  }

  #tracks(rows) {
    return Array.from(rows, (row) => this.#pieces.track(row));
  }

  // Plays a row, and after it those below; of groups, the group.
  #play(index) {
    const { rows } = this.grids[state.tab];
    if (GROUPS[state.tab]) player.load(this.#tracks(rows[index].rows));
    else if (player.track?.id === this.#pieces.columns.id[rows[index]]) player.toggle();
    else player.load(this.#tracks(rows), index);
  }

  #playChosen() {
    const grid = this.grids[state.tab];
    if (grid.selected.size > 1) player.load(this.#tracks(this.#chosen()));
    else if (grid.active >= 0) this.#play(grid.active);
  }

  #enqueue(rows) {
    if (!rows.length) return;
    player.arrange([...player.queue, ...this.#tracks(rows)]);
    this.#say(t("library.queue.added", { count: rows.length }));
  }

  #keep(rows) {
    if (!rows.length) return;
    const some = Array.from(rows, (row) => this.#pieces.kept(row));
    keepIn(some, (name) => this.#say(t("library.kept", { count: some.length, name })));
  }

  // Shows the pieces of a group.
  #enter(index) {
    const group = this.grids[state.tab].rows[index];
    if (!group) return;
    const by = GROUPS[state.tab];
    if (by === "album") state.sort.pieces = { name: "album", descending: false };
    this.#step({ tab: "pieces", group: { by, label: group.label, owner: group.owner } });
    this.grids.pieces.element.focus();
  }

  // Goes to a piece in the list.
  #pick(row) {
    if (state.tab !== "pieces") this.#step({ tab: "pieces" });
    this.grids.pieces.activate(this.grids.pieces.rows.indexOf(row));
  }

  #sounding(name) {
    if (!this.#pieces) return;
    if (this.panels[state.tab] && name === "track") this.panels[state.tab].show();
    else (this.grids[state.tab] ?? this.panels[state.tab].list.grid).repaint();
    this.map.sounding(this.#pieces.find(player.track?.id));
  }

  // Says what was done, with a button to undo it.
  #say(text, undo) {
    clearTimeout(this.timer);
    fill(this.notice, h("span", {}, text), undo && button(t("library.undo"), () => {
      fill(this.notice);
      undo();
    }, { class: "quiet" }));
    if (!undo) this.timer = setTimeout(() => fill(this.notice), 6000);
  }
}

function inGroup({ columns }, group) {
  if (!group) return () => true;
  const { artist, album, owner } = columns;
  if (group.by === "artist") return (row) => (artist[row] ?? "") === group.label;
  return (row) => (album[row] ?? "") === group.label && (!group.label || (owner[row] ?? "") === group.owner);
}

// Groups in an order; those without a value come last.
function arranged(groups, name, descending) {
  const direction = descending ? -1 : 1;
  const missing = (group) => group[name] === null || group[name] === "";
  const compare = typeof groups.find((group) => !missing(group))?.[name] === "string"
    ? (a, b) => collator.compare(a[name], b[name]) : (a, b) => a[name] - b[name];
  return groups.sort((a, b) => missing(a) - missing(b) || (missing(a) ? 0 : direction * compare(a, b)) || collator.compare(a.label, b.label));
}
