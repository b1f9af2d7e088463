// Filters of the library by what is known of pieces, folded until they are opened.

import { fill, h } from "./dom.js";
import { t } from "./strings.js";
import { word } from "./vocabulary.js";

const CHOICES = ["genre", "mood", "third"];
const SPANS = ["year", "tempo", "minutes"];
const ENDS = SPANS.flatMap((name) => [`${name}-from`, `${name}-to`]);

// The filters that an address sets, of a map of what it says.
export function filtersIn(said) {
  const chosen = CHOICES.map((name) => [name, said.get(name)]).filter(([, value]) => value);
  const ends = ENDS.map((name) => [name, parseFloat(said.get(name))]).filter(([, value]) => Number.isFinite(value));
  return Object.fromEntries([...chosen, ...ends]);
}

export class Filters {
  // `values` holds the filters that are set, by name; `changed` is called after every change.
  constructor(values, changed) {
    this.values = values;
    this.changed = changed;
    this.choices = Object.fromEntries(CHOICES.map((name) => [name, this.#choice(name)]));
    this.element = h("details", { class: "filters", open: Object.keys(values).length > 0 }, h("summary", {}, t("filters")),
      h("div", { class: "grid-of-fields" }, Object.values(this.choices).map(({ label }) => label), ENDS.map((name) => this.#number(name))));
  }

  // Offers what there is; a filter by what there is no more is none.
  offer({ columns }) {
    const offer = (name, found, text) => {
      const { select } = this.choices[name];
      const sorted = [...found].map((one) => [one, text(one)]).sort((a, b) => a[1].localeCompare(b[1]));
      if (!sorted.some(([value]) => value === this.values[name])) delete this.values[name];
      fill(select, h("option", { value: "" }, t("filter.any")), sorted.map(([value, shown]) =>
        h("option", { value, selected: this.values[name] === value }, shown)));
    };
    offer("genre", new Set(columns.genre.flatMap(parts)), String);
    offer("mood", new Set(columns.tags.flat()), word);
    offer("third", ["major", "minor"], (third) => t(`mode.${third}`));
  }

  clear() {
    for (const name of Object.keys(this.values)) delete this.values[name];
    for (const field of this.element.querySelectorAll("input, select")) field.value = "";
  }

  // A function of a piece: whether it passes all filters.
  passing({ columns }) {
    const { genre, mood, third } = this.values;
    const tests = [];
    if (genre) tests.push((row) => parts(columns.genre[row]).includes(genre));
    if (mood) tests.push((row) => columns.tags[row].includes(mood));
    if (third) tests.push((row) => columns.key[row]?.endsWith(third));
    for (const name of SPANS) {
      const [low, high] = ["from", "to"].map((end) => this.values[`${name}-${end}`]);
      if (low === undefined && high === undefined) continue;
      const values = name === "minutes" ? columns.duration : columns[name];
      const unit = name === "minutes" ? 60 : 1;
      tests.push((row) => values[row] !== null && values[row] >= (low ?? -Infinity) * unit && values[row] <= (high ?? Infinity) * unit);
    }
    return (row) => tests.every((test) => test(row));
  }

  #set(name, value) {
    if (value === undefined) delete this.values[name];
    else this.values[name] = value;
    this.changed();
  }

  #choice(name) {
    const select = h("select", { id: `library-${name}`, onchange: () => this.#set(name, select.value || undefined) });
    return { select, label: h("label", {}, h("span", {}, t(`library.filter.${name}`)), select) };
  }

  #number(key) {
    return h("label", {}, h("span", {}, t(`library.filter.${key}`)), h("input", {
      type: "number", min: 0, step: "any", id: `library-${key}`, inputmode: "decimal", value: this.values[key],
      oninput: ({ target }) => this.#set(key, target.value === "" ? undefined : Number(target.value)),
    }));
  }
}

function parts(genre) {
  return genre ? genre.split("; ") : [];
}
