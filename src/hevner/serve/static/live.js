// What the microphone picks up, while it sounds: its values, its curves, and its point on the plane.

import * as api from "./api.js";
import { Chords, Curve } from "./curves.js";
import { button, fill, h, mount, term } from "./dom.js";
import { chordName, clock, signed } from "./emotion.js";
import { BLOCK, openMicrophone, refusal } from "./microphone.js";
import { Plane } from "./plane.js";
import { t } from "./strings.js";
import { calm, changes, colours } from "./theme.js";
import { attempt } from "./trouble.js";

const SPAN = 60; // seconds of the curves
const TRAIL = 12; // values
const GLIDE = 600; // milliseconds from value to value
const AXES = ["valence", "arousal"];
// Blocks that are sent at a time, at least and at most, and those that may wait.
const [LEAST, MOST, HELD] = [0.25, 2, 5].map((seconds) => Math.round(seconds / BLOCK));

export const open = (main) => mount(main, new Live());

// Sound that waits to be sent. Where the service is too slow the oldest is lost, or all would be late.
class Sound {
  #blocks = [];
  #come = () => {};
  lost = 0; // seconds

  constructor(signal) {
    signal.addEventListener("abort", () => this.#come());
  }

  add(block) {
    this.#blocks.push(block);
    if (this.#blocks.length > HELD) {
      this.#blocks.shift();
      this.lost += BLOCK;
    }
    if (this.#blocks.length >= LEAST) this.#come();
  }

  async next() {
    if (this.#blocks.length < LEAST) await new Promise((come) => (this.#come = come));
    return new Blob(this.#blocks.splice(0, MOST));
  }
}

class Live {
  #left = new AbortController();
  #stop = null; // of what is being listened to
  #instants = [];
  #frame = 0;

  constructor() {
    this.plane = new Plane(t("live.plane"));
    this.curves = AXES.map((name) => new Curve(name));
    this.chords = new Chords("chords");
    this.state = h("span", { role: "status" }, t("live.idle"));
    this.time = h("span", {});
    this.trouble = h("div");
    this.button = button(t("live.start"), () => (this.#stop ? this.#end() : this.#begin()), { class: "primary" });
    this.title = h("h1", { tabindex: -1 }, t("live"));
    this.now = Object.fromEntries(["valence", "arousal", "chord", "tempo"].map((name) => [name, h("span", { class: name })]));
    const course = h("div", { class: "timeline still", role: "img", "aria-label": t("live.course") },
      this.curves.map((curve) => curve.element), this.chords.element);
    this.element = h("section", { class: "view listen-view" }, h("article", { class: "piece" },
      h("header", { class: "heading" }, h("div", {}, this.title, h("p", { class: "lead" }, this.state, this.time))),
      h("div", { class: "stage" },
        h("div", { class: "along" },
          h("div", { class: "listen" }, this.button), h("p", { class: "aside" }, t("live.text")),
          this.trouble, course, h("p", { class: "aside" }, t("live.window"))),
        h("div", { class: "beside" }, this.plane.element, h("dl", { class: "now" },
          Object.entries(this.now).map(([name, shown]) => term(t(AXES.includes(name) ? name : `live.${name}`), shown)))))));
  }

  start() {
    attempt(null, async () => this.plane.lay({ words: await api.words() }));
    changes.addEventListener("change", () => this.#draw(), { signal: this.#left.signal });
    addEventListener("pagehide", () => this.#end(), { signal: this.#left.signal });
    this.#show({});
    this.title.focus({ preventScroll: true });
  }

  leave() {
    this.#end();
    this.#left.abort();
  }

  #end() {
    this.#stop?.abort();
  }

  async #begin() {
    const stop = new AbortController();
    this.#stop = stop;
    this.#instants = [];
    this.#show({});
    fill(this.trouble);
    this.button.textContent = t("live.stop");
    this.#say(t("live.asking"));
    await attempt(this.trouble, () => this.#listen(stop));
    this.#stop = null;
    this.button.textContent = t("live.start");
    this.#say(t("live.stopped"));
  }

  async #listen(stop) {
    const { signal } = stop;
    const sound = new Sound(signal);
    let unplugged = false;
    const microphone = await openMicrophone((block) => sound.add(block), () => {
      unplugged = true;
      stop.abort();
    });
    let id = null;
    const hush = () => {
      if (id) api.hush(id).catch(() => null); // it ends by itself
      id = null;
    };
    signal.addEventListener("abort", hush); // at once: a page that is left may do no more
    try {
      if (signal.aborted) return;
      this.#say(t("live.waiting"));
      ({ id } = await api.listen(microphone.rate));
      while (!signal.aborted) {
        const { instants } = await api.sound(id, await sound.next(), signal);
        for (const one of instants) this.#take(one, sound.lost);
      }
    } catch (problem) {
      if (problem.name === "AbortError") return;
      id = null;
      throw problem.status === 404 ? refusal("gone") : problem;
    } finally {
      microphone.close();
      hush();
      if (unplugged) throw refusal("unplugged");
    }
  }

  #take(instant, lost) {
    this.#instants = [...this.#instants.filter(({ time }) => time > instant.time - SPAN), instant];
    this.#show(instant);
    this.#say(t(`live.${instant.status}`), [clock(instant.time), lost >= 1 && t("live.slow", { seconds: Math.round(lost) })]);
  }

  #show({ valence, arousal, chord, tempo }) {
    const texts = {
      valence: valence && signed(valence.value), arousal: arousal && signed(arousal.value),
      chord: chord && chordName(chord), tempo: tempo && Math.round(tempo),
    };
    for (const [name, text] of Object.entries(texts)) this.now[name].textContent = text ?? "–";
    this.#draw();
    this.#glide();
  }

  // The state is read out when it changes, the rest is not.
  #say(state, rest = []) {
    if (this.state.textContent !== state) this.state.textContent = state;
    this.time.textContent = rest.filter(Boolean).map((text) => ` · ${text}`).join("");
  }

  #draw() {
    const from = Math.max(0, (this.#instants.at(-1)?.time ?? 0) - SPAN);
    const times = this.#instants.map(({ time }) => ({ start: Math.max(0, time - 1 - from), end: time - from }));
    for (const curve of this.curves) {
      const moments = this.#instants.map(({ [curve.axis]: one }, index) =>
        ({ ...times[index], value: one?.value ?? null, low: one?.low, high: one?.high }));
      curve.show(SPAN, [{ moments, colour: colours[curve.axis] }]);
    }
    const chords = [];
    for (const [index, { chord }] of this.#instants.entries()) {
      if (chord && chord === chords.at(-1)?.label && chords.at(-1).end === times[index].start) {
        chords.at(-1).end = times[index].end;
      } else if (chord) chords.push({ label: chord, ...times[index] });
    }
    this.chords.show(SPAN, chords);
  }

  // The point goes to its new place, with the places before as its trail.
  #glide() {
    const points = this.#instants.slice(-TRAIL).map(({ valence, arousal }) =>
      valence && [valence.value, arousal.value]);
    const now = points.pop();
    const before = points.at(-1);
    const begin = performance.now();
    const step = (time) => {
      const share = calm() || !before ? 1 : Math.min(1, Math.max(0, time - begin) / GLIDE);
      const here = now && now.map((value, axis) => value - (1 - share) * (before ? value - before[axis] : 0));
      this.plane.show(here, here && !calm() ? [...points, here] : []);
      if (share < 1) this.#frame = requestAnimationFrame(step);
    };
    cancelAnimationFrame(this.#frame);
    step(begin);
  }
}
