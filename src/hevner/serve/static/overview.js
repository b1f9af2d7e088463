// The whole piece in a line, coloured by its emotion, with the part that a timeline shows: drag it, or
// move it with the keys.

import { Canvas } from "./canvas.js";
import { h } from "./dom.js";
import { clock } from "./emotion.js";
import { t } from "./strings.js";
import { colours } from "./theme.js";

const MARK = 3; // pixels of a stripe

export class Overview {
  // `colourAt` returns the name of the colour at a share of the piece.
  constructor(zoom, id, colourAt) {
    this.canvas = new Canvas((context, width, height) => {
      for (let x = 0; x < width; x += MARK) {
        context.fillStyle = colours[colourAt((x + MARK / 2) / width)];
        context.globalAlpha = 0.5;
        context.fillRect(x, 0, MARK, height);
      }
      context.globalAlpha = 1;
    });
    this.part = h("div", { class: "part" });
    this.element = h("div", {
      class: "overview", role: "scrollbar", tabindex: 0, "data-keys": true, "aria-label": t("listen.overview"),
      "aria-orientation": "horizontal", "aria-controls": id, "aria-valuemin": 0,
    }, this.canvas.element, this.part);
    zoom.addEventListener("change", () => this.#update(zoom));
    this.#update(zoom);
    this.#listen(zoom);
  }

  #update(zoom) {
    const { element, part } = this;
    element.hidden = zoom.isWhole;
    part.style.left = `${(100 * zoom.from) / zoom.duration}%`;
    part.style.width = `${(100 * zoom.length) / zoom.duration}%`;
    element.setAttribute("aria-valuemax", Math.round(zoom.duration - zoom.length));
    element.setAttribute("aria-valuenow", Math.round(zoom.from));
    element.setAttribute("aria-valuetext", t("listen.part", { from: clock(zoom.from), to: clock(zoom.to) }));
  }

  #listen(zoom) {
    const { element } = this;
    let grip = null; // seconds from the beginning of the part to where it is held
    const at = (event) => {
      const { left, width } = element.getBoundingClientRect();
      return ((event.clientX - left) / width) * zoom.duration;
    };
    element.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      element.setPointerCapture(event.pointerId);
      grip = zoom.holds(at(event)) ? at(event) - zoom.from : zoom.length / 2;
      zoom.show(at(event) - grip);
    });
    element.addEventListener("pointermove", (event) => grip !== null && zoom.show(at(event) - grip));
    for (const name of ["pointerup", "pointercancel"]) {
      element.addEventListener(name, () => {
        grip = null;
      });
    }
    element.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -0.25, ArrowRight: 0.25, PageUp: -1, PageDown: 1 }[event.key];
      if (step) zoom.show(zoom.from + step * zoom.length);
      else if (event.key === "Home") zoom.show(0);
      else if (event.key === "End") zoom.show(zoom.duration);
      else return;
      event.preventDefault();
    });
  }
}
