// The mood map: all pieces that are listed as points on the plane of valence and arousal. Pointing at
// one names it and a click picks it; a circle that is drawn keeps only what lies inside.
//
// Events: "pick" {row}, "region" {region}, null for none.

import { button, h, refill } from "./dom.js";
import { Instrument } from "./instrument.js";
import { spoken } from "./emotion.js";
import { t } from "./strings.js";

const LATER = 80; // milliseconds after the last change in which the points are drawn

export class MoodMap extends EventTarget {
  #timer = 0;
  #rows = [];
  #region = null;

  constructor(region) {
    super();
    this.plane = new Instrument(t("library.map"));
    this.plane.element.setAttribute("aria-describedby", "map-help");
    this.plane.addEventListener("point", ({ detail }) => this.#pointed(detail));
    this.plane.addEventListener("cursor", ({ detail }) => {
      const near = this.#nearest(detail);
      const place = spoken(detail.valence, detail.arousal);
      this.spoken.textContent = near < 0 ? place : `${place}; ${t("library.map.near", { name: this.pieces.label(near) })}`;
    });
    this.spoken = h("p", { class: "unseen", role: "status" });
    this.chosen = h("div", { class: "asked" });
    this.element = h("section", { class: "mood-map" }, h("h2", {}, t("library.map.title")), this.plane.element,
      h("p", { class: "aside", id: "map-help" }, t("library.map.help"), " ", h("span", { class: "keys" }, t("library.map.keys"))), this.chosen, this.spoken);
    this.#region = region;
    this.#ask();
  }

  // Shows some pieces: all that pass the other filters.
  show(pieces, rows) {
    this.pieces = pieces;
    this.#rows = rows;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const column = (name) => Array.from(rows, (row) => pieces.columns[name][row]);
      const names = rows.length < 50_000 ? Array.from(rows, (row) => pieces.label(row)) : column("title");
      this.plane.lay({ pieces: { names, valence: column("valence"), arousal: column("arousal") } });
    }, LATER);
  }

  // Marks the piece that plays; -1 for none.
  sounding(row) {
    const { valence, arousal } = this.pieces.columns;
    this.plane.show(row < 0 ? null : [valence[row], arousal[row]]);
  }

  leave() {
    clearTimeout(this.#timer);
  }

  set region(region) {
    this.#region = region;
    this.#ask();
    this.dispatchEvent(new CustomEvent("region", { detail: { region } }));
  }

  #ask() {
    const region = this.#region;
    this.plane.ask({ point: region });
    refill(this.chosen, this.plane.element, region && h("span", { class: "chip" }, h("span", { class: "word" }, t("library.region")),
      button(t("clear"), () => { this.region = null; }, { glyph: "close", class: "round quiet small" })));
  }

  #pointed(point) {
    if (point.radius) {
      this.region = Object.fromEntries(Object.entries(point).map(([name, value]) => [name, Number(value.toFixed(3))])); // for the address
      return;
    }
    this.#ask();
    const row = this.#nearest(point);
    if (row >= 0) this.dispatchEvent(new CustomEvent("pick", { detail: { row } }));
  }

  // The piece that is nearest to a point of the plane; -1 if there is none.
  #nearest({ valence, arousal }) {
    let [best, least] = [-1, Infinity];
    for (const row of this.#rows) {
      const distance = Math.hypot(this.pieces.columns.valence[row] - valence, this.pieces.columns.arousal[row] - arousal);
      if (distance < least) [best, least] = [row, distance];
    }
    return best;
  }
}

// A function of a piece: whether it lies in a region of the plane.
export function inside({ columns: { valence, arousal } }, region) {
  if (!region) return () => true;
  return (row) => Math.hypot(valence[row] - region.valence, arousal[row] - region.arousal) <= region.radius;
}
