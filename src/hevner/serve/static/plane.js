// The plane of valence and arousal, for display; `instrument.js` adds input.
//
// Two canvases lie on each other. The lower one has what rarely changes (words, pieces, whole
// courses), the upper one what moves (the present moment and its trail). Points are
// [valence, arousal] on -1..1.

import { Canvas, circle, paint, path, stroke, type } from "./canvas.js";
import { h } from "./dom.js";
import { quadrant } from "./emotion.js";
import { t } from "./strings.js";
import { colours } from "./theme.js";

const MARGIN = 18;
const APART = 20; // pixels between marks with a label
const NAMED = 10; // marks with a label; the others are only dots
// Where there is no room for all words: those that name the quadrants come first, then by origin.
const CORNERS = ["happy", "excited", "tense", "angry", "sad", "gloomy", "calm", "content"];
const WEIGHTS = ["circumplex", "quadrant", "gems", "tag", "own"];
// Quadrants with their corners: to the right, and below.
const QUADRANTS = { q1: [1, 0], q2: [0, 0], q3: [0, 1], q4: [1, 1] };

export class Plane extends EventTarget {
  words = [];
  pieces = null;
  marks = [];
  courses = [];
  #now = null;
  #trail = [];

  constructor(label, role = { role: "img" }) {
    super();
    this.base = new Canvas((context) => this.#drawBase(context));
    this.top = new Canvas((context) => this.drawTop(context));
    this.element = h("div", { class: "plane", "aria-label": label, ...role },
      this.base.element, this.top.element);
  }

  // Changes what is shown below: `words`; `pieces`, {names, valence, arousal} with arrays of the same
  // length; `marks`, [{valence, arousal, label, colour}], large above the pieces; `courses`,
  // [{points, colour, dash, alpha}], lines of points.
  lay(parts) {
    Object.assign(this, parts);
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
    context.globalAlpha = 0.1;
    for (const [name, [right, down]] of Object.entries(QUADRANTS)) {
      context.fillStyle = colours[name];
      context.fillRect(left + right * half, top + down * half, half, half);
    }
    for (const share of [0.25, 0.5, 0.75, 1]) {
      circle(context, [left + half, top + half], half * share);
      stroke(context, colours.line);
    }
    const [x, y] = [Math.round(left + half) + 0.5, Math.round(top + half) + 0.5];
    path(context, [[left, y], [left + side, y], null, [x, top], [x, top + side]]);
    stroke(context, colours.soft, { alpha: 0.55 });
    if (this.pieces) this.#drawPieces(context);
    this.#drawWords(context);
    for (const { points, colour, dash, alpha = 0.9 } of this.courses) {
      path(context, points.map((point) => point && this.at(point)));
      context.lineJoin = "round";
      stroke(context, colour, { width: 1.6, alpha, dash });
    }
    this.#drawMarks(context);
    this.#drawAxes(context);
  }

  #drawAxes(context) {
    const { side, left, top } = this.box();
    type(context, { weight: 600, align: "center" });
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
    const { valence, arousal } = this.pieces;
    const count = valence.length;
    const size = count > 1500 ? 2 : count > 200 ? 2.6 : 4;
    const shapes = Object.fromEntries(Object.keys(QUADRANTS).map((name) => [name, new Path2D()]));
    for (let index = 0; index < count; index += 1) {
      const [x, y] = this.at([valence[index], arousal[index]]);
      const shape = shapes[quadrant(valence[index], arousal[index])];
      shape.moveTo(x + size, y);
      shape.arc(x, y, size, 0, 2 * Math.PI);
    }
    const alpha = this.marks.length ? 0.3 : 0.7;
    for (const [name, shape] of Object.entries(shapes)) paint(context, colours[name], { alpha, shape });
  }

  #drawWords(context) {
    const colour = this.pieces?.valence.length > 200 ? colours.ink : colours.soft;
    type(context, { colour, align: "center" });
    const { side, left, top } = this.box();
    const taken = this.marks.map((mark) => {
      const [x, y] = this.at([mark.valence, mark.arousal]);
      return [x - 11, y - 11, x + 11, y + 11];
    });
    const placed = this.words.filter((word) => word.valence !== null);
    for (const word of placed.toSorted((a, b) => weight(b) - weight(a))) {
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

  #drawMarks(context) {
    const places = apart(this.marks.map((mark) => this.at([mark.valence, mark.arousal])).slice(0, NAMED));
    for (const [index, mark] of [...this.marks.entries()].reverse()) {
      const named = index < NAMED;
      const own = this.at([mark.valence, mark.arousal]);
      const [x, y] = places[index] ?? own;
      if (Math.hypot(x - own[0], y - own[1]) > 1) {
        path(context, [own, [x, y]]);
        stroke(context, mark.colour, { width: 1.5 });
        circle(context, own, 2.5);
        paint(context, mark.colour);
      }
      circle(context, [x, y], named ? 9.5 : 5);
      paint(context, mark.colour);
      stroke(context, colours.panel, { width: 1.5 });
      type(context, { colour: colours.panel, weight: 600, align: "center" });
      if (named) context.fillText(mark.label, x, y + 0.5);
    }
  }

  // ---- the upper canvas

  drawTop(context) {
    if (!this.#now) return;
    const trail = this.#trail.filter(Boolean).map((point) => this.at(point));
    context.lineCap = "round";
    for (let index = 1; index < trail.length; index += 1) {
      const share = index / trail.length;
      path(context, [trail[index - 1], trail[index]]);
      stroke(context, colours.ink, { width: 1 + 4 * share, alpha: 0.6 * share });
    }
    const place = this.at(this.#now);
    circle(context, place, 8);
    paint(context, colours[quadrant(...this.#now)]);
    stroke(context, colours.panel, { width: 2.5 });
    circle(context, place, 9.5);
    stroke(context, colours.ink);
  }
}

// Places moved so that no mark hides another; each goes to the nearest free place around its own.
function apart(places) {
  const found = [];
  for (const [x, y] of places) {
    const rings = [0, 1, 2, 3].flatMap((ring) => Array.from({ length: ring ? 12 : 1 }, (_, turn) =>
      [x + ring * APART * Math.cos((turn * Math.PI) / 6), y + ring * APART * Math.sin((turn * Math.PI) / 6)]));
    found.push(rings.find((one) => found.every((other) => Math.hypot(one[0] - other[0], one[1] - other[1]) >= APART)) ?? [x, y]);
  }
  return found;
}

function weight({ name, group }) {
  return CORNERS.includes(name) ? WEIGHTS.length : WEIGHTS.indexOf(group);
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
