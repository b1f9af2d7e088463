// Valence, arousal or tension over time, with the intervals as bands, and the chords below them.
//
// The part of the piece that is shown runs over the whole width, so that everything in a timeline has
// the same axis.

import { Canvas, paint, path, stroke, type } from "./canvas.js";
import { chordName, clock, isMinor } from "./emotion.js";
import { number, t } from "./strings.js";
import { colours } from "./theme.js";
import { Zoom } from "./zoom.js";

const PADDING = 10;
const APART = 5; // pixels, of marks of beats
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600]; // seconds

export class Plot {
  content = [];
  zoom = new Zoom();
  #width = 1;

  constructor(kind) {
    this.canvas = new Canvas((context, width, height) => {
      this.#width = width;
      this.draw(context, width, height);
    }, kind);
    this.element = this.canvas.element;
  }

  // Shows the same part as a timeline.
  follow(zoom) {
    this.zoom = zoom;
    zoom.addEventListener("change", () => this.canvas.invalidate());
  }

  show(duration, content = []) {
    this.zoom.cover(duration || 1);
    this.content = content;
    this.canvas.invalidate();
  }

  x(seconds) {
    return this.zoom.share(seconds) * this.#width;
  }

  // Pixels of some seconds.
  wide(seconds) {
    return (seconds / this.zoom.length) * this.#width;
  }
}

// A series of its content is {moments, colour, dash}; a moment is {start, end, value, low, high},
// with value null where the music is silent.
export class Curve extends Plot {
  // `low` is the lower end of the scale; the upper one is 1.
  constructor(axis, low = -1) {
    super("curve");
    this.axis = axis;
    this.low = low;
  }

  draw(context, width, height) {
    const y = (value) => PADDING + ((1 - value) / (1 - this.low)) * (height - 2 * PADDING);
    for (const share of [0, 0.25, 0.5, 0.75, 1]) {
      const value = this.low + share * (1 - this.low);
      const line = Math.round(y(value)) + 0.5;
      path(context, [[0, line], [width, line]]);
      stroke(context, colours.line, { alpha: value === 0 ? 1 : 0.5 });
    }
    for (const one of this.content) this.#drawSeries(context, one, y);
    const colour = this.content.length === 1 ? this.content[0].colour : colours.ink;
    type(context, { colour, size: 12, weight: 600 });
    context.fillText(t(this.axis), 6, PADDING + 7);
    type(context, { align: "right" });
    const end = (name, value) => `${t(`axis.${this.axis}.${name}`)} ${number(value, { signDisplay: this.low ? "exceptZero" : "auto" })}`;
    context.fillText(end("high", 1), width - 6, PADDING + 7);
    context.fillText(end("low", this.low), width - 6, height - PADDING - 7);
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

// The moments of an axis of an analysis, as the content of a curve.
export function axis(analysis, name) {
  return analysis.timeline.map(({ start, end, [name]: estimate }) => ({
    start, end, value: estimate?.value ?? null, low: estimate?.low, high: estimate?.high,
  }));
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
      if (label === "N" || label === "X" || end < this.zoom.from || start > this.zoom.to) continue;
      const x = Math.max(0, this.x(start)); // the name of one that began before stays to be seen
      const wide = this.x(end) - x;
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

// Its content is {start, end, text} of each mark: a line where a note is, or a span, with its text.
export class Marks extends Plot {
  draw(context, width, height) {
    for (const [index, { start, end, text }] of this.content.entries()) {
      if (end < this.zoom.from || start > this.zoom.to) continue;
      const [from, to] = [this.x(start), this.x(end)];
      context.fillStyle = colours.ink;
      context.globalAlpha = 0.12;
      context.fillRect(from, 0, to - from, height);
      context.globalAlpha = 1;
      context.fillRect(Math.round(from), 0, 2, height);
      const room = Math.min(width, this.x(this.content[index + 1]?.start ?? this.zoom.to)) - Math.max(from, 0) - 10;
      type(context, { colour: colours.ink });
      const shown = shortened(context, text, room);
      if (shown) context.fillText(shown, Math.max(from, 0) + 6, height / 2 + 0.5);
    }
  }
}

// As much of a text as there is room for.
function shortened(context, text, room) {
  if (context.measureText(text).width <= room) return text;
  let length = text.length;
  while (length > 0 && context.measureText(`${text.slice(0, length)}…`).width > room) length -= 1;
  return length > 1 ? `${text.slice(0, length)}…` : "";
}

// Marks of the time axis, at a step wide enough for their labels; its content is the times of beats,
// which are drawn where they are far enough apart, and of downbeats, of which as many are left out.
export class Ruler extends Plot {
  draw(context, width, height) {
    for (const [index, times] of this.content.entries()) {
      if (times.length < 2) continue;
      const apart = this.wide((times.at(-1) - times[0]) / (times.length - 1));
      if (!index && apart < APART) continue;
      const every = index ? 2 ** Math.max(0, Math.ceil(Math.log2(APART / apart))) : 1;
      for (let beat = 0; beat < times.length; beat += every) {
        if (!this.zoom.holds(times[beat])) continue;
        const x = Math.round(this.x(times[beat])) + 0.5;
        path(context, [[x, 0], [x, index ? 7 : 3]]);
        stroke(context, colours.soft, { alpha: index ? 1 : 0.6 });
      }
    }
    const step = STEPS.find((seconds) => this.wide(seconds) > 56) ?? 7200;
    for (let time = Math.ceil(this.zoom.from / step) * step; time <= this.zoom.to; time += step) {
      const x = this.x(time);
      type(context, { align: "center" });
      const label = clock(time);
      const half = context.measureText(label).width / 2 + 4; // clear of the edges, where the playhead begins
      context.fillText(label, Math.min(Math.max(x, half), width - half), height / 2);
    }
  }
}
