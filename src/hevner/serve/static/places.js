// The plane with where several pieces are at one time.

import { circle, paint, stroke, type } from "./canvas.js";
import { Plane } from "./plane.js";
import { colours } from "./theme.js";

export class Places extends Plane {
  #now = [];

  // Points [valence, arousal] in the order of the marks; null for a piece that is silent or over.
  follow(points) {
    this.#now = points;
    this.top.invalidate();
  }

  drawTop(context) {
    this.#now.forEach((point, index) => {
      const mark = this.marks[index];
      if (!point || !mark) return;
      circle(context, this.at(point), 8);
      paint(context, mark.colour);
      stroke(context, colours.ink, { width: 2 });
      type(context, { colour: colours.panel, size: 10, weight: 600, align: "center" });
      const [x, y] = this.at(point);
      context.fillText(mark.label, x, y + 0.5);
    });
  }
}
