// The waveform of a piece, drawn from the file itself and coloured by its emotion.

import { Canvas, type } from "./canvas.js";
import { colours } from "./theme.js";
import { t } from "./strings.js";

const RATE = 8000; // decoded no finer than the eye can tell; keeps an hour below 120 MB
const PARTS = 4000;
const LARGEST = 300e6; // bytes of a file that is decoded for its looks alone
const BAR = 3; // pixels, the gap included

// The loudest sample of each of PARTS equal parts, in [0, 1]; null if the browser cannot decode it.
async function peaks(file) {
  if (file.size > LARGEST) return null;
  try {
    const context = new OfflineAudioContext(1, 1, RATE);
    const sound = await context.decodeAudioData(await file.arrayBuffer());
    return loudest(sound);
  } catch {
    return null; // the service reads more formats than browsers do
  }
}

function loudest(sound) {
  const found = new Float32Array(Math.min(PARTS, sound.length));
  for (let channel = 0; channel < sound.numberOfChannels; channel += 1) {
    const samples = sound.getChannelData(channel);
    for (let part = 0; part < found.length; part += 1) {
      const end = Math.floor(((part + 1) * samples.length) / found.length);
      let most = found[part];
      for (let at = Math.floor((part * samples.length) / found.length); at < end; at += 1) {
        const size = Math.abs(samples[at]);
        if (size > most) most = size;
      }
      found[part] = most;
    }
  }
  const top = found.reduce((most, size) => Math.max(most, size), 0);
  return top > 0 ? found.map((size) => size / top) : found;
}

export class Waveform {
  #peaks = null;
  #colourAt = () => "soft";
  #text = "";

  constructor() {
    this.canvas = new Canvas((...to) => this.#draw(...to), "wave");
    this.element = this.canvas.element;
  }

  // Shows a file; `colourAt` returns the colour at a share of the duration.
  async load(file, colourAt) {
    this.#colourAt = colourAt;
    const found = await peaks(file);
    this.say(found ? "" : t("wave.none"), found);
  }

  say(text, found = null) {
    this.#peaks = found;
    this.#text = text;
    this.canvas.invalidate();
  }

  #draw(context, width, height) {
    if (!this.#peaks) {
      type(context, { size: 12, align: "center" });
      context.fillText(this.#text || t("wave.loading"), width / 2, height / 2);
      return;
    }
    const count = Math.floor(width / BAR);
    const middle = height / 2;
    for (let bar = 0; bar < count; bar += 1) {
      const from = Math.floor((bar * this.#peaks.length) / count);
      const to = Math.max(from + 1, Math.floor(((bar + 1) * this.#peaks.length) / count));
      const size = Math.max(...this.#peaks.subarray(from, to));
      const half = Math.max(0.75, size * (middle - 2));
      context.fillStyle = colours[this.#colourAt((bar + 0.5) / count)];
      context.beginPath();
      context.roundRect(bar * BAR, middle - half, BAR - 1, 2 * half, 1);
      context.fill();
    }
  }
}
