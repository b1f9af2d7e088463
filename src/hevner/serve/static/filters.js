// Filters of a search, folded until they are opened, and a chip for each that is set.

import { fill, h } from "./dom.js";
import { question } from "./question.js";
import { known, t } from "./strings.js";

const MODES = ["ionian", "dorian", "phrygian", "lydian", "mixolydian", "aeolian", "harmonic minor"]; // as hevner.result
const CHOICES = { quadrant: ["Q1", "Q2", "Q3", "Q4"], key_mode: ["major", "minor"], mode: MODES };
const LABELS = {
  quadrant: "filter.quadrant", key_mode: "filter.third", mode: "filter.mode", duration_min: "filter.shortest",
  duration_max: "filter.longest", tempo_min: "filter.slowest", tempo_max: "filter.fastest",
};
const CHECKS = ["moments", "diverse"];

export class Filters {
  // `changed` is called after every change.
  constructor(changed) {
    this.changed = changed;
    this.inside = h("div");
    this.element = h("details", { class: "filters" }, h("summary", {}, t("filters")), this.inside);
    this.show();
  }

  show() {
    fill(this.inside, h("div", { class: "grid-of-fields" }, Object.keys(LABELS).map((name) => this.#field(name))),
      h("div", { class: "checks" }, CHECKS.map((name) => this.#check(name))));
  }

  // What is set, as [text, function that takes it away].
  get chips() {
    const without = (name) => () => {
      delete question.filters[name];
      this.show();
      this.changed();
    };
    const off = (name) => () => {
      question[name] = false;
      this.show();
      this.changed();
    };
    return [
      ...Object.entries(question.filters).map(([name, value]) =>
        [t("find.chip", { name: t(LABELS[name]), value: shown(name, value) }), without(name)]),
      ...CHECKS.filter((name) => question[name]).map((name) => [t(name), off(name)]),
    ];
  }

  #set(name, value) {
    if (value === undefined) delete question.filters[name];
    else question.filters[name] = value;
    this.changed();
  }

  #field(name) {
    const id = `filter-${name}`;
    const options = CHOICES[name];
    const input = options
      ? h("select", { id, onchange: ({ target }) => this.#set(name, target.value || undefined) },
        h("option", { value: "" }, t("filter.any")), options.map((value) =>
          h("option", { value, selected: question.filters[name] === value }, shown(name, value))))
      : h("input", {
        type: "number", min: 0, id, inputmode: "numeric", value: question.filters[name],
        onchange: ({ target }) => this.#set(name, target.value === "" ? undefined : Number(target.value)),
      });
    return h("label", {}, h("span", {}, t(LABELS[name])), input);
  }

  #check(name) {
    return h("label", { class: "check" }, h("input", {
      type: "checkbox", checked: question[name],
      onchange: ({ target }) => {
        question[name] = target.checked;
        this.changed();
      },
    }), t(name));
  }
}

function shown(name, value) {
  if (name === "quadrant") return t(`quadrant.${value}`);
  return name.endsWith("mode") ? known(`mode.${value}`, value) : String(value);
}
