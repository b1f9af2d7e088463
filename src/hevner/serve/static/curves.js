// Valence or arousal over time, with the intervals as bands, and the chords below them.
//
// Time runs over the whole width, so that everything in a timeline has the same axis. A series is
// {moments, duration, colour, dash}; a moment is {start, end, value, low, high}, with value null
// where the music is silent.

import { Canvas, FONT } from "./canvas.js";
import { chordName, clock, isMinor } from "./emotion.js";
import { t } from "./strings.js";
import { colours } from "./theme.js";

const PADDING = 10;

export class Curve {
  #series = [];
  #duration = 1;

  constructor(axis) {
    this.axis = axis;
    this.canvas = new Canvas((...to) => this.#draw(...to), { class: "curve", "aria-hidden": "true" });
    this.element = this.canvas.element;
  }

  show(series, duration) {
    this.#series = series;
    this.#duration = duration || 1;
    this.canvas.invalidate();
  }

  #draw(context, width, height) {
    const y = (value) => PADDING + ((1 - value) / 2) * (height - 2 * PADDING);
    context.strokeStyle = colours.line;
    context.lineWidth = 1;
    for (const value of [-1, -0.5, 0, 0.5, 1]) {
      context.globalAlpha = value === 0 ? 1 : 0.5;
      context.beginPath();
      context.moveTo(0, Math.round(y(value)) + 0.5);
      context.lineTo(width, Math.round(y(value)) + 0.5);
      context.stroke();
    }
    context.globalAlpha = 1;
    for (const one of this.#series) this.#drawSeries(context, one, width, y);
    this.#drawLabels(context, width, height);
  }

  #drawSeries(context, { moments, colour, dash = [] }, width, y) {
    const x = (seconds) => (seconds / this.#duration) * width;
    for (const run of runs(moments)) {
      const places = corners(run);
      if (run[0].low !== undefined) {
        context.beginPath();
        places.forEach(([time, moment], index) =>
          context[index ? "lineTo" : "moveTo"](x(time), y(moment.high)));
        for (const [time, moment] of places.toReversed()) context.lineTo(x(time), y(moment.low));
        context.closePath();
        context.globalAlpha = 0.16;
        context.fillStyle = colour;
        context.fill();
        context.globalAlpha = 1;
      }
      context.beginPath();
      places.forEach(([time, moment], index) =>
        context[index ? "lineTo" : "moveTo"](x(time), y(moment.value)));
      context.strokeStyle = colour;
      context.lineWidth = 2.25;
      context.lineJoin = "round";
      context.setLineDash(dash);
      context.stroke();
      context.setLineDash([]);
    }
  }

  #drawLabels(context, width, height) {
    context.textBaseline = "middle";
    context.font = `600 12px ${FONT}`;
    context.fillStyle = this.#series.length === 1 ? this.#series[0].colour : colours.ink;
    context.textAlign = "left";
    context.fillText(t(this.axis), 6, PADDING + 7);
    context.font = `11px ${FONT}`;
    context.fillStyle = colours.soft;
    context.textAlign = "right";
    context.fillText(t(`axis.${this.axis}.high`), width - 6, PADDING + 7);
    context.fillText(t(`axis.${this.axis}.low`), width - 6, height - PADDING - 7);
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

export class Chords {
  #chords = [];
  #duration = 1;

  constructor() {
    this.canvas = new Canvas((...to) => this.#draw(...to), { class: "chords", "aria-hidden": "true" });
    this.element = this.canvas.element;
  }

  show(chords, duration) {
    this.#chords = chords;
    this.#duration = duration || 1;
    this.canvas.invalidate();
  }

  #draw(context, width, height) {
    context.font = `11px ${FONT}`;
    context.textBaseline = "middle";
    context.textAlign = "left";
    for (const { label, start, end } of this.#chords) {
      if (label === "N" || label === "X") continue;
      const x = (start / this.#duration) * width;
      const wide = ((end - start) / this.#duration) * width;
      context.fillStyle = colours[isMinor(label) ? "valence" : "q1"];
      context.globalAlpha = 0.24;
      context.fillRect(x, 0, Math.max(wide - 1, 0.5), height);
      context.globalAlpha = 1;
      const name = chordName(label);
      if (context.measureText(name).width + 6 > wide) continue;
      context.fillStyle = colours.ink;
      context.fillText(name, x + 4, height / 2 + 0.5);
    }
  }
}

// Marks of the time axis, at a step wide enough for their labels.
export class Ruler {
  #duration = 1;

  constructor() {
    this.canvas = new Canvas((...to) => this.#draw(...to), { class: "ruler", "aria-hidden": "true" });
    this.element = this.canvas.element;
  }

  show(duration) {
    this.#duration = duration || 1;
    this.canvas.invalidate();
  }

  #draw(context, width, height) {
    const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
    const step = steps.find((seconds) => (seconds / this.#duration) * width > 56) ?? 7200;
    context.font = `11px ${FONT}`;
    context.fillStyle = colours.soft;
    context.textBaseline = "middle";
    for (let time = 0; time <= this.#duration; time += step) {
      const x = (time / this.#duration) * width;
      context.textAlign = x < 16 ? "left" : x > width - 16 ? "right" : "center";
      context.fillText(clock(time), x, height / 2);
    }
  }
}
