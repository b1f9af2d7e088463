// A spectrogram, or the chroma, of a file: loudness of each semitone, or of each of the twelve, over
// time. It is computed on demand from the sound itself, beside the page.

import { path, stroke, type } from "./canvas.js";
import { Plot } from "./curves.js";
import { decoded, mixed, RATE } from "./sound.js";
import { t } from "./strings.js";
import { colours } from "./theme.js";

const LOWEST = 33; // A1, 55 Hz
const ROWS = 72; // six octaves, to 3.3 kHz
const HOP = 0.05; // seconds
const FRAMES = 40_000; // at most
const REACH = 150; // steps of 0.4 dB below the loudest that are drawn
const QUIET = 75; // steps below the loudest from which a moment has no chroma
const NOTES = ["C", "", "D", "", "E", "F", "", "G", "", "A", "", "B"];

export class Spectrum extends Plot {
  #levels = null;
  #top = 0;
  #text = "";
  #worker = null;
  #picture = new OffscreenCanvas(1, 1);

  // `kind` is "spectrogram" or "chroma".
  constructor(zoom, signal) {
    super("spectrum");
    this.follow(zoom);
    this.element.hidden = true;
    signal.addEventListener("abort", () => this.#worker?.terminate());
  }

  // Shows a kind of a file; null for none.
  async show(kind, file) {
    this.kind = kind;
    this.element.hidden = !kind;
    this.canvas.invalidate();
    if (!kind || this.file === file) return;
    this.file = file;
    this.#levels = null;
    this.#top = 0;
    this.#text = t("listen.spectrum.loading");
    const sound = await decoded(file);
    if (sound && this.file === file) this.#compute(sound, await mixed(sound));
    else if (!sound) this.#text = t("wave.none");
    this.canvas.invalidate();
  }

  #compute({ duration }, samples) {
    this.hop = Math.max(HOP, duration / FRAMES);
    this.#levels = new Uint8Array(Math.ceil(duration / this.hop + 1) * ROWS);
    this.#worker?.terminate();
    this.#worker = new Worker(new URL("spectrum-worker.js", import.meta.url));
    this.#worker.onmessage = ({ data: { first, levels } }) => {
      this.#levels.set(levels, first * ROWS);
      this.#top = levels.reduce((most, level) => Math.max(most, level), this.#top);
      this.canvas.invalidate();
    };
    const { hop } = this;
    this.#worker.postMessage({ samples, rate: RATE, hop, lowest: LOWEST, rows: ROWS }, [samples.buffer]);
  }

  draw(context, width, height) {
    if (!this.#top) {
      type(context, { size: 12, align: "center" });
      context.fillText(this.#text, width / 2, height / 2);
      return;
    }
    const chroma = this.kind === "chroma";
    const rows = chroma ? 12 : ROWS;
    const columns = Math.ceil(width);
    const picture = new ImageData(columns, rows);
    const ink = colours.ink.match(/[\d.]+/g).map(Number);
    for (let column = 0; column < columns; column += 1) {
      const loud = this.#column(column / columns, (column + 1) / columns);
      const shares = chroma ? folded(loud, this.#top) : loud.map((level) => (level - this.#top) / REACH + 1);
      for (let row = 0; row < rows; row += 1) {
        const at = 4 * ((rows - 1 - row) * columns + column);
        for (let part = 0; part < 3; part += 1) picture.data[at + part] = ink[part];
        picture.data[at + 3] = 255 * Math.max(0, shares[row]) ** 2;
      }
    }
    Object.assign(this.#picture, { width: columns, height: rows });
    this.#picture.getContext("2d").putImageData(picture, 0, 0);
    context.imageSmoothingEnabled = !chroma;
    context.drawImage(this.#picture, 0, 0, width, height);
    this.#labels(context, width, height / rows, chroma);
  }

  // The loudest level of each semitone between two shares of the shown part.
  #column(from, to) {
    const last = this.#levels.length / ROWS - 1;
    const first = Math.min(last, Math.floor(this.zoom.seconds(from) / this.hop));
    const end = Math.min(last + 1, Math.max(first + 1, Math.floor(this.zoom.seconds(to) / this.hop)));
    const found = new Array(ROWS).fill(0);
    for (let frame = first; frame < end; frame += 1) {
      for (let row = 0; row < ROWS; row += 1) {
        const level = this.#levels[frame * ROWS + row];
        if (level > found[row]) found[row] = level;
      }
    }
    return found;
  }

  // Names of the notes at the left: each C, or those without a sign.
  #labels(context, width, step, chroma) {
    const bottom = this.canvas.height;
    for (let row = 0; row < (chroma ? 12 : ROWS); row += 1) {
      const note = chroma ? row : (LOWEST + row) % 12;
      const name = chroma ? NOTES[row] : note === 0 ? `C${(LOWEST + row) / 12 - 1}` : "";
      const y = bottom - (row + 0.5) * step;
      if (!name) continue;
      type(context, { colour: colours.panel, size: 10, weight: 600 });
      context.lineWidth = 3;
      context.strokeStyle = colours.panel;
      context.strokeText(name, 6, y);
      context.fillStyle = colours.ink;
      context.fillText(name, 6, y);
      if (chroma) continue;
      path(context, [[26, y], [width, y]]);
      stroke(context, colours.line, { alpha: 0.6 });
    }
  }
}

// Levels of semitones as shares of the loudest of the twelve.
function folded(levels, top) {
  const sums = new Array(12).fill(0);
  levels.forEach((level, row) => {
    sums[(LOWEST + row) % 12] += 10 ** ((level - top) / 25);
  });
  const most = Math.max(...sums);
  return most < 10 ** (-QUIET / 25) ? sums.fill(0) : sums.map((sum) => sum / most);
}
