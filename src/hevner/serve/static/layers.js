// What may be shown in a timeline besides valence and arousal: tension, basic emotions, and a picture
// of the sound. Which of it is shown is kept for all pieces.

import { Curve } from "./curves.js";
import { button, fill, h } from "./dom.js";
import * as kept from "./kept.js";
import { Spectrum } from "./spectrum.js";
import { known, t } from "./strings.js";
import { changes, colours } from "./theme.js";

const KEPT = "hevner.layers";
const SOUNDS = ["spectrogram", "chroma"]; // one at a time
// Basic emotions have no colours of their own: those of the quadrants in which they lie, but fear.
const LOOKS = {
  joy: ["q1", []], anger: ["q2", []], sadness: ["q3", []], tenderness: ["q4", []], fear: ["tension", [8, 4]],
};

export class Layers {
  #shown;

  // `change` is called when other curves are shown.
  constructor(piece, zoom, signal, change) {
    const before = kept.read(KEPT);
    this.#shown = new Set(Array.isArray(before) ? before : ["tension"]);
    this.piece = piece;
    this.change = change;
    this.spectrum = new Spectrum(zoom, signal);
    this.emotions = new Curve("emotions", 0);
    this.emotions.follow(zoom);
    this.element = h("div", { class: "group layers", role: "group", "aria-label": t("listen.layers") });
    changes.addEventListener("change", () => this.show(), { signal });
    this.switches = [];
    this.offer({});
  }

  // Names of the basic emotions that are shown.
  get names() {
    return Object.keys(this.course?.emotions ?? {}).filter((name) => this.#shown.has(name));
  }

  // Offers what a piece has: `course` with the basic emotions of its moments. Until it is there, those of
  // the piece keep its place.
  offer(course) {
    this.course = course;
    const names = [
      ...(this.piece.axes.includes("tension") ? ["tension"] : []),
      ...Object.keys(course.emotions ?? this.piece.analysis.emotions ?? {}).toSorted(), ...SOUNDS,
    ];
    this.switches = names.map((name) => {
      const mark = h("i", { class: "swatch", "aria-hidden": "true" });
      const colour = name === "tension" ? "tension" : LOOKS[name]?.[0];
      if (colour) mark.style.background = `var(--${colour})`;
      const text = { tension: t("tension"), spectrogram: t("listen.spectrogram"), chroma: t("listen.chroma") };
      const made = button(text[name] ?? known(`emotion.${name}`, name), () => this.#toggle(name), { class: "quiet", "data-layer": name });
      if (colour) made.prepend(mark);
      return Object.assign(made, { layer: name });
    });
    fill(this.element, h("span", { class: "aside" }, t("listen.layers")), this.switches);
    this.show();
  }

  #toggle(name) {
    const on = !this.#shown.has(name);
    if (SOUNDS.includes(name)) SOUNDS.forEach((one) => this.#shown.delete(one));
    if (on) this.#shown.add(name);
    else this.#shown.delete(name);
    kept.write(KEPT, [...this.#shown]);
    this.show();
    this.change();
  }

  show() {
    const { piece, names } = this;
    const { file } = piece.job;
    for (const one of this.switches) {
      one.setAttribute("aria-pressed", this.#shown.has(one.layer));
      const lacking = SOUNDS.includes(one.layer) && !file;
      one.disabled = lacking || (one.layer in LOOKS && !this.course.emotions);
      one.title = lacking ? t("wave.absent") : "";
    }
    const tension = piece.curves.find((curve) => curve.axis === "tension");
    if (tension) tension.element.hidden = !this.#shown.has("tension");
    if (names.length) piece.chords.element.before(this.emotions.element);
    else this.emotions.element.remove();
    const { timeline, duration } = piece.analysis;
    this.emotions.show(duration, names.map((name) => ({
      moments: timeline.map(({ start, end }, index) => ({ start, end, value: this.course.emotions[name][index] })),
      colour: colours[LOOKS[name]?.[0] ?? "ink"], dash: LOOKS[name]?.[1],
    })));
    this.spectrum.show(file ? SOUNDS.find((name) => this.#shown.has(name)) ?? null : null, file);
  }
}
