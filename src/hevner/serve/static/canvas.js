// A canvas at the resolution of the screen, drawn at most once a frame, and strokes of the pen.
//
// `draw(context, width, height)` gets CSS pixels. Drawing happens when the size or the theme changes
// and after `invalidate()`; a hidden canvas is not drawn.

import { h } from "./dom.js";
import { changes, colours } from "./theme.js";

const FONT = '"Inter", system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

export class Canvas {
  #asked = false;
  #draw;

  constructor(draw, kind) {
    this.#draw = draw;
    this.element = h("canvas", { class: kind, "aria-hidden": "true" });
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

// A path along points; after a null it begins anew.
export function path(context, points) {
  context.beginPath();
  let open = false;
  for (const point of points) {
    if (point) context[open ? "lineTo" : "moveTo"](...point);
    open = Boolean(point);
  }
}

export function circle(context, [x, y], radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
}

export function stroke(context, colour, { width = 1, alpha = 1, dash = [] } = {}) {
  Object.assign(context, { strokeStyle: colour, lineWidth: width, globalAlpha: alpha });
  context.setLineDash(dash);
  context.stroke();
  context.setLineDash([]);
  context.globalAlpha = 1;
}

export function paint(context, colour, { alpha = 1, shape = null } = {}) {
  Object.assign(context, { fillStyle: colour, globalAlpha: alpha });
  if (shape) context.fill(shape);
  else context.fill();
  context.globalAlpha = 1;
}

// How the next texts are written; their middle is at the given height.
export function type(context, { colour = colours.soft, size = 11, weight = 400, align = "left" }) {
  const font = `${weight} ${size}px ${FONT}`;
  Object.assign(context, { fillStyle: colour, font, textAlign: align, textBaseline: "middle" });
}
