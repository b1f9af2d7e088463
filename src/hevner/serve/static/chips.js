// Words with a degree each, as chips before an input field for more.

import { button, field, h, refill } from "./dom.js";
import { question } from "./question.js";
import { t } from "./strings.js";
import { degrees, spelling } from "./vocabulary.js";

export class Chips {
  known = new Set();

  // `name` is "words" or "unwanted" in the query; `changed` is called after every change.
  constructor(name, list, changed) {
    this.name = name;
    this.changed = changed;
    this.chips = h("ul", { class: "chips" });
    const [label, input] = field(t(name), `words-${name}`, {
      list, autocapitalize: "off",
      onkeydown: (event) => this.#key(event),
      oninput: (event) => {
        // Chosen from the list with the mouse: there is no Enter.
        if (event.inputType === "insertReplacementText" || !event.inputType) this.#add();
      },
      onblur: () => this.known.has(plain(this.input.value)) && this.#add(),
    });
    this.input = input;
    this.element = h("div", { class: "field" }, label, h("div", { class: "chipline" }, this.chips, input));
    this.show();
  }

  show() {
    const some = question[this.name];
    refill(this.chips, this.input, some.map((one) => this.#chip(one)));
    this.input.placeholder = some.length ? "" : t(`${this.name}.placeholder`);
  }

  #key(event) {
    if (event.key === "Enter" || event.key === ",") {
      event.preventDefault();
      this.#add();
    } else if (event.key === "Backspace" && !this.input.value && question[this.name].length) {
      this.#set(question[this.name].slice(0, -1));
    }
  }

  #set(some) {
    question[this.name] = some;
    this.changed();
  }

  #add() {
    const some = [...question[this.name]];
    for (const part of this.input.value.split(",")) {
      const text = plain(part);
      const degree = degrees().find((one) => one && text.startsWith(`${one} `)) ?? "";
      const plainWord = text.slice(degree ? degree.length + 1 : 0);
      const word = spelling(plainWord) ?? plainWord;
      if (word && !some.some((one) => one.word === word)) some.push({ word, degree });
    }
    this.input.value = "";
    this.#set(some);
  }

  #chip(one) {
    return h("li", { class: "chip" }, this.name === "words" ? this.#degree(one) : h("span", { class: "word" }, one.word),
      button(t("word.remove", { word: one.word }), () => {
        this.#set(question[this.name].filter((other) => other !== one));
      }, { glyph: "close", class: "round quiet small" }));
  }

  #degree(one) {
    const label = `${one.degree} ${one.word}`.trim();
    const all = degrees();
    const strength = all.indexOf(one.degree) + 1;
    const dots = h("span", { class: "dots", "aria-hidden": "true" },
      all.map((_, index) => h("i", { class: index < strength ? "on" : null })));
    return button([label, dots], () => {
      one.degree = all[strength % all.length];
      this.changed();
    }, { class: "word", title: t("degree.change"), "aria-label": t("degree.label", { said: label }), "data-chip": one.word });
  }
}

function plain(text) {
  return text.trim().toLowerCase().replaceAll("-", " ").replace(/\s+/g, " ");
}
