// A canvas at the resolution of the screen, drawn at most once a frame.
//
// `draw(context, width, height)` gets CSS pixels. Drawing happens when the size or the theme changes
// and after `invalidate()`; a hidden canvas is not drawn.

import { h } from "./dom.js";
import { changes } from "./theme.js";

export class Canvas {
  #asked = false;
  #draw;

  constructor(draw, attributes = {}) {
    this.#draw = draw;
    this.element = h("canvas", attributes);
    this.context = this.element.getContext("2d");
    this.width = 0;
    this.height = 0;
    new ResizeObserver(([entry]) => this.#resize(entry)).observe(this.element);
    changes.addEventListener("change", () => this.invalidate());
  }

  invalidate() {
    if (this.#asked) return;
    this.#asked = true;
    requestAnimationFrame(() => {
      this.#asked = false;
      this.#paint();
    });
  }

  #resize(entry) {
    const { width, height } = entry.contentRect;
    const ratio = window.devicePixelRatio || 1;
    this.width = width;
    this.height = height;
    this.element.width = Math.round(width * ratio);
    this.element.height = Math.round(height * ratio);
    this.#paint(); // at once: setting the size has wiped it
  }

  #paint() {
    const { width, height, context, element } = this;
    if (!width || !height || !element.isConnected) return;
    const ratio = element.width / width;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    this.#draw(context, width, height);
  }
}

export const FONT = '"Inter", system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
