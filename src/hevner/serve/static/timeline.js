// All plots over time in one stack: click, drag or use the keys to move.
//
// The playhead is an element that is only ever moved by a transform, so that it follows the music at
// the rate of the screen without anything being drawn again. Events: "seek" {seconds}, "toggle", and
// "span" {from, to, done} while somebody drags with Shift.

import { h } from "./dom.js";
import { clock } from "./emotion.js";
import { t } from "./strings.js";
import { Zoom } from "./zoom.js";

const STEPS = { ArrowLeft: -5, ArrowRight: 5, ArrowDown: -30, ArrowUp: 30, PageDown: -60, PageUp: 60 };

export class Timeline extends EventTarget {
  zoom = new Zoom();
  #time = 0;
  #width = 1;

  constructor(label, ...parts) {
    super();
    this.head = h("div", { class: "playhead" });
    this.ghost = h("div", { class: "playhead ghost" });
    this.element = h("div", {
      class: "timeline", role: "slider", tabindex: 0, "aria-label": label, "data-keys": true,
      "aria-valuemin": 0, "aria-valuenow": 0,
    }, ...parts, this.ghost, this.head);
    new ResizeObserver(([entry]) => {
      this.#width = entry.contentRect.width;
      this.#place();
    }).observe(this.element);
    this.zoom.addEventListener("change", () => this.#place());
    this.#listen();
  }

  set duration(seconds) {
    this.zoom.cover(seconds || 1);
    this.element.setAttribute("aria-valuemax", Math.round(this.zoom.duration));
    this.#place();
  }

  get time() {
    return this.#time;
  }

  // A playhead that leaves the shown part takes it along; one that was left behind does not.
  set time(seconds) {
    const seen = this.zoom.holds(this.#time);
    this.#time = seconds;
    if (seen) this.zoom.reveal(seconds);
    this.#place();
  }

  // Text of the present moment for screen readers.
  say(text) {
    this.element.setAttribute("aria-valuenow", Math.round(this.#time));
    this.element.setAttribute("aria-valuetext", t("timeline.now", { time: clock(this.#time), text }));
  }

  #place() {
    const share = this.zoom.share(Math.min(this.#time, this.zoom.duration));
    this.head.hidden = share < 0 || share > 1;
    this.head.style.transform = `translateX(${(share * this.#width).toFixed(2)}px)`;
  }

  #listen() {
    const { element, ghost } = this;
    const share = (event) => {
      const bounds = element.getBoundingClientRect();
      return Math.max(0, Math.min(1, (event.clientX - bounds.left) / bounds.width));
    };
    let held = false;
    let anchor = null;
    const span = (event, done) => {
      const ends = [anchor, this.zoom.seconds(share(event))].toSorted((a, b) => a - b);
      this.dispatchEvent(new CustomEvent("span", { detail: { from: ends[0], to: ends[1], done } }));
    };
    element.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      held = true;
      element.setPointerCapture(event.pointerId);
      anchor = event.shiftKey ? this.zoom.seconds(share(event)) : null;
      if (anchor === null) this.#seek(this.zoom.seconds(share(event)));
    });
    element.addEventListener("pointermove", (event) => {
      ghost.style.transform = `translateX(${(share(event) * this.#width).toFixed(1)}px)`;
      if (held && anchor !== null) span(event, false);
      else if (held) this.#seek(this.zoom.seconds(share(event)));
    });
    for (const name of ["pointerup", "pointercancel"]) {
      element.addEventListener(name, (event) => {
        if (held && anchor !== null) span(event, true);
        held = false;
        anchor = null;
      });
    }
    element.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === " ") this.dispatchEvent(new Event("toggle"));
      else if (event.key === "Home") this.#jump(0);
      else if (event.key === "End") this.#jump(this.zoom.duration);
      else if (STEPS[event.key]) {
        this.#jump(this.#time + STEPS[event.key] * (event.shiftKey ? 6 : 1));
      } else return;
      event.preventDefault();
    });
  }

  // By a key, which shows nobody where it goes: the shown part comes along.
  #jump(seconds) {
    this.#seek(seconds);
    this.zoom.reveal(this.#time);
  }

  #seek(seconds) {
    this.time = Math.max(0, Math.min(this.zoom.duration, seconds));
    this.dispatchEvent(new CustomEvent("seek", { detail: { seconds: this.#time } }));
  }
}
