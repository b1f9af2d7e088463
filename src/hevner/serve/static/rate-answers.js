// What a rater answers with: a point on the plane, or sliders. Nothing is set beforehand.
//
// Both have `element`, `values` by label (null until all are given), and events "answer" and
// "cursor" with the text of where the keys have come to.

import { h } from "./dom.js";
import { moodOf, moodText, scaleName, spoken } from "./emotion.js";
import { Plane } from "./plane.js";
import { t } from "./strings.js";

const KEY_STEP = 0.05;
const TRAIL = 40; // places of a continuous rating that are drawn
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const AXES = ["valence", "arousal"];

export function answersFor({ input, labels, low, high, when }) {
  return input === "plane" ? new PlaneAnswer(when === "continuous") : new SliderAnswers(labels, low, high);
}

export class PlaneAnswer extends Plane {
  #point = null;
  #places = [];
  #held = false;
  #trailing;

  constructor(trailing) {
    super(t("rate.plane"), {
      role: "application", tabindex: 0, "data-keys": true, "aria-roledescription": t("plane"),
      "aria-describedby": "rate-help",
    });
    this.#trailing = trailing;
    this.#listen();
  }

  get values() {
    return this.#point && { valence: this.#point[0], arousal: this.#point[1] };
  }

  #set(point) {
    this.#point = point.map((value) => Math.round(Math.max(-1, Math.min(1, value)) * 1000) / 1000);
    if (this.#trailing) this.#places = [...this.#places, this.#point].slice(-TRAIL);
    this.show(this.#point, this.#places);
    this.dispatchEvent(new Event("answer"));
  }

  #from(event) {
    const bounds = this.element.getBoundingClientRect();
    const { side, left, top } = this.box();
    return [
      (2 * (event.clientX - bounds.left - left)) / side - 1,
      1 - (2 * (event.clientY - bounds.top - top)) / side,
    ];
  }

  #listen() {
    const { element } = this;
    element.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      element.setPointerCapture(event.pointerId);
      this.#held = true;
      this.#set(this.#from(event));
    });
    element.addEventListener("pointermove", (event) => this.#held && this.#set(this.#from(event)));
    for (const name of ["pointerup", "pointercancel"]) {
      element.addEventListener(name, () => {
        this.#held = false;
      });
    }
    element.addEventListener("keydown", (event) => this.#key(event));
  }

  // The keys begin in the middle; Enter answers with it.
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const move = event.key === "Enter" ? [0, 0] : MOVES[event.key];
    if (!move) return;
    event.preventDefault();
    const size = event.shiftKey ? KEY_STEP / 5 : KEY_STEP;
    this.#set((this.#point ?? [0, 0]).map((value, axis) => value + move[axis] * size));
    this.dispatchEvent(new CustomEvent("cursor", { detail: spoken(...this.#point) }));
  }
}

export class SliderAnswers extends EventTarget {
  #given = new Map();
  #labels;

  constructor(labels, low, high) {
    super();
    this.#labels = labels;
    this.element = h("div", { class: "sliders" }, labels.map((name) => this.#slider(name, low, high)));
  }

  get values() {
    return this.#given.size === this.#labels.length ? Object.fromEntries(this.#given) : null;
  }

  #slider(name, low, high) {
    const number = h("output", { class: "number", for: `rate-${name}` }, "–");
    const input = h("input", {
      type: "range", id: `rate-${name}`, min: low, max: high, step: 1, value: Math.round((low + high) / 2), class: "unset",
      "aria-valuetext": t("rate.unset"), "data-keys": true,
    });
    const give = () => {
      this.#given.set(name, Number(input.value));
      input.classList.remove("unset");
      input.setAttribute("aria-valuetext", input.value);
      number.textContent = input.value;
      this.dispatchEvent(new Event("answer"));
    };
    input.addEventListener("input", give);
    input.addEventListener("pointerup", give); // a click on the middle changes nothing
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      give();
    });
    const ends = AXES.includes(name) || name === "tension" ? `axis.${name}` : "rate.amount";
    const mood = moodOf(name);
    return h("div", { class: "slider" },
      h("label", { for: `rate-${name}` }, scaleName(name), mood && h("span", { class: "aside" }, ` ${moodText(mood)}`)), number, input,
      h("span", { class: "ends aside", "aria-hidden": "true" },
        h("span", {}, t(`${ends}.low`)), h("span", {}, t(`${ends}.high`))));
  }
}
