// A span of a piece that is played again and again, from A to B; event: "change".
//
// A timer is set to the moment at which B comes, so that a loop does not depend on the rate of the
// screen and goes on behind other windows. Whoever moves behind B plays on from there.

import { button, h } from "./dom.js";
import { tenths } from "./emotion.js";
import { player } from "./player.js";
import { t } from "./strings.js";

const SHORTEST = 0.25; // seconds
const EARLY = 0.004; // seconds before B from which it counts as reached
const BEFORE_END = 0.06; // seconds: a player that has come to the end has stopped

export class Loop extends EventTarget {
  a = null;
  b = null;
  #timer = 0;
  #within = true;

  // `sounds` returns whether the player has the piece; after `signal` nothing is repeated.
  constructor(timeline, sounds, signal) {
    super();
    this.timeline = timeline;
    this.sounds = sounds;
    this.area = h("div", { class: "loop-area", hidden: true });
    this.element = this.#buttons();
    timeline.element.append(this.area);
    timeline.zoom.addEventListener("change", () => this.#draw(this.a, this.b));
    timeline.addEventListener("span", ({ detail: { from, to, done } }) => {
      if (done) this.set(from, to - from < SHORTEST ? null : to);
      else this.#draw(from, to);
    });
    for (const name of ["time", "state"]) player.addEventListener(name, () => this.#plan(), { signal });
    player.addEventListener("seek", () => {
      this.#within = this.b === null || player.time < this.b;
    }, { signal });
    signal.addEventListener("abort", () => clearTimeout(this.#timer));
  }

  get isSet() {
    return this.a !== null && this.b !== null;
  }

  // Null for no end, or neither; an end before its beginning takes it away.
  set(a, b) {
    this.a = a;
    this.b = a !== null && b !== null && b - a < SHORTEST ? null : b;
    this.#within = true;
    this.#draw(this.a, this.b);
    this.#plan();
    this.dispatchEvent(new Event("change"));
  }

  // Whether a key sets or clears the loop; then it has.
  key(key) {
    const { time } = this.timeline;
    if (key === "[") this.set(time, this.b);
    else if (key === "]") this.set(this.a !== null && time - this.a < SHORTEST ? null : this.a ?? 0, time);
    else if (key === "Escape" && (this.a !== null || this.b !== null)) this.set(null, null);
    else return false;
    return true;
  }

  #plan() {
    clearTimeout(this.#timer);
    if (!this.isSet || !this.#within || !player.playing || !this.sounds()) return;
    const left = Math.min(this.b, player.duration - BEFORE_END) - player.time;
    if (left > EARLY) this.#timer = setTimeout(() => this.#plan(), 1000 * (left - EARLY / 2));
    else player.seek(this.a);
  }

  #draw(a, b) {
    const { zoom } = this.timeline;
    const [from, to] = [a ?? b, b ?? a];
    this.area.hidden = from === null || to < zoom.from || from > zoom.to;
    this.clear.disabled = from === null;
    this.range.textContent = a !== null && b !== null ? t("listen.span", { from: tenths(a), to: tenths(b) }) : "";
    if (this.area.hidden) return;
    const [left, right] = [from, to].map((time) => Math.max(0, Math.min(1, zoom.share(time))));
    this.area.classList.toggle("begins", a !== null && zoom.holds(a));
    this.area.classList.toggle("ends", b !== null && zoom.holds(b));
    this.area.style.left = `${100 * left}%`;
    this.area.style.width = `${100 * (right - left)}%`;
  }

  #buttons() {
    const made = (name, text, key) =>
      button(text, () => this.key(key), { class: "quiet", "aria-label": t(`listen.loop.${name}`), title: t(`listen.loop.${name}`) });
    this.clear = button("", () => this.key("Escape"), { glyph: "close", class: "round small quiet", disabled: true });
    this.clear.setAttribute("aria-label", t("listen.loop.clear"));
    this.clear.title = t("listen.loop.clear");
    this.range = h("span", { class: "aside number", role: "status" });
    return h("div", { class: "group", role: "group", "aria-label": t("listen.loop") },
      h("span", { class: "aside" }, t("listen.loop")), made("a", "A", "["), made("b", "B", "]"), this.clear, this.range);
  }
}
