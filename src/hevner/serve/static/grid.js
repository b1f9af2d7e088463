// A grid of any number of rows, of which only those in sight are elements of the document.
//
// Rows are values of any kind; a column is {name, label, class, sorts, text(row)} or has `paint(cell,
// row)` in the place of `text`, and perhaps `settle(cell, row)`, which is called when scrolling rests.
// One row is active and one or more are selected, as in lists of files. Events: "open" {index} for
// Enter, a double click or a button with the class "opens", "play" {index} for the button to play,
// "select", "sort" {name}, "remove" for Delete, and "move" {indices, to} if rows can be moved.

import { h } from "./dom.js";

const BEYOND = 8; // rows above and below those in sight
const REST = 120; // milliseconds after which scrolling rests
const EDGE = 36; // pixels from an edge at which a dragged row scrolls the grid
let count = 0;

export class Grid extends EventTarget {
  rows = [];
  active = -1;
  selected = new Set();
  #anchor = 0;
  #elements = new Map(); // by index
  #free = [];
  #asked = false;
  #resting = 0;
  #height = 40;

  constructor(label, columns, { movable = false, mark = null, kind = "" } = {}) {
    super();
    this.id = `grid-${(count += 1)}`;
    this.columns = columns;
    this.movable = movable;
    this.mark = mark; // called with each row's element and the row
    this.head = h("div", { role: "row", "aria-rowindex": 1, class: "grid-row head" }, columns.map((column, index) => this.#header(column, index)));
    this.body = h("div", { role: "rowgroup", class: "grid-body" });
    this.line = h("div", { class: "grid-line", hidden: true });
    this.body.append(this.line);
    this.element = h("div", {
      role: "grid", tabindex: 0, class: `grid ${kind}`, "aria-label": label, "aria-multiselectable": "true",
      "aria-colcount": columns.length,
    }, h("div", { role: "rowgroup", class: "grid-head" }, this.head), this.body);
    this.#listen();
  }

  // Shows other rows; the active one stays so if it is among them.
  show(rows) {
    const before = this.rows[this.active];
    this.rows = rows;
    this.element.setAttribute("aria-rowcount", rows.length + 1);
    this.body.style.setProperty("height", `${rows.length * this.#height}px`);
    const index = before === undefined ? -1 : rows.indexOf(before);
    this.active = index >= 0 ? index : rows.length ? 0 : -1;
    this.#anchor = this.active;
    this.selected = new Set(this.active < 0 ? [] : [this.active]);
    if (index < 0) this.element.scrollTop = 0;
    this.repaint();
    this.#emit("select");
  }

  // Paints all rows in sight anew.
  repaint() {
    for (const element of this.#elements.values()) element.index = -1;
    this.#paint();
  }

  // Makes a row the active one, and brings it into sight.
  activate(index, { extend = false } = {}) {
    if (!this.rows.length) return;
    this.active = Math.max(0, Math.min(this.rows.length - 1, index));
    if (!extend) this.#anchor = this.active;
    const [from, to] = [this.#anchor, this.active].sort((a, b) => a - b);
    this.#choose(Array.from({ length: to - from + 1 }, (_, step) => from + step));
    this.#reveal();
  }

  // Selected rows, in their order.
  get chosen() {
    return [...this.selected].sort((a, b) => a - b).map((index) => this.rows[index]);
  }

  // Selects rows by their indices.
  choose(indices) {
    if (!indices.includes(this.active)) this.active = indices[0] ?? -1;
    this.#anchor = this.active;
    this.#choose(indices);
    this.#reveal();
  }

  sorted(name, descending) {
    for (const cell of this.head.children) {
      if (!cell.querySelector("button")) continue;
      const direction = descending ? "descending" : "ascending";
      cell.setAttribute("aria-sort", cell.dataset.name === name ? direction : "none");
    }
  }

  #choose(indices) {
    this.selected = new Set(indices);
    this.repaint();
    this.#emit("select");
  }

  #header({ name, label, sorts, make, class: kind = name }, index) {
    return h("div", { role: "columnheader", class: kind, "data-name": name, "aria-colindex": index + 1 },
      sorts ? h("button", { type: "button", class: "quiet", onclick: () => this.#emit("sort", { name }) }, label)
        : h("span", { class: make && "unseen" }, label));
  }

  #reveal() {
    const { element } = this;
    const top = this.active * this.#height;
    const seen = element.clientHeight - this.head.offsetHeight;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + this.#height > element.scrollTop + seen) element.scrollTop = top + this.#height - seen;
    this.#paint();
  }

  // ---- painting

  #measure() {
    const height = parseFloat(getComputedStyle(this.element).getPropertyValue("--row")) || this.#height;
    if (height !== this.#height) {
      const top = this.element.scrollTop / this.#height;
      this.#height = height;
      this.body.style.setProperty("height", `${this.rows.length * height}px`);
      this.element.scrollTop = top * height;
    }
    this.repaint();
  }

  #ask() {
    clearTimeout(this.#resting);
    this.#resting = setTimeout(() => this.#settle(), REST);
    if (this.#asked) return;
    this.#asked = true;
    requestAnimationFrame(() => {
      this.#asked = false;
      this.#paint();
    });
  }

  #paint() {
    const { scrollTop, clientHeight } = this.element;
    const first = Math.max(0, Math.floor(scrollTop / this.#height) - BEYOND);
    const last = Math.min(this.rows.length - 1, Math.ceil((scrollTop + clientHeight) / this.#height) + BEYOND);
    for (const [index, element] of this.#elements) {
      if ((index >= first && index <= last) || index === this.active) continue;
      this.#elements.delete(index);
      this.#free.push(element);
    }
    for (let index = first; index <= last; index += 1) this.#place(index);
    if (this.active >= 0) this.#place(this.active); // the focus is there, in sight or not
    for (const element of this.#free.splice(0)) element.remove();
    if (this.active < 0) this.element.removeAttribute("aria-activedescendant");
    else this.element.setAttribute("aria-activedescendant", `${this.id}-${this.active}`);
    clearTimeout(this.#resting);
    this.#resting = setTimeout(() => this.#settle(), REST);
  }

  #place(index) {
    let element = this.#elements.get(index);
    if (element?.index === index) return;
    if (!element) {
      element = this.#free.pop() ?? this.#row();
      this.#elements.set(index, element);
    }
    const row = this.rows[index];
    element.index = index;
    element.id = `${this.id}-${index}`;
    element.setAttribute("aria-rowindex", index + 2);
    element.setAttribute("aria-selected", this.selected.has(index));
    element.classList.toggle("active", index === this.active);
    element.style.setProperty("transform", `translateY(${index * this.#height}px)`);
    this.columns.forEach((column, number) => {
      const cell = element.children[number];
      if (column.paint) column.paint(cell, row, index);
      else {
        const text = column.text(row, index);
        if (cell.textContent !== text) {
          cell.textContent = text;
          if (column.long) cell.title = text;
        }
      }
    });
    this.mark?.(element, row);
    if (!element.isConnected) this.body.append(element);
  }

  #row() {
    return h("div", { role: "row", class: "grid-row" }, this.columns.map(({ name, long, make, class: kind = name }, index) =>
      h("div", { role: "gridcell", class: kind, "aria-colindex": index + 1, dir: long && "auto" }, make?.())));
  }

  #settle() {
    for (const [index, element] of this.#elements) {
      this.columns.forEach((column, number) => column.settle?.(element.children[number], this.rows[index]));
    }
  }

  // ---- input

  #listen() {
    const { element, body } = this;
    const at = (event) => event.target.closest(".grid-body > .grid-row")?.index ?? -1;
    element.addEventListener("scroll", () => this.#ask(), { passive: true });
    new ResizeObserver(() => element.clientHeight && this.#measure()).observe(element);
    element.addEventListener("keydown", (event) => this.#key(event));
    body.addEventListener("click", (event) => {
      const index = at(event);
      if (index < 0) return;
      const button = event.target.closest("button");
      if (button?.classList.contains("grip")) return;
      if (button) this.#emit(button.classList.contains("opens") ? "open" : "play", { index });
      else this.#click(event, index);
    });
    body.addEventListener("dblclick", (event) => {
      const index = at(event);
      if (index >= 0 && !event.target.closest("button")) this.#emit("open", { index });
    });
    body.addEventListener("pointerdown", (event) => {
      if (event.target.closest(".grip") && !event.button) this.#drag(event, at(event));
    });
  }

  #click(event, index) {
    if (event.ctrlKey || event.metaKey) this.#toggle(index);
    else this.activate(index, { extend: event.shiftKey });
  }

  #toggle(index) {
    const selected = new Set(this.selected);
    if (!selected.delete(index)) selected.add(index);
    this.active = index;
    this.#anchor = index;
    this.#choose(selected.size ? selected : [index]);
  }

  #key(event) {
    if (event.target !== this.element) return;
    const page = Math.max(1, Math.floor(this.element.clientHeight / this.#height) - 2);
    const command = event.ctrlKey || event.metaKey;
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.altKey && this.movable && ["ArrowUp", "ArrowDown"].includes(event.key)) this.shift(steps[event.key]);
    else if (event.altKey) return;
    else if (event.key in steps && !command) this.activate(this.active + steps[event.key], { extend: event.shiftKey });
    else if (event.key === "a" && command) this.choose(this.rows.map((_, index) => index));
    else if (event.key === " " && (command || event.shiftKey)) this.#toggle(this.active);
    else if (command) return;
    else if (event.key === "Enter" && this.active >= 0) this.#emit("open", { index: this.active });
    else if (event.key === "Delete" && this.active >= 0) this.#emit("remove");
    else if (event.key === "Escape" && this.selected.size > 1) this.activate(this.active);
    else return;
    event.preventDefault();
  }

  // Moves the selected rows up or down by one.
  shift(step) {
    const indices = [...this.selected].sort((a, b) => a - b);
    const to = step < 0 ? indices[0] - 1 : indices.at(-1) + 2;
    if (indices.length && to >= 0 && to <= this.rows.length) this.#emit("move", { indices, to });
  }

  // Moves rows with the pointer, to before the row whose upper half it is over.
  #drag(event, index) {
    event.preventDefault();
    const { element, body, line } = this;
    const stop = new AbortController();
    const { signal } = stop;
    if (!this.selected.has(index)) this.activate(index);
    let [y, to, frame] = [event.clientY, index, 0];
    const aim = () => {
      const place = (y - body.getBoundingClientRect().top) / this.#height;
      to = Math.max(0, Math.min(this.rows.length, Math.round(place)));
    };
    const follow = () => {
      const bounds = element.getBoundingClientRect();
      const above = bounds.top + this.head.offsetHeight + EDGE - y;
      const below = y - (bounds.bottom - EDGE);
      element.scrollTop += (below > 0 ? below : above > 0 ? -above : 0) / 4;
      aim();
      line.style.setProperty("transform", `translateY(${to * this.#height - 1}px)`);
      frame = requestAnimationFrame(follow);
    };
    line.hidden = false;
    follow();
    const end = (moved) => {
      cancelAnimationFrame(frame);
      line.hidden = true;
      stop.abort();
      if (moved) this.#emit("move", { indices: [...this.selected].sort((a, b) => a - b), to });
    };
    addEventListener("pointermove", (move) => { y = move.clientY; }, { signal });
    addEventListener("pointerup", ({ clientY }) => {
      y = clientY; // there may have been no frame since
      aim();
      end(true);
    }, { signal });
    addEventListener("pointercancel", () => end(false), { signal });
    addEventListener("keydown", (key) => key.key === "Escape" && end(false), { signal });
  }

  #emit(name, detail = {}) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

// An array with the values at some indices moved to before the value at another one, and the indices
// that they have then.
export function moved(values, indices, to) {
  const taken = new Set(indices);
  const some = indices.map((index) => values[index]);
  const before = values.filter((_, index) => index < to && !taken.has(index));
  const after = values.filter((_, index) => index >= to && !taken.has(index));
  return [[...before, ...some, ...after], some.map((_, step) => before.length + step)];
}
