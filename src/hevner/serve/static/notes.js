// Notes of one's own on a piece, kept in the browser; events: "change".
//
// A note is {start, end, text}; of a moment, both times are the same. Notes belong to a file by its
// name and its size, so that they are there again when it is analysed anew. What the browser has kept
// is checked: damaged notes are put aside, not overwritten.

import * as kept from "./kept.js";
import { t } from "./strings.js";

export const LONGEST = 500; // characters
const MOST = 500; // notes of a piece
const KEPT = "hevner.notes ";

export class Notes extends EventTarget {
  list = [];
  problem = "";
  #removed = []; // the latest last
  #key;

  constructor({ name, bytes }, duration, signal) {
    super();
    this.duration = duration;
    this.#key = `${KEPT}${name} ${bytes}`;
    this.#read();
    // Another window may show the same piece.
    addEventListener("storage", ({ key }) => {
      if (key !== this.#key) return;
      this.#read();
      this.dispatchEvent(new Event("change"));
    }, { signal });
  }

  get canUndo() {
    return this.#removed.length > 0;
  }

  add(note) {
    return this.merge([note]).added > 0;
  }

  // Adds those that make sense and are not there; returns how many, and how many were left out.
  merge(found) {
    let added = 0;
    for (const one of found) {
      const note = this.#checked(one);
      const same = (other) => ["start", "end", "text"].every((part) => other[part] === note[part]);
      if (!note || this.list.length >= MOST || this.list.some(same)) continue;
      this.list.push(note);
      added += 1;
    }
    if (added) this.#write();
    return { added, left: found.length - added };
  }

  // Whether it could be changed so.
  change(note, parts) {
    const changed = this.#checked({ ...note, ...parts });
    if (changed) Object.assign(note, changed);
    if (changed) this.#write();
    return Boolean(changed);
  }

  remove(note) {
    this.list = this.list.filter((other) => other !== note);
    this.#removed.push(note);
    this.#write();
  }

  // Brings back what was deleted last.
  undo() {
    const note = this.#removed.pop();
    if (note) this.list.push(note);
    this.#write();
    return note;
  }

  // A note with its times in the piece, in order; null if it is none.
  #checked(one) {
    const text = typeof one?.text === "string" ? one.text.trim().slice(0, LONGEST) : "";
    const times = [one?.start, one?.end ?? one?.start];
    if (!text || !times.every((time) => Number.isFinite(time) && time >= 0 && time <= this.duration + 0.5)) return null;
    const [start, end] = times.toSorted((a, b) => a - b).map((time) => Math.round(Math.min(time, this.duration) * 1000) / 1000);
    return { start, end, text };
  }

  #read() {
    const text = kept.text(this.#key);
    const found = text === null ? [] : kept.read(this.#key);
    const sound = Array.isArray(found) ? found.map((one) => this.#checked(one)).filter(Boolean) : [];
    this.list = sound.toSorted(byTime);
    this.problem = "";
    if (text === null || sound.length === found?.length) return;
    this.problem = t("listen.notes.damaged");
    const aside = `${this.#key} damaged`;
    if (kept.read(aside) !== text && !kept.write(aside, text)) this.problem = t("listen.notes.full");
  }

  #write() {
    this.list.sort(byTime);
    this.problem = kept.write(this.#key, this.list) ? "" : t("listen.notes.full");
    this.dispatchEvent(new Event("change"));
  }
}

function byTime(a, b) {
  return a.start - b.start || a.end - b.end;
}
