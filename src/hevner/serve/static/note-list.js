// Notes of one's own below a timeline: written at the playhead or for the loop, listed, changed,
// deleted and brought back, saved as files and read from them.

import { button, fill, h } from "./dom.js";
import { labelOf, tenths } from "./emotion.js";
import { save } from "./export.js";
import { asJams, asNoteTable, notesOf } from "./note-files.js";
import { LONGEST, Notes } from "./notes.js";
import { t } from "./strings.js";

const LARGEST = 5e6; // bytes of a file that is read

export class NoteList extends EventTarget {
  #place = null; // where the note will be that is being written
  #time = 0;

  // Event: "seek" {seconds}.
  constructor(job, duration, loop, signal) {
    super();
    this.loop = loop;
    this.title = labelOf(job);
    this.notes = new Notes(job, duration, signal);
    this.where = h("label", { for: "note-text", class: "number" });
    this.input = h("input", {
      id: "note-text", type: "text", maxlength: LONGEST, autocomplete: "off", placeholder: t("listen.notes.placeholder"),
      oninput: () => {
        this.#place = this.input.value ? this.#place ?? this.#here() : null;
        this.#say();
      },
      onkeydown: (event) => {
        if (event.key === "Escape" && this.input.value) this.#empty();
        else if (event.key === "Escape") this.input.blur();
      },
    });
    this.rows = h("ul", { class: "notes-list", "aria-label": t("listen.notes") });
    this.said = h("span", { role: "status" });
    this.back = button(t("listen.notes.undo"), () => this.#undo(), { class: "quiet" });
    this.files = h("div", { class: "exports", role: "group", "aria-label": t("listen.notes.files") },
      button("JAMS", () => save(`${this.title}.jams`, "application/json", asJams(this.title, duration, this.notes.list)), { class: "quiet" }),
      button("CSV", () => save(`${this.title} notes.csv`, "text/csv", asNoteTable(this.notes.list)), { class: "quiet" }),
      this.#reader());
    this.element = h("section", { class: "notes" },
      h("div", { class: "row" }, h("h2", {}, t("listen.notes")), this.files),
      h("form", { onsubmit: (event) => this.#add(event) }, this.where, this.input,
        button(t("listen.notes.add"), () => {}, { type: "submit" })),
      h("p", { class: "aside" }, this.said, this.back), this.rows);
    this.notes.addEventListener("change", () => this.#show(), { signal });
    loop.addEventListener("change", () => this.#say());
    this.#show();
    this.#say();
  }

  // Once a frame while it plays; something is done ten times a second.
  at(time) {
    if (tenths(time) === tenths(this.#time)) return;
    this.#time = time;
    this.#say();
  }

  #here() {
    const { loop } = this;
    return loop.isSet ? { start: loop.a, end: loop.b } : { start: this.#time, end: this.#time };
  }

  #say() {
    const text = t("listen.notes.at", { place: spanOf(this.#place ?? this.#here()) });
    if (this.where.textContent !== text) this.where.textContent = text;
  }

  #empty() {
    this.input.value = "";
    this.#place = null;
    this.#say();
  }

  #add(event) {
    event.preventDefault();
    this.said.textContent = "";
    if (this.notes.add({ ...(this.#place ?? this.#here()), text: this.input.value })) this.#empty();
  }

  #undo() {
    this.said.textContent = "";
    const note = this.notes.undo();
    this.#row(note)?.querySelector("button").focus();
  }

  #row(note) {
    return [...this.rows.children].find((row) => row.note === note);
  }

  // Rows are kept: a list that is rebuilt loses the focus.
  #show() {
    const { notes } = this;
    const before = new Map([...this.rows.children].map((row) => [row.note, row]));
    fill(this.rows, notes.list.map((note) => before.get(note) ?? this.#made(note)));
    if (notes.problem) this.said.textContent = notes.problem;
    this.back.hidden = !notes.canUndo;
    for (const one of this.files.querySelectorAll("button")) one.disabled = !notes.list.length;
  }

  #made(note) {
    const seek = button("", () => this.dispatchEvent(new CustomEvent("seek", { detail: { seconds: note.start } })), { class: "quiet number" });
    const text = h("span", { class: "text" });
    const row = Object.assign(h("li", {}), { note });
    const remove = button("", () => {
      const next = row.nextElementSibling ?? row.previousElementSibling;
      this.notes.remove(note);
      this.said.textContent = t("listen.notes.deleted");
      (next?.querySelector("button") ?? this.back).focus();
    }, { glyph: "close", class: "round small quiet", "aria-label": t("listen.notes.delete"), title: t("listen.notes.delete") });
    const change = button(t("listen.notes.edit"), () => this.#edit(row), { class: "quiet" });
    const show = () => {
      seek.textContent = spanOf(note);
      text.textContent = note.text;
      fill(row, seek, text, change, remove);
    };
    show();
    return Object.assign(row, { show, change });
  }

  #edit(row) {
    const { note } = row;
    const input = (name, type, rest) => h("input", { type, value: note[name], "aria-label": t(`listen.notes.${name}`), required: true, ...rest });
    const seconds = { min: 0, max: this.notes.duration, step: "any" };
    const parts = { start: input("start", "number", seconds), end: input("end", "number", seconds), text: input("text", "text", { maxlength: LONGEST }) };
    const close = () => {
      row.show();
      row.change.focus();
    };
    fill(row, h("form", {
      onsubmit: (event) => {
        event.preventDefault();
        const { start, end, text } = parts;
        this.said.textContent = "";
        const changed = this.notes.change(note, { start: start.valueAsNumber, end: end.valueAsNumber, text: text.value });
        if (changed) close();
        else this.said.textContent = t("listen.notes.wrong");
      },
      onkeydown: (event) => event.key === "Escape" && close(),
    }, parts.start, "–", parts.end, parts.text, button(t("listen.notes.save"), () => {}, { type: "submit" }),
    button(t("listen.notes.cancel"), close, { class: "quiet" })));
    parts.text.focus();
  }

  #reader() {
    const pick = h("input", {
      type: "file", accept: ".jams,.json,.csv", class: "unseen",
      onchange: async () => {
        const [file] = pick.files;
        pick.value = "";
        const found = file && file.size <= LARGEST ? notesOf(await file.text()) : null;
        const { added, left } = found ? this.notes.merge(found) : {};
        if (this.notes.problem) return;
        this.said.textContent = !found ? t("listen.notes.unread")
          : t("listen.notes.read", { count: added }) + (left ? ` ${t("listen.notes.left", { count: left })}` : "");
      },
    });
    return h("label", { class: "like-button quiet" }, t("listen.notes.import"), pick);
  }
}

function spanOf({ start, end }) {
  return end > start ? t("listen.span", { from: tenths(start), to: tenths(end) }) : tenths(start);
}
