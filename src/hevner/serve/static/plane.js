// The plane of valence and arousal, for display; `instrument.js` adds input.
//
// Two canvases lie on each other. The lower one has what rarely changes (words, pieces, whole
// courses), the upper one what moves (the present moment and its trail). Points are
// [valence, arousal] on -1..1.

import { Canvas, FONT } from "./canvas.js";
import { h } from "./dom.js";
import { quadrant } from "./emotion.js";
import { t } from "./strings.js";
import { colours } from "./theme.js";

const MARGIN = 18;
const NAMED = 10; // marks with a label; the others are only dots
// Where there is no room for all words: those that name the quadrants come first, then by origin.
const CORNERS = ["happy", "excited", "tense", "angry", "sad", "gloomy", "calm", "content"];
const WEIGHTS = ["circumplex", "quadrant", "gems", "tag", "own"];
const QUADRANTS = ["q1", "q2", "q3", "q4"];

export class Plane extends EventTarget {
  #pieces = null;
  #marks = [];
  #courses = [];
  #words = [];
  #now = null;
  #trail = [];

  constructor(label, role = { role: "img" }) {
    super();
    this.base = new Canvas((...to) => this.#drawBase(...to), { "aria-hidden": "true" });
    this.top = new Canvas((...to) => this.drawTop(...to), { "aria-hidden": "true" });
    this.element = h("div", { class: "plane", "aria-label": label, ...role },
      this.base.element, this.top.element);
  }

  set words(words) {
    const weight = ({ word, group }) => (CORNERS.includes(word) ? WEIGHTS.length : WEIGHTS.indexOf(group));
    this.#words = words.filter((word) => word.valence !== null).toSorted((a, b) => weight(b) - weight(a));
    this.base.invalidate();
  }

  get pieces() {
    return this.#pieces;
  }

  // {names, valence, arousal}: arrays of the same length.
  set pieces(pieces) {
    this.#pieces = pieces;
    this.base.invalidate();
  }

  // [{valence, arousal, label, colour}], drawn large above the pieces.
  set marks(marks) {
    this.#marks = marks;
    this.base.invalidate();
  }

  // [{points, colour, dash}], lines of points.
  set courses(courses) {
    this.#courses = courses;
    this.base.invalidate();
  }

  // The present moment and the ones just before; null for none.
  show(now, trail = []) {
    this.#now = now;
    this.#trail = trail;
    this.top.invalidate();
  }

  // ---- geometry

  box() {
    const { width, height } = this.base;
    const side = Math.min(width, height) - 2 * MARGIN;
    return { side, left: (width - side) / 2, top: (height - side) / 2 };
  }

  at([valence, arousal]) {
    const { side, left, top } = this.box();
    return [left + ((valence + 1) / 2) * side, top + ((1 - arousal) / 2) * side];
  }

  // ---- the lower canvas

  #drawBase(context) {
    const { side, left, top } = this.box();
    const half = side / 2;
    const corners = { q1: [1, 0], q2: [0, 0], q3: [0, 1], q4: [1, 1] };
    for (const [name, [right, down]] of Object.entries(corners)) {
      context.globalAlpha = 0.1;
      context.fillStyle = colours[name];
      context.fillRect(left + right * half, top + down * half, half, half);
    }
    context.globalAlpha = 1;
    context.strokeStyle = colours.line;
    context.lineWidth = 1;
    context.beginPath();
    for (const share of [0.25, 0.5, 0.75, 1]) {
      context.moveTo(left + half + half * share, top + half);
      context.arc(left + half, top + half, half * share, 0, 2 * Math.PI);
    }
    context.stroke();
    context.strokeStyle = colours.soft;
    context.globalAlpha = 0.55;
    context.beginPath();
    context.moveTo(left, Math.round(top + half) + 0.5);
    context.lineTo(left + side, Math.round(top + half) + 0.5);
    context.moveTo(Math.round(left + half) + 0.5, top);
    context.lineTo(Math.round(left + half) + 0.5, top + side);
    context.stroke();
    context.globalAlpha = 1;
    if (this.#pieces) this.#drawPieces(context);
    this.#drawWords(context);
    for (const course of this.#courses) this.#drawCourse(context, course);
    this.#drawMarks(context);
    this.#drawAxes(context);
  }

  #drawAxes(context) {
    const { side, left, top } = this.box();
    context.font = `600 11px ${FONT}`;
    context.fillStyle = colours.soft;
    context.textBaseline = "middle";
    context.textAlign = "center";
    context.fillText(t("axis.arousal.high"), left + side / 2, top - 9);
    context.fillText(t("axis.arousal.low"), left + side / 2, top + side + 9);
    for (const [text, x, turn] of [
      [t("axis.valence.low"), left - 9, -Math.PI / 2],
      [t("axis.valence.high"), left + side + 9, Math.PI / 2],
    ]) {
      context.save();
      context.translate(x, top + side / 2);
      context.rotate(turn);
      context.fillText(text, 0, 0);
      context.restore();
    }
  }

  #drawPieces(context) {
    const { valence, arousal } = this.#pieces;
    const count = valence.length;
    const size = count > 1500 ? 2 : count > 200 ? 2.6 : 4;
    const dimmed = this.#marks.length > 0;
    const shapes = Object.fromEntries(QUADRANTS.map((name) => [name, new Path2D()]));
    for (let index = 0; index < count; index += 1) {
      const [x, y] = this.at([valence[index], arousal[index]]);
      const shape = shapes[quadrant(valence[index], arousal[index])];
      shape.moveTo(x + size, y);
      shape.arc(x, y, size, 0, 2 * Math.PI);
    }
    context.globalAlpha = dimmed ? 0.3 : 0.7;
    for (const name of QUADRANTS) {
      context.fillStyle = colours[name];
      context.fill(shapes[name]);
    }
    context.globalAlpha = 1;
  }

  #drawWords(context) {
    context.font = `11px ${FONT}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillStyle = this.#pieces?.valence.length > 200 ? colours.ink : colours.soft;
    const { side, left, top } = this.box();
    const taken = this.#marks.map((mark) => {
      const [x, y] = this.at([mark.valence, mark.arousal]);
      return [x - 11, y - 11, x + 11, y + 11];
    });
    for (const word of this.#words) {
      const [x, y] = this.at([word.valence, word.arousal]);
      const wide = context.measureText(word.word).width / 2 + 3;
      const box = [x - wide, y - 8, x + wide, y + 8];
      const meets = (other) =>
        box[0] < other[2] && box[2] > other[0] && box[1] < other[3] && box[3] > other[1];
      if (box[0] < left || box[2] > left + side || box[1] < top || taken.some(meets)) continue;
      taken.push(box);
      outlined(context, word.word, x, y);
    }
  }

  #drawCourse(context, { points, colour, dash = [], alpha = 0.9 }) {
    context.strokeStyle = colour;
    context.globalAlpha = alpha;
    context.lineWidth = 1.6;
    context.lineJoin = "round";
    context.setLineDash(dash);
    context.beginPath();
    let open = false;
    for (const point of points) {
      if (point) context[open ? "lineTo" : "moveTo"](...this.at(point));
      open = Boolean(point);
    }
    context.stroke();
    context.setLineDash([]);
    context.globalAlpha = 1;
  }

  #drawMarks(context) {
    context.font = `600 11px ${FONT}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (const [index, mark] of [...this.#marks.entries()].reverse()) {
      const named = index < NAMED;
      const [x, y] = this.at([mark.valence, mark.arousal]);
      context.beginPath();
      context.arc(x, y, named ? 9.5 : 5, 0, 2 * Math.PI);
      context.fillStyle = mark.colour ?? colours.ink;
      context.fill();
      context.lineWidth = 1.5;
      context.strokeStyle = colours.panel;
      context.stroke();
      context.fillStyle = colours.panel;
      if (named) context.fillText(mark.label, x, y + 0.5);
    }
  }

  // ---- the upper canvas

  drawTop(context) {
    if (!this.#now) return;
    const trail = this.#trail.filter(Boolean).map((point) => this.at(point));
    context.lineCap = "round";
    context.strokeStyle = colours.ink;
    for (let index = 1; index < trail.length; index += 1) {
      const share = index / trail.length;
      context.globalAlpha = 0.6 * share;
      context.lineWidth = 1 + 4 * share;
      context.beginPath();
      context.moveTo(...trail[index - 1]);
      context.lineTo(...trail[index]);
      context.stroke();
    }
    context.globalAlpha = 1;
    const [x, y] = this.at(this.#now);
    context.beginPath();
    context.arc(x, y, 8, 0, 2 * Math.PI);
    context.fillStyle = colours[quadrant(...this.#now)];
    context.fill();
    context.lineWidth = 2.5;
    context.strokeStyle = colours.panel;
    context.stroke();
    context.beginPath();
    context.arc(x, y, 9.5, 0, 2 * Math.PI);
    context.lineWidth = 1;
    context.strokeStyle = colours.ink;
    context.stroke();
  }
}

function outlined(context, text, x, y) {
  context.lineWidth = 3;
  context.lineJoin = "round";
  context.strokeStyle = colours.panel;
  context.globalAlpha = 0.5;
  context.strokeText(text, x, y);
  context.globalAlpha = 1;
  context.fillText(text, x, y);
}
