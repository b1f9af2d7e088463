// A list of pieces: each with its course, what can be done with it, and whether it plays.

import * as api from "./api.js";
import { mark } from "./bar.js";
import { button, fill, h } from "./dom.js";
import { clock, keyName, labelOf, percent, signed } from "./emotion.js";
import { player } from "./player.js";
import { sparkline } from "./sparkline.js";
import { t } from "./strings.js";

export class Results {
  hits = [];
  rows = [];

  // `actions` of a hit and its number are the buttons of its row.
  constructor(actions) {
    this.actions = actions;
    this.element = h("ol", { class: "hits" });
  }

  show(hits) {
    this.hits = hits;
    this.rows = hits.map((hit, index) => this.#row(hit, index));
    fill(this.element, this.rows);
    this.sounding();
  }

  play(index) {
    const hit = this.hits[index];
    if (player.track?.id === hit.id && player.track?.start === (hit.start ?? undefined)) return player.toggle();
    return player.load(this.hits.map(asTrack), index);
  }

  sounding() {
    this.hits.forEach((hit, index) => mark(this.rows[index], hit.id, labelOf(hit)));
  }

  #row(hit, index) {
    const title = labelOf(hit);
    const facts = [
      hit.album, hit.start !== null && hit.start !== undefined && t("hit.from", { time: clock(hit.start) }),
      clock(hit.duration), hit.key && keyName(hit.key, hit.mode),
      t("hit.place", { valence: signed(hit.valence), arousal: signed(hit.arousal) }),
    ].filter(Boolean);
    const cover = hit.cover && h("img", {
      class: "cover", src: api.picture(hit), alt: "", loading: "lazy", width: 38, height: 38,
      onerror: ({ target }) => target.remove(),
    });
    return h("li", { class: "hit", "data-id": hit.id },
      h("span", { class: "rank" }, index + 1),
      button(t("hit.play", { title }), () => this.play(index), { glyph: "play", class: "round" }),
      h("div", { class: "what" }, cover, h("span", { class: "title", title: hit.name }, title),
        h("span", { class: "aside" }, facts.join(" · "))),
      sparkline(hit.course), fitOf(hit), h("div", { class: "more" }, this.actions(hit, index)));
  }
}

export function asTrack(hit) {
  return {
    id: hit.id, name: hit.name, title: labelOf(hit), duration: hit.duration,
    start: hit.start ?? undefined, end: hit.end ?? undefined, address: () => api.audio(hit),
  };
}

function fitOf({ fit: share }) {
  const fit = h("span", { class: "fit", title: t("hit.fit.title") });
  if (share === null || share === undefined) return fit;
  const level = h("i");
  level.style.setProperty("--share", share);
  return fill(fit, h("b", { "aria-hidden": "true" }, level), t("hit.fit", { share: percent(share) }));
}
