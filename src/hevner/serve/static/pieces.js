// All pieces of the catalogue, in columns: sorted, filtered and searched here, in memory.
//
// A piece is the number of its row in the columns; an order or a selection is an array of numbers.
// `load` gives the same `Pieces` to all views until the catalogue changes.

import * as api from "./api.js";
import { titleOf } from "./emotion.js";
import { language } from "./strings.js";

export const collator = new Intl.Collator(language, { numeric: true, sensitivity: "base" });
// By what equal pieces are ordered, after the column that was asked for.
const FURTHER = {
  artist: ["artist", "album", "track"], album: ["album", "owner", "track"], title: ["title", "artist"],
};
const SEARCHED = ["title", "artist", "album", "album_artist", "genre", "name"];
const END = "\u0000"; // between texts that are folded together

export class Pieces {
  #orders = new Map();
  #texts = null;
  #numbers = null;
  #names = null;

  constructor(version, columns) {
    const { title, name, artist, album_artist: owner } = columns;
    this.version = version;
    this.columns = {
      ...columns,
      title: title.map((text, row) => text || titleOf(name[row])),
      owner: owner.map((text, row) => text || artist[row]), // of an album
    };
    this.count = name.length;
  }

  // The number of the piece with an id; -1 if there is none.
  find(id) {
    this.#numbers ??= new Map(this.columns.id.map((one, row) => [one, row]));
    return this.#numbers.get(id) ?? -1;
  }

  // A piece as searches of the catalogue return them.
  hit(row) {
    return Object.fromEntries(Object.entries(this.columns).map(([name, values]) => [name, values[row]]));
  }

  // The number of a piece that was kept: by its content, or else by its name, as content changes with
  // the tags; -1 if it is gone.
  again({ id, name }) {
    const row = this.find(id);
    if (row >= 0) return row;
    this.#names ??= new Map(this.columns.name.map((one, number) => [one, number]));
    return this.#names.get(name) ?? -1;
  }

  // Artist and title, as far as they are known.
  label(row) {
    const { artist, title } = this.columns;
    return artist[row] ? `${artist[row]} – ${title[row]}` : title[row];
  }

  // A piece for the player.
  track(row) {
    const { id, duration } = this.columns;
    const hit = { id: id[row] };
    return { ...this.kept(row), title: this.label(row), duration: duration[row], address: () => api.audio(hit) };
  }

  // What is kept of a piece in lists, so that it is known when the catalogue does not have it.
  kept(row) {
    const { id, name, title, artist, album, duration } = this.columns;
    return { id: id[row], name: name[row], title: title[row], artist: artist[row], album: album[row], duration: duration[row] };
  }

  // Groups of some pieces by "artist" or "album": {label, owner, rows, seconds, valence, arousal, year}.
  groups(by, rows) {
    const { artist, album, owner, duration, valence, arousal, year } = this.columns;
    const [labels, owners] = by === "album" ? [album, owner] : [artist, artist];
    const groups = new Map();
    for (const row of rows) {
      const key = `${labels[row] ?? ""}${END}${labels[row] ? owners[row] ?? "" : ""}`;
      const group = groups.get(key) ?? {
        key, label: labels[row] ?? "", owner: labels[row] ? owners[row] ?? "" : "", rows: [], seconds: 0, valence: 0, arousal: 0, year: null,
      };
      groups.set(key, group);
      group.rows.push(row);
      group.seconds += duration[row] ?? 0;
      group.valence += valence[row];
      group.arousal += arousal[row];
      group.year ??= year[row];
    }
    for (const group of groups.values()) {
      group.valence /= group.rows.length;
      group.arousal /= group.rows.length;
      group.count = group.rows.length;
    }
    return [...groups.values()];
  }

  // All pieces in the order of a column; those without a value come last, whatever the direction.
  order(name, descending = false) {
    const key = `${name} ${descending}`;
    if (!this.#orders.has(key)) this.#orders.set(key, this.#ordered(name, descending));
    return this.#orders.get(key);
  }

  #ordered(name, descending) {
    const [first, ...others] = (FURTHER[name] ?? [name]).map((one) => this.#ranks(one));
    const direction = descending ? -1 : 1;
    return this.all().sort((a, b) => {
      if (first[a] !== first[b]) {
        if (first[a] < 0 || first[b] < 0) return first[b] - first[a];
        return direction * (first[a] - first[b]);
      }
      for (const ranks of others) if (ranks[a] !== ranks[b]) return ranks[a] - ranks[b];
      return a - b;
    });
  }

  all() {
    return Uint32Array.from({ length: this.count }, (_, row) => row);
  }

  // Numbers in the order of the values of a column; -1 for none.
  #ranks(name) {
    const values = this.columns[name];
    const known = [...new Set(values)].filter((value) => value !== null && value !== "");
    known.sort(typeof known[0] === "string" ? collator.compare : (a, b) => a - b);
    const ranks = new Map(known.map((value, rank) => [value, rank]));
    return Int32Array.from(values, (value) => ranks.get(value) ?? -1);
  }

  // A function of a piece: whether all words of a text are in what is known of it.
  matching(text) {
    const words = folded(text).split(/\s+/).filter(Boolean);
    if (!words.length) return () => true;
    const texts = this.#folded();
    return (row) => words.every((word) => texts[row].includes(word));
  }

  // The first of the pieces that fit a text, by title and artist: those that have all of its words
  // come before those that begin with it, those with words that begin so, and others.
  suggested(text, most) {
    const wanted = folded(text.trim());
    const words = wanted.split(/\s+/);
    const texts = this.#folded();
    const passes = this.matching(text);
    const groups = [[], [], [], []];
    for (const row of this.order("artist")) {
      if (!passes(row)) continue;
      const [title, artist] = texts[row].split("\n", 2);
      const known = ` ${title} ${artist} `;
      const fits = [
        () => words.every((word) => known.includes(` ${word} `)),
        () => title.startsWith(wanted) || artist.startsWith(wanted),
        () => words.every((word) => known.includes(` ${word}`)),
        () => true,
      ];
      const group = groups[fits.findIndex((fit) => fit())];
      if (group.length < most) group.push(row);
    }
    return groups.flat().slice(0, most);
  }

  // Does beforehand what the first search would have to do.
  prepare() {
    this.#folded();
  }

  // What is searched in each piece. All texts are folded in one call: one for each takes far longer.
  #folded() {
    if (this.#texts) return this.#texts;
    const columns = SEARCHED.map((name) => this.columns[name]);
    const texts = this.columns.name.map((_, row) =>
      columns.map((values) => (values[row] ?? "").replaceAll(END, " ")).join("\n"));
    this.#texts = this.count ? folded(texts.join(END)).split(END) : [];
    return this.#texts;
  }
}

// Text without accents and capitals, so that "bjork" finds "Björk".
export function folded(text) {
  return text.normalize("NFD").replace(/\p{M}+/gu, "").toLowerCase();
}

let loaded = null;

// The pieces of the catalogue; `version` is the one that it has now, if that is known.
export async function load(version) {
  const before = await loaded?.catch(() => null);
  if (before && (version === undefined || before.version === version)) return before;
  loaded = read();
  loaded.catch(() => {
    loaded = null;
  });
  return loaded;
}

async function read() {
  for (;;) {
    const first = await api.listing(0);
    const { version, total, rows } = first;
    const more = await Promise.all(
      Array.from({ length: Math.max(0, Math.ceil(total / rows) - 1) }, (_, page) => api.listing(page + 1)));
    if (more.some((page) => page.version !== version)) continue; // it changed meanwhile
    const names = Object.keys(first.columns);
    return new Pieces(version, more.length
      ? Object.fromEntries(names.map((name) => [name, [first, ...more].flatMap(({ columns }) => columns[name])]))
      : first.columns);
  }
}
