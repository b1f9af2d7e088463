// Why a reading is what it is at the moment that plays: what each musical term adds, in words and bars.

import { button, fill, h } from "./dom.js";
import { clock, signed } from "./emotion.js";
import { known, t } from "./strings.js";
import { similar } from "./vocabulary.js";

const SMALL = 0.005; // below which a part is not listed, as hevner.words.explaining
const NEAR = 0.3; // standard deviations within which music is about average
const CLEAR = 1.5;
const OTHER = "other";

export class Why {
  #index = null;

  constructor({ analysis, axes }) {
    this.analysis = analysis;
    this.names = axes.filter((name) => analysis.explanation?.readings[name]);
    this.name = this.names[0];
    this.choices = this.names.map((name) => button(t(name), () => this.#choose(name)));
    this.said = h("p", {});
    this.parts = h("div", { class: "contributions" });
    this.element = h("section", { class: "why" }, h("h2", {}, t("listen.why")),
      h("div", { class: "segments", role: "group", "aria-label": t("listen.why.of") }, this.choices), this.said, this.parts);
    this.element.hidden = !this.names.length;
    if (this.names.length) this.#choose(this.name);
  }

  // Once a frame while it plays; something is done once a moment.
  at(time) {
    const index = this.analysis.timeline.findIndex((moment) => time < moment.end);
    if (index === this.#index || !this.names.length) return;
    this.#index = index;
    this.#show();
  }

  #choose(name) {
    this.name = name;
    this.choices.forEach((one, index) => one.setAttribute("aria-pressed", this.names[index] === name));
    this.#show();
  }

  #show() {
    const { analysis, name } = this;
    const { explanation } = analysis;
    const moment = analysis.timeline[this.#index];
    const added = explanation.timeline[this.#index]?.[name];
    const { average, terms } = explanation.readings[name];
    const { value } = analysis[name];
    const kind = explanation.similar_to && similar(explanation.similar_to);
    const above = t("listen.why.piece", {
      name: t(name), value: signed(value), more: signed(value - average), average: signed(average),
    });
    const said = moment && added && moment[name]
      ? t("listen.why.moment", {
        from: clock(moment.start), to: clock(moment.end), name: t(name), value: signed(moment[name].value),
        more: signed(moment[name].value - value),
      })
      : t("listen.why.none");
    fill(this.said, h("span", {}, said), " ", h("span", {}, above), " ",
      kind && h("span", { class: "aside" }, t("listen.why.like", { kind })));
    const most = Math.max(...[added ?? {}, terms].flatMap((one) => Object.values(one)).map(Math.abs), 0.05);
    fill(this.parts,
      added && this.#list(t("listen.why.here"), added, most, (term) => t(`listen.term.${term}`)),
      this.#list(t("listen.why.whole"), terms, most, (term) => phrase(term, explanation.music[term])));
  }

  // Terms with what they add, the largest first and what no term carries at last.
  #list(title, terms, most, nameOf) {
    const named = Object.entries(terms).filter(([term, value]) => term !== OTHER && Math.abs(value) >= SMALL)
      .toSorted((a, b) => Math.abs(b[1]) - Math.abs(a[1]));
    const small = Object.entries(terms).filter(([term, value]) => term !== OTHER && Math.abs(value) < SMALL);
    const rest = small.reduce((sum, [, value]) => sum + value, 0);
    const rows = [...named.map(([term, value]) => [nameOf(term), value]),
      ...(Math.abs(rest) >= SMALL ? [[t("listen.why.small"), rest]] : []), [t(`listen.term.${OTHER}`), terms[OTHER]]];
    return h("div", {}, h("h3", {}, title), h("ul", {}, rows.map(([text, value]) => {
      const part = h("i", { class: value < 0 ? "less" : "" });
      part.style.setProperty("--share", Math.abs(value) / most);
      return h("li", {}, h("span", {}, text), h("b", { "aria-hidden": "true" }, part), h("span", { class: "number" }, signed(value)));
    })));
  }
}

// A term of a piece in words, such as "mode: clearly minor".
function phrase(term, music) {
  const label = known(`listen.term.${term}`, term);
  const word = Math.abs(music) < NEAR ? t("listen.term.average") : known(`listen.term.${term}.${music > 0 ? "high" : "low"}`, "");
  if (!word) return label;
  return `${label}: ${Math.abs(music) > CLEAR ? t("listen.term.clearly", { word }) : word}`;
}
