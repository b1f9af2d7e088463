// The plane as an input: click a point, drag a circle, draw a path, click a piece; or do all of it
// with keys.
//
// Events: "point" {valence, arousal, radius}, "path" {points}, "pick" {index} of a piece, and "cursor"
// {valence, arousal} for the point that the keys have reached.

import { circle, paint, path, stroke, type } from "./canvas.js";
import { signed } from "./emotion.js";
import { Plane } from "./plane.js";
import { t } from "./strings.js";
import { colours } from "./theme.js";

const REACH = 12; // pixels from which the pointer finds a piece
const DRAG = 8; // pixels from which a click is a drag
const KEY_STEP = 0.05;
const PATH_POINTS = 24;

export class Instrument extends Plane {
  tool = "point"; // or "path" or "pick"
  point = null;
  path = [];
  #hover = -1;
  #cursor = [0, 0];
  #keys = false;

  constructor(label) {
    super(label, {
      role: "application", tabindex: 0, "data-keys": true, "aria-roledescription": t("plane"),
    });
    this.#listen();
  }

  // Shows an earlier query, or none.
  ask({ point = null, path = [] }) {
    this.point = point;
    this.path = path;
    this.top.invalidate();
  }

  drawTop(context) {
    this.#drawQuery(context);
    super.drawTop(context);
    if (this.#keys) this.#drawCursor(context);
    if (this.#hover >= 0) this.#drawHover(context);
  }

  #pixels(event) {
    const bounds = this.element.getBoundingClientRect();
    return [event.clientX - bounds.left, event.clientY - bounds.top];
  }

  #from(event) {
    const { side, left, top } = this.box();
    const [x, y] = this.#pixels(event);
    return [clipped(((x - left) / side) * 2 - 1), clipped(1 - ((y - top) / side) * 2)];
  }

  #drawQuery(context) {
    if (this.point) {
      const [x, y] = this.at([this.point.valence, this.point.arousal]);
      const radius = ((this.point.radius ?? 0) * this.box().side) / 2;
      if (radius) {
        circle(context, [x, y], radius);
        paint(context, colours.ink, { alpha: 0.08 });
        stroke(context, colours.ink, { width: 1.5 });
      }
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        path(context, [[x + 4 * dx, y + 4 * dy], [x + 11 * dx, y + 11 * dy]]);
        stroke(context, colours.ink, { width: 1.5 });
      }
    }
    if (this.path.length) this.#drawPath(context);
  }

  #drawPath(context) {
    const places = this.path.map((point) => this.at(point));
    context.lineJoin = context.lineCap = "round";
    path(context, places);
    stroke(context, colours.ink, { width: 2.5 });
    circle(context, places[0], 5);
    paint(context, colours.ink);
    if (places.length > 1) arrow(context, places.at(-2), places.at(-1));
  }

  #drawCursor(context) {
    const [x, y] = this.at(this.#cursor);
    context.strokeStyle = colours.focus;
    context.lineWidth = 2;
    context.strokeRect(x - 7, y - 7, 14, 14);
  }

  #drawHover(context) {
    const { names, valence, arousal } = this.pieces;
    const place = [valence[this.#hover], arousal[this.#hover]];
    const [x, y] = this.at(place);
    circle(context, [x, y], 7);
    stroke(context, colours.ink, { width: 2 });
    const text = `${names[this.#hover]}  ${signed(place[0])} ${signed(place[1])}`;
    type(context, { colour: colours.panel, size: 12 });
    const wide = context.measureText(text).width + 16;
    const from = Math.max(2, Math.min(x - wide / 2, this.top.width - wide - 2));
    const above = y > 44 ? y - 32 : y + 12;
    context.beginPath();
    context.roundRect(from, above, wide, 22, 5);
    paint(context, colours.ink);
    context.fillStyle = colours.panel;
    context.fillText(text, from + 8, above + 11.5);
  }

  #listen() {
    const { element } = this;
    let start = null;
    element.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      element.setPointerCapture(event.pointerId);
      this.#keys = false;
      if (this.tool !== "pick") this.#pointAt(-1);
      start = { x: event.clientX, y: event.clientY, point: this.#from(event) };
      if (this.tool === "point") this.ask({ point: placed(start.point) });
      if (this.tool === "path") this.ask({ path: [start.point] });
    });
    element.addEventListener("pointermove", (event) => {
      if (!start) return this.#seek(event);
      if (this.tool === "point") this.ask({ point: placed(start.point, this.#radius(start, event)) });
      if (this.tool === "path") {
        const drawn = event.getCoalescedEvents?.() ?? [event];
        this.path.push(...(drawn.length ? drawn : [event]).map((one) => this.#from(one)));
        this.top.invalidate();
      }
    });
    element.addEventListener("pointerup", (event) => {
      if (!start) return;
      start = null;
      if (this.tool === "pick") this.#seek(event);
      this.#done();
    });
    element.addEventListener("pointercancel", () => {
      start = null;
      this.ask({});
    });
    element.addEventListener("pointerleave", () => this.#pointAt(-1));
    element.addEventListener("keydown", (event) => this.#key(event));
    element.addEventListener("blur", () => {
      this.#keys = false;
      this.top.invalidate();
    });
  }

  #radius(start, event) {
    const pixels = Math.hypot(event.clientX - start.x, event.clientY - start.y);
    return pixels < DRAG ? null : (2 * pixels) / this.box().side;
  }

  #done() {
    if (this.tool === "point" && this.point) this.#emit("point", this.point);
    if (this.tool === "pick" && this.#hover >= 0) this.#emit("pick", { index: this.#hover });
    if (this.tool === "path") {
      const points = evenly(this.path, PATH_POINTS);
      if (points.length < 2) return this.ask({});
      this.ask({ path: points });
      this.#emit("path", { points });
    }
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (steps[event.key]) this.#move(steps[event.key], event.shiftKey);
    else if (event.key === "Enter") this.#set();
    else if (event.key === " " && this.tool === "path") this.ask({ path: [...this.path, this.#cursor] });
    else if (event.key === "Backspace" && this.tool === "path") this.ask({ path: this.path.slice(0, -1) });
    else if ("+-".includes(event.key) && this.tool === "point") this.#widen(event.key === "+" ? 1 : -1);
    else if (event.key === "Escape") this.ask({});
    else return;
    event.preventDefault();
    this.#keys = true;
    this.top.invalidate();
  }

  #move(step, fine) {
    const size = fine ? KEY_STEP / 5 : KEY_STEP;
    this.#cursor = this.#cursor.map((value, axis) =>
      clipped(Math.round((value + step[axis] * size) * 100) / 100));
    if (this.tool === "point") this.ask({ point: placed(this.#cursor, this.point?.radius) });
    this.#emit("cursor", { valence: this.#cursor[0], arousal: this.#cursor[1] });
  }

  #set() {
    if (this.tool === "point" && !this.point) this.ask({ point: placed(this.#cursor) });
    if (this.tool === "pick") this.#pointAt(this.#nearest(...this.at(this.#cursor), Infinity));
    this.#done();
  }

  #widen(step) {
    const radius = Math.max(0, (this.point?.radius ?? 0) + step * KEY_STEP);
    this.ask({ point: placed(this.#cursor, radius || null) });
  }

  #seek(event) {
    this.#pointAt(this.#nearest(...this.#pixels(event), REACH));
  }

  #pointAt(index) {
    if (index === this.#hover) return;
    this.#hover = index;
    this.element.classList.toggle("over", index >= 0 && this.tool === "pick");
    this.top.invalidate();
  }

  // Index of the piece that is nearest and within some pixels; -1 for none.
  #nearest(x, y, within) {
    const { valence, arousal } = this.pieces ?? { valence: [], arousal: [] };
    let [best, least] = [-1, within];
    for (let index = 0; index < valence.length; index += 1) {
      const [px, py] = this.at([valence[index], arousal[index]]);
      const distance = Math.hypot(px - x, py - y);
      if (distance < least) [best, least] = [index, distance];
    }
    return best;
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

function placed([valence, arousal], radius = null) {
  return { valence, arousal, radius };
}

function clipped(value) {
  return Math.max(-1, Math.min(1, value));
}

function arrow(context, [fromX, fromY], [x, y]) {
  const angle = Math.atan2(y - fromY, x - fromX);
  path(context, [[0, 6], [2.4, 9], [-2.4, 9]].map(([turn, size]) =>
    [x + size * Math.cos(angle + turn), y + size * Math.sin(angle + turn)]));
  paint(context, colours.ink);
}

// Points at equal distances along a line, so that the path does not depend on the speed of drawing.
function evenly(points, count) {
  const lengths = [0];
  for (let index = 1; index < points.length; index += 1) {
    const [a, b] = [points[index - 1], points[index]];
    lengths.push(lengths.at(-1) + Math.hypot(b[0] - a[0], b[1] - a[1]));
  }
  const total = lengths.at(-1) ?? 0;
  if (total < 0.05) return [];
  const found = [];
  let at = 1;
  for (let step = 0; step < count; step += 1) {
    const wanted = (total * step) / (count - 1);
    while (at < points.length - 1 && lengths[at] < wanted) at += 1;
    const span = lengths[at] - lengths[at - 1] || 1;
    const share = Math.min(1, (wanted - lengths[at - 1]) / span);
    found.push([0, 1].map((axis) =>
      points[at - 1][axis] + share * (points[at][axis] - points[at - 1][axis])));
  }
  return found;
}
