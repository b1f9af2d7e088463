// All plots over time in one stack: click, drag or use the keys to move.
//
// The playhead is an element that is only ever moved by a transform, so that it follows the music at
// the rate of the screen without anything being drawn again. Event: "seek" {seconds}.

import { h } from "./dom.js";
import { clock } from "./emotion.js";
import { t } from "./strings.js";

const STEPS = { ArrowLeft: -5, ArrowRight: 5, ArrowDown: -30, ArrowUp: 30, PageDown: -60, PageUp: 60 };

export class Timeline extends EventTarget {
  #duration = 1;
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
    this.#listen();
  }

  set duration(seconds) {
    this.#duration = seconds || 1;
    this.element.setAttribute("aria-valuemax", Math.round(this.#duration));
    this.#place();
  }

  set time(seconds) {
    this.#time = seconds;
    this.#place();
  }

  // Text of the present moment for screen readers.
  say(text) {
    this.element.setAttribute("aria-valuenow", Math.round(this.#time));
    this.element.setAttribute("aria-valuetext", t("timeline.now", { time: clock(this.#time), text }));
  }

  #place() {
    const x = Math.min(1, this.#time / this.#duration) * this.#width;
    this.head.style.transform = `translateX(${x.toFixed(2)}px)`;
  }

  #listen() {
    const { element, ghost } = this;
    const share = (event) => {
      const bounds = element.getBoundingClientRect();
      return Math.max(0, Math.min(1, (event.clientX - bounds.left) / bounds.width));
    };
    let held = false;
    element.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      held = true;
      element.setPointerCapture(event.pointerId);
      this.#seek(share(event) * this.#duration);
    });
    element.addEventListener("pointermove", (event) => {
      ghost.style.transform = `translateX(${(share(event) * this.#width).toFixed(1)}px)`;
      if (held) this.#seek(share(event) * this.#duration);
    });
    for (const name of ["pointerup", "pointercancel"]) {
      element.addEventListener(name, () => {
        held = false;
      });
    }
    element.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === " ") this.dispatchEvent(new Event("toggle"));
      else if (event.key === "Home") this.#seek(0);
      else if (event.key === "End") this.#seek(this.#duration);
      else if (STEPS[event.key]) {
        this.#seek(this.#time + STEPS[event.key] * (event.shiftKey ? 6 : 1));
      } else return;
      event.preventDefault();
    });
  }

  #seek(seconds) {
    this.time = Math.max(0, Math.min(this.#duration, seconds));
    this.dispatchEvent(new CustomEvent("seek", { detail: { seconds: this.#time } }));
  }
}
