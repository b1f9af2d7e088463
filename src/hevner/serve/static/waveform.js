// The waveform of a piece, drawn from the file itself and coloured by its emotion.

import { type } from "./canvas.js";
import { Plot } from "./curves.js";
import { peaks } from "./sound.js";
import { t } from "./strings.js";
import { colours } from "./theme.js";

const BAR = 3; // pixels, the gap included

export class Waveform extends Plot {
  #peaks = null;
  #colourAt = () => "soft";
  #text = "";

  constructor() {
    super("wave");
  }

  // Shows a file; `colourAt` returns the colour at a share of the duration.
  async load(file, colourAt) {
    this.#colourAt = colourAt;
    this.say(t("wave.loading"));
    const found = await peaks(file);
    this.say(found ? "" : t("wave.none"), found);
  }

  say(text, found = null) {
    this.#peaks = found;
    this.#text = text;
    this.canvas.invalidate();
  }

  draw(context, width, height) {
    if (!this.#peaks) {
      type(context, { size: 12, align: "center" });
      context.fillText(this.#text, width / 2, height / 2);
      return;
    }
    const count = Math.floor(width / BAR);
    const middle = height / 2;
    const place = (bar) => this.zoom.seconds(bar / count) / this.zoom.duration;
    for (let bar = 0; bar < count; bar += 1) {
      const from = Math.floor(place(bar) * this.#peaks.length);
      const to = Math.max(from + 1, Math.floor(place(bar + 1) * this.#peaks.length));
      let size = 0;
      for (let at = from; at < to; at += 1) size = Math.max(size, this.#peaks[at] ?? 0);
      const half = Math.max(0.75, size * (middle - 2));
      context.fillStyle = colours[this.#colourAt(place(bar + 0.5))];
      context.beginPath();
      context.roundRect(bar * BAR, middle - half, BAR - 1, 2 * half, 1);
      context.fill();
    }
  }
}
