// Filters of a search, folded until they are opened.

import { h } from "./dom.js";
import { question } from "./question.js";
import { t } from "./strings.js";

// `changed` is called after every change.
export function filters(changed) {
  const set = (name, value) => {
    if (value === undefined) delete question.filters[name];
    else question.filters[name] = value;
    changed();
  };
  const number = (name, label) => h("label", {}, h("span", {}, t(label)), h("input", {
    type: "number", min: 0, id: `filter-${name}`, inputmode: "numeric", value: question.filters[name],
    onchange: ({ target }) => set(name, target.value === "" ? undefined : Number(target.value)),
  }));
  const choice = (name, label, options) => h("label", {}, h("span", {}, t(label)), h("select", {
    id: `filter-${name}`,
    onchange: ({ target }) => set(name, target.value || undefined),
  }, h("option", { value: "" }, t("filter.any")), options.map(([value, text]) =>
    h("option", { value, selected: question.filters[name] === value }, text))));
  const check = (name) => h("label", { class: "check" }, h("input", {
    type: "checkbox", checked: question[name],
    onchange: ({ target }) => {
      question[name] = target.checked;
      changed();
    },
  }), t(name));
  return h("details", { class: "filters" }, h("summary", {}, t("filters")),
    h("div", { class: "grid" },
      choice("quadrant", "filter.quadrant", ["Q1", "Q2", "Q3", "Q4"].map((name) => [name, t(`quadrant.${name}`)])),
      choice("key_mode", "filter.mode", [["major", t("mode.major")], ["minor", t("mode.minor")]]),
      number("duration_max", "filter.longest"),
      number("tempo_min", "filter.slowest"),
      number("tempo_max", "filter.fastest")),
    h("div", { class: "checks" }, check("moments"), check("diverse")));
}
