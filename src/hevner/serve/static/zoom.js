// The part of a piece that a timeline shows. Times are seconds; event: "change".

import { button, h } from "./dom.js";
import { t } from "./strings.js";

const LEAST = 4; // seconds that are shown at the closest
const STEP = 2; // of a key or a button
const WHEEL = 0.0025; // logarithm of the change for a unit of the wheel
const BEFORE = 0.1; // share of the part that lies before a time that is brought into it

export class Zoom extends EventTarget {
  duration = 1;
  from = 0;
  to = 1;

  // Sets the length of the piece; a part of the same piece stays.
  cover(duration) {
    if (duration === this.duration) return;
    this.duration = duration;
    this.reset();
  }

  get length() {
    return this.to - this.from;
  }

  get isWhole() {
    return this.length >= this.duration;
  }

  // Where a time lies in the part, as a share of its length; below 0 or above 1 outside of it.
  share(seconds) {
    return (seconds - this.from) / this.length;
  }

  seconds(share) {
    return this.from + share * this.length;
  }

  holds(seconds) {
    return seconds >= this.from && seconds <= this.to;
  }

  reset() {
    this.show(0, this.duration);
  }

  // Makes the part some times shorter; `around` stays where it is.
  by(factor, around) {
    const length = Math.min(this.duration, Math.max(Math.min(LEAST, this.duration), this.length / factor));
    const share = Math.min(1, Math.max(0, this.share(around)));
    this.show(around - share * length, length);
  }

  show(from, length = this.length) {
    const first = Math.max(0, Math.min(from, this.duration - length));
    if (first === this.from && first + length === this.to) return;
    this.from = first;
    this.to = first + length;
    this.dispatchEvent(new Event("change"));
  }

  // Brings a time into the part.
  reveal(seconds) {
    if (!this.holds(seconds)) this.show(seconds - BEFORE * this.length);
  }
}

// Buttons to zoom a timeline, and the wheel: with Ctrl or two fingers apart closer and further, to
// the side back and forth.
export function zoomButtons(timeline) {
  const { zoom, element } = timeline;
  const made = (name, sign, action) =>
    button(sign, action, { class: "quiet", "aria-label": t(`listen.zoom.${name}`), title: t(`listen.zoom.${name}`) });
  const [further, closer, whole] = [
    made("out", "−", () => zoomKey(timeline, "-")),
    made("in", "+", () => zoomKey(timeline, "+")),
    button(t("listen.zoom.whole"), () => zoom.reset(), { class: "quiet" }),
  ];
  const update = () => {
    further.disabled = whole.disabled = zoom.isWhole;
    closer.disabled = zoom.length <= LEAST;
  };
  zoom.addEventListener("change", update);
  update();
  element.addEventListener("wheel", (event) => {
    const { left, width } = element.getBoundingClientRect();
    if (event.ctrlKey) {
      zoom.by(Math.exp(-event.deltaY * WHEEL), zoom.seconds((event.clientX - left) / width));
    } else {
      const side = event.shiftKey ? event.deltaX || event.deltaY : event.deltaX;
      if (zoom.isWhole || Math.abs(side) <= Math.abs(event.shiftKey ? 0 : event.deltaY)) return;
      zoom.show(zoom.from + (side / width) * zoom.length);
    }
    event.preventDefault();
  }, { passive: false });
  return h("div", { class: "group", role: "group", "aria-label": t("listen.zoom") },
    h("span", { class: "aside" }, t("listen.zoom")), further, closer, whole);
}

// Whether a key zooms; then it has.
export function zoomKey({ zoom, time }, key) {
  const around = zoom.holds(time) ? time : zoom.seconds(0.5);
  if (key === "+" || key === "=") zoom.by(STEP, around);
  else if (key === "-") zoom.by(1 / STEP, around);
  else if (key === "0") zoom.reset();
  else return false;
  return true;
}
