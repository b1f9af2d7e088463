// Two to four pieces on the same axes: performances of one work, versions of one track.

import * as api from "./api.js";
import { mark } from "./bar.js";
import { courseOf, Curve, placeAt, Ruler } from "./curves.js";
import { button, fill, h, mount } from "./dom.js";
import { clock, keyName, labelOf, signed, titleOf } from "./emotion.js";
import { jobs } from "./jobs.js";
import { analysisOf } from "./listen.js";
import { axis } from "./piece.js";
import { Plane } from "./plane.js";
import { player } from "./player.js";
import { t } from "./strings.js";
import { changes, colours } from "./theme.js";
import { Timeline } from "./timeline.js";
import { attempt } from "./trouble.js";

const MOST = 4;
const LOOKS = [
  { colour: "valence", dash: [] }, { colour: "arousal", dash: [8, 4] },
  { colour: "piece-c", dash: [2, 4] }, { colour: "piece-d", dash: [10, 3, 2, 3] },
];

// Kept while the page is open: [{id, title, duration, valence, arousal, means, key, mode, tempo, address}].
const chosen = [];
let aligned = false;
let shownFirst = true;

export const open = (main) => mount(main, new Compare());

class Compare {
  #stop = new AbortController();

  constructor() {
    this.plane = new Plane(t("plane.compare"));
    this.curves = { valence: new Curve("valence"), arousal: new Curve("arousal") };
    this.ruler = new Ruler("ruler");
    this.timeline = new Timeline(t("timeline.compare"), this.curves.valence.element,
      this.curves.arousal.element, this.ruler.element);
    this.legend = h("ul", { class: "legend" });
    this.status = h("div", { role: "status" });
    this.select = h("select", { id: "compare-add", onchange: () => this.#add(this.select.value) });
    this.stage = h("div", { class: "stage" },
      h("div", { class: "along" }, this.timeline.element), h("div", { class: "beside" }, this.plane.element));
    this.align = h("label", { class: "check" }, h("input", {
      type: "checkbox", checked: aligned,
      onchange: ({ target }) => {
        aligned = target.checked;
        this.#draw();
      },
    }), t("compare.align"));
    this.hint = h("p", { class: "hint" }, t("compare.hint"));
    this.element = h("section", { class: "view compare-view" },
      h("header", { class: "heading" }, h("div", {}, h("h1", {}, t("view.compare")), h("p", { class: "aside" }, t("compare.text"))),
        h("div", { class: "row" }, h("label", { class: "unseen", for: "compare-add" }, t("compare.add")), this.select, this.align)),
      this.status, this.legend, this.hint, this.stage);
  }

  leave() {
    this.#stop.abort();
  }

  async start() {
    const { signal } = this.#stop;
    jobs.addEventListener("change", () => this.#choices(), { signal });
    changes.addEventListener("change", () => this.#draw(), { signal });
    player.addEventListener("time", () => this.#follow(), { signal });
    for (const name of ["state", "track"]) player.addEventListener(name, () => this.#sounding(), { signal });
    this.timeline.addEventListener("seek", ({ detail }) => this.#seek(detail.seconds));
    this.timeline.addEventListener("toggle", () => player.toggle());
    this.#draw();
    this.pieces = await api.pieces(200).catch(() => []);
    if (shownFirst && !chosen.length) {
      // Starts with the latest files of the user, if there are any.
      for (const job of jobs.list.filter((one) => one.state === "done").slice(0, 2)) {
        await this.#take(`job ${job.id}`);
      }
    }
    shownFirst = false;
    this.#choices();
  }

  #choices() {
    const taken = new Set(chosen.map((one) => one.choice));
    const group = (label, options) => options.length > 0 && h("optgroup", { label },
      options.filter(([value]) => !taken.has(value)).map(([value, text]) => h("option", { value }, text)));
    const done = jobs.list.filter((job) => job.state === "done").map((job) => [`job ${job.id}`, titleOf(job.name)]);
    const labels = (this.pieces ?? []).map(labelOf);
    const often = new Set(labels.filter((label, index) => labels.indexOf(label) !== index));
    const pieces = labels.map((label, index) => {
      const { id, name } = this.pieces[index];
      return [`piece ${id}`, often.has(label) ? `${label} (${name})` : label];
    });
    fill(this.select, h("option", { value: "" }, t("compare.add")),
      group(t("compare.jobs"), done), group(t("compare.catalog"), pieces));
    this.select.disabled = chosen.length >= MOST || !(done.length || pieces.length);
    this.hint.textContent = t(done.length || pieces.length ? "compare.hint" : "compare.nothing");
  }

  async #add(choice) {
    if (choice) await this.#take(choice);
    this.#choices();
  }

  async #take(choice) {
    const [kind, id] = choice.split(" ");
    return attempt(this.status, async () => {
      const taken = kind === "job" ? await ofJob(jobs.find(id)) : await ofPiece(this.pieces.find((one) => one.id === id));
      if (!taken) return fill(this.status, h("p", { class: "callout" }, t("compare.silent")));
      const used = new Set(chosen.map((one) => one.look));
      chosen.push({ ...taken, id, choice, look: LOOKS.find((look) => !used.has(look)) });
      fill(this.status);
      return this.#draw();
    });
  }

  get #length() {
    return Math.max(1, ...chosen.map((one) => one.duration));
  }

  // Seconds of the axis per second of a piece: aligned pieces end together.
  #stretch(one) {
    return aligned ? this.#length / one.duration : 1;
  }

  #draw() {
    const length = this.#length;
    this.stage.hidden = chosen.length === 0;
    this.hint.hidden = chosen.length > 0;
    this.timeline.duration = length;
    this.ruler.show(length);
    this.ruler.element.classList.toggle("gone", aligned);
    for (const name of ["valence", "arousal"]) {
      const bands = chosen.length < 3 ? {} : { low: undefined, high: undefined };
      this.curves[name].show(length, chosen.map((one) => {
        const stretch = this.#stretch(one);
        const stretched = ({ start, end, ...rest }) => ({ ...rest, ...bands, start: start * stretch, end: end * stretch });
        return { moments: one[name].map(stretched), colour: colours[one.look.colour], dash: one.look.dash };
      }));
    }
    const courses = chosen.map((one) => ({
      points: courseOf(one), colour: colours[one.look.colour], dash: one.look.dash,
    }));
    const marks = chosen.map((one, index) => ({
      valence: one.means[0], arousal: one.means[1], label: String.fromCharCode(65 + index), colour: colours[one.look.colour],
    }));
    this.plane.lay({ courses, marks });
    fill(this.legend, chosen.map((one, index) => this.#entry(one, index)));
    this.#sounding();
  }

  #entry(one, index) {
    const facts = [
      t("hit.place", { valence: signed(one.means[0]), arousal: signed(one.means[1]) }),
      one.key && keyName(one.key, one.mode), one.tempo && t("fact.tempo", { tempo: Math.round(one.tempo) }), clock(one.duration),
    ].filter(Boolean);
    const letter = h("span", { class: "letter", "aria-hidden": "true" }, String.fromCharCode(65 + index));
    letter.style.setProperty("--colour", `var(--${one.look.colour})`);
    const play = one.address && button(t("hit.play", { title: one.title }), () => this.#play(one), { glyph: "play", class: "round" });
    return h("li", { "data-id": one.id }, letter, play,
      h("div", { class: "what" }, h("span", { class: "title" }, one.title), h("span", { class: "aside" }, facts.join(" · "))),
      button(t("compare.remove", { title: one.title }), () => {
        chosen.splice(chosen.indexOf(one), 1);
        this.#draw();
        this.#choices();
      }, { glyph: "close", class: "round quiet" }));
  }

  // Starts at the same moment as the piece that plays, so that performances can be compared.
  #play(one, seconds) {
    if (player.track?.id === one.id && seconds === undefined) return player.toggle();
    const before = chosen.find((other) => other.id === player.track?.id);
    const time = seconds ?? (before ? (player.time * this.#stretch(before)) / this.#stretch(one) : 0);
    if (player.track?.id === one.id) return player.seek(time);
    return player.load([{ id: one.id, title: one.title, duration: one.duration, start: Math.min(time, one.duration), address: one.address }]);
  }

  #seek(seconds) {
    const one = chosen.find((other) => other.id === player.track?.id) ?? chosen.find((other) => other.address);
    if (one) this.#play(one, Math.min(seconds / this.#stretch(one), one.duration));
    this.#say(seconds);
  }

  #follow() {
    const one = chosen.find((other) => other.id === player.track?.id);
    if (!one) return;
    const { time } = player;
    this.timeline.time = time * this.#stretch(one);
    this.plane.show(placeAt(one, time));
    if (Math.floor(time) !== this.second) this.#say(time * this.#stretch(one));
    this.second = Math.floor(time);
  }

  #say(seconds) {
    this.timeline.say(chosen.map((one) => {
      const place = placeAt(one, seconds / this.#stretch(one));
      return place && t("compare.spoken", { title: one.title, valence: signed(place[0]), arousal: signed(place[1]) });
    }).filter(Boolean).join("; "));
  }

  #sounding() {
    chosen.forEach(({ id, title }, index) => mark(this.legend.children[index], id, title));
    if (!chosen.some((one) => one.id === player.track?.id)) this.plane.show(null);
  }
}

async function ofJob(job) {
  const analysis = await analysisOf(job.id);
  if (analysis.status !== "ok") return null;
  if (job.file) job.address ??= URL.createObjectURL(job.file);
  return {
    title: titleOf(job.name), duration: analysis.duration, key: analysis.key, mode: analysis.mode, tempo: analysis.tempo,
    means: [analysis.valence.value, analysis.arousal.value],
    valence: axis(analysis, "valence"), arousal: axis(analysis, "arousal"),
    address: job.file && (async () => job.address),
  };
}

async function ofPiece(piece) {
  const moments = await api.curve(piece.id);
  const of = (name) => moments.map(({ start, end, [name]: value }) => ({ start, end, value }));
  return {
    title: labelOf(piece), duration: piece.duration, key: piece.key, mode: piece.mode, tempo: piece.tempo,
    means: [piece.valence, piece.arousal], valence: of("valence"), arousal: of("arousal"),
    address: () => api.audio(piece),
  };
}
