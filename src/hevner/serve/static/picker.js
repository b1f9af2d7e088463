// A search box that suggests pieces of the catalogue while one types: a combobox with a list.
//
//     const picker = new Picker(t("compare.add"), { id: "compare-add", picked: (hit) => ... });
//     place.append(picker.element);
//
// `picked` gets the piece as a search returns it ({id, name, title, artist, ...}); then the box is
// empty again. The pieces are loaded when the box first gets the focus.

import { field, fill, h } from "./dom.js";
import { clock } from "./emotion.js";
import { load } from "./pieces.js";
import { t } from "./strings.js";
import { attempt } from "./trouble.js";

const MOST = 12; // suggestions

export class Picker {
  #pieces = null;
  #rows = [];
  #active = -1;

  constructor(label, { id, picked, placeholder = t("picker.placeholder") }) {
    this.id = id;
    this.picked = picked;
    const [caption, input] = field(label, id, {
      role: "combobox", "aria-expanded": "false", "aria-controls": `${id}-list`, "aria-autocomplete": "list",
      placeholder, spellcheck: "false", "data-keys": true,
      onfocus: () => this.#load(),
      oninput: () => this.#suggest(),
      onkeydown: (event) => this.#key(event),
      onblur: () => this.#close(),
    });
    this.input = input;
    this.list = h("ul", { role: "listbox", id: `${id}-list`, class: "suggestions", "aria-label": label, hidden: true });
    // Before the box loses the focus.
    this.list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.status = h("p", { class: "unseen", role: "status" });
    this.problem = h("div");
    this.element = h("div", { class: "field picker" }, caption, input, this.list, this.status, this.problem);
  }

  async #load() {
    fill(this.problem);
    this.#pieces = await attempt(this.problem, () => load()) ?? null;
    if (this.input.value) this.#suggest();
  }

  #suggest() {
    const text = this.input.value;
    if (!this.#pieces || !text.trim()) return this.#close();
    this.#rows = this.#pieces.suggested(text, MOST);
    fill(this.list, this.#rows.map((row, index) => this.#option(row, index)),
      !this.#rows.length && h("li", { role: "option", "aria-disabled": "true", class: "aside" }, t("picker.none")));
    this.status.textContent = t("picker.count", { count: this.#rows.length });
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.#point(this.#rows.length ? 0 : -1);
  }

  #option(row, index) {
    const { title, artist, album, duration } = this.#pieces.hit(row);
    const facts = [artist, album, duration !== null && clock(duration)].filter(Boolean).join(" · ");
    return h("li", {
      role: "option", id: `${this.id}-${index}`, "aria-selected": "false", onclick: () => this.#pick(index),
    }, h("span", { class: "title", dir: "auto" }, title), h("span", { class: "aside", dir: "auto" }, facts));
  }

  #point(index) {
    this.list.children[this.#active]?.setAttribute("aria-selected", "false");
    this.#active = index;
    if (index < 0) return this.input.removeAttribute("aria-activedescendant");
    const option = this.list.children[index];
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    return this.input.setAttribute("aria-activedescendant", option.id);
  }

  #key(event) {
    const count = this.#rows.length;
    if (event.isComposing) return;
    if (event.key === "Escape" && !this.list.hidden) this.#close();
    else if (!count || this.list.hidden) return;
    else if (event.key === "ArrowDown") this.#point((this.#active + 1) % count);
    else if (event.key === "ArrowUp") this.#point((this.#active + count - 1) % count);
    else if (event.key === "Enter") this.#pick(this.#active);
    else return;
    event.preventDefault();
  }

  #pick(index) {
    const hit = this.#pieces.hit(this.#rows[index]);
    this.input.value = "";
    this.#close();
    this.picked(hit);
  }

  #close() {
    this.#rows = [];
    this.#point(-1);
    this.list.hidden = true;
    this.status.textContent = "";
    this.input.setAttribute("aria-expanded", "false");
  }
}
