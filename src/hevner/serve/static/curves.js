// Valence, arousal or tension over time, with the intervals as bands, and the chords below them.
//
// Time runs over the whole width, so that everything in a timeline has the same axis.

import { Canvas, paint, path, stroke, type } from "./canvas.js";
import { chordName, clock, isMinor } from "./emotion.js";
import { t } from "./strings.js";
import { colours } from "./theme.js";

const PADDING = 10;
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600]; // seconds

class Plot {
  content = [];
  duration = 1;
  #width = 1;

  constructor(kind) {
    this.canvas = new Canvas((context, width, height) => {
      this.#width = width;
      this.draw(context, width, height);
    }, kind);
    this.element = this.canvas.element;
  }

  show(duration, content = []) {
    this.duration = duration || 1;
    this.content = content;
    this.canvas.invalidate();
  }

  x(seconds) {
    return (seconds / this.duration) * this.#width;
  }
}

// A series of its content is {moments, colour, dash}; a moment is {start, end, value, low, high},
// with value null where the music is silent.
export class Curve extends Plot {
  constructor(axis) {
    super("curve");
    this.axis = axis;
  }

  draw(context, width, height) {
    const y = (value) => PADDING + ((1 - value) / 2) * (height - 2 * PADDING);
    for (const value of [-1, -0.5, 0, 0.5, 1]) {
      const line = Math.round(y(value)) + 0.5;
      path(context, [[0, line], [width, line]]);
      stroke(context, colours.line, { alpha: value === 0 ? 1 : 0.5 });
    }
    for (const one of this.content) this.#drawSeries(context, one, y);
    const colour = this.content.length === 1 ? this.content[0].colour : colours.ink;
    type(context, { colour, size: 12, weight: 600 });
    context.fillText(t(this.axis), 6, PADDING + 7);
    type(context, { align: "right" });
    context.fillText(t(`axis.${this.axis}.high`), width - 6, PADDING + 7);
    context.fillText(t(`axis.${this.axis}.low`), width - 6, height - PADDING - 7);
  }

  #drawSeries(context, { moments, colour, dash }, y) {
    for (const run of runs(moments)) {
      const places = corners(run);
      const line = (name) => places.map(([time, moment]) => [this.x(time), y(moment[name])]);
      if (run[0].low !== undefined) {
        path(context, [...line("high"), ...line("low").reverse()]);
        context.closePath();
        paint(context, colour, { alpha: 0.16 });
      }
      path(context, line("value"));
      context.lineJoin = "round";
      stroke(context, colour, { width: 2.25, dash });
    }
  }
}

// Runs of moments that are not silent.
function runs(moments) {
  const found = [[]];
  for (const moment of moments) {
    if (moment.value === null) found.push([]);
    else found.at(-1).push(moment);
  }
  return found.filter((run) => run.length);
}

// Times of a run: moments are at their middles, the ends reach to the edges.
function corners(run) {
  const middles = run.map((moment) => [(moment.start + moment.end) / 2, moment]);
  return [[run[0].start, run[0]], ...middles, [run.at(-1).end, run.at(-1)]];
}

// The value at a time, between the middles of moments; null where it is silent.
export function valueAt(moments, time) {
  const index = moments.findIndex((moment) => time < moment.end);
  const here = moments.at(index);
  if (!here || here.value === null) return null;
  const middle = (here.start + here.end) / 2;
  const other = moments[(index < 0 ? moments.length - 1 : index) + (time < middle ? -1 : 1)];
  if (!other || other.value === null) return here.value;
  const distance = (other.start + other.end) / 2 - middle;
  return here.value + ((time - middle) / distance) * (other.value - here.value);
}

// The point of a piece, {valence, arousal} with the moments of each, at a time; null where it is silent.
export function placeAt(piece, time) {
  const place = ["valence", "arousal"].map((axis) => valueAt(piece[axis], time));
  return place.includes(null) ? null : place;
}

// The same for all moments.
export function courseOf({ valence, arousal }) {
  return valence.map(({ value }, index) => (value === null ? null : [value, arousal[index].value]));
}

// Its content is {label, start, end} of each chord.
export class Chords extends Plot {
  draw(context, _width, height) {
    for (const { label, start, end } of this.content) {
      if (label === "N" || label === "X") continue;
      const [x, wide] = [this.x(start), this.x(end - start)];
      context.fillStyle = colours[isMinor(label) ? "valence" : "q1"];
      context.globalAlpha = 0.24;
      context.fillRect(x, 0, Math.max(wide - 1, 0.5), height);
      context.globalAlpha = 1;
      const name = chordName(label);
      type(context, { colour: colours.ink });
      if (context.measureText(name).width + 6 <= wide) context.fillText(name, x + 4, height / 2 + 0.5);
    }
  }
}

// Marks of the time axis, at a step wide enough for their labels; its content is the times of beats
// and of downbeats, which are drawn where they are far enough apart.
export class Ruler extends Plot {
  draw(context, width, height) {
    for (const [index, times] of this.content.entries()) {
      if (this.x(this.duration / times.length) < 4) continue;
      for (const time of times) {
        const x = Math.round(this.x(time)) + 0.5;
        path(context, [[x, 0], [x, index ? 7 : 3]]);
        stroke(context, colours.soft, { alpha: index ? 1 : 0.6 });
      }
    }
    const step = STEPS.find((seconds) => this.x(seconds) > 56) ?? 7200;
    for (let time = 0; time <= this.duration; time += step) {
      const x = this.x(time);
      type(context, { align: x < 16 ? "left" : x > width - 16 ? "right" : "center" });
      context.fillText(clock(time), x, height / 2);
    }
  }
}
