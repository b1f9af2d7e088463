// Two to four pieces on the same axes: performances of one work, versions of one track.

import * as api from "./api.js";
import { mark } from "./bar.js";
import { axis, courseOf, Curve, placeAt, Ruler } from "./curves.js";
import { button, fill, h, mount, refill } from "./dom.js";
import { clock, keyName, labelOf, signed } from "./emotion.js";
import { analysisOf, jobs } from "./jobs.js";
import { Picker } from "./picker.js";
import { Places } from "./places.js";
import { player } from "./player.js";
import { t } from "./strings.js";
import { changes, colours } from "./theme.js";
import { Timeline } from "./timeline.js";
import { attempt } from "./trouble.js";
import { SCALES, warps } from "./warp.js";

const MOST = 4;
const LOOKS = [
  { colour: "valence", dash: [] }, { colour: "arousal", dash: [8, 4] },
  { colour: "piece-c", dash: [2, 4] }, { colour: "piece-d", dash: [10, 3, 2, 3] },
];

// Kept while the page is open: [{id, title, duration, valence, arousal, means, key, mode, tempo, address}].
const chosen = [];
let scale = "time";
let shownFirst = true;

export const open = (main) => mount(main, new Compare());

class Compare {
  #stop = new AbortController();

  constructor() {
    this.plane = new Places(t("plane.compare"));
    this.curves = { valence: new Curve("valence"), arousal: new Curve("arousal") };
    this.ruler = new Ruler("ruler");
    this.timeline = new Timeline(t("timeline.compare"), this.curves.valence.element,
      this.curves.arousal.element, this.ruler.element);
    this.legend = h("ul", { class: "legend" });
    this.status = h("div", { role: "status" });
    this.picker = new Picker(t("compare.add"), {
      id: "compare-add", picked: (hit) => this.#take(`piece ${hit.id}`, hit),
    });
    this.select = h("select", {
      id: "compare-file", "aria-label": t("compare.files"), onchange: () => this.#take(this.select.value),
    });
    this.stage = h("div", { class: "stage" },
      h("div", { class: "along" }, this.timeline.element), h("div", { class: "beside" }, this.plane.element));
    this.align = h("div", { class: "segments", role: "group", "aria-label": t("compare.scale") }, SCALES.map((name) =>
      button(t(`compare.by.${name}`), () => {
        scale = name;
        this.#draw();
      }, { "data-scale": name })));
    this.hint = h("p", { class: "hint" }, t("compare.hint"));
    this.element = h("section", { class: "view compare-view" },
      h("header", { class: "heading" }, h("div", {}, h("h1", {}, t("view.compare")), h("p", { class: "aside" }, t("compare.text"))),
        this.align),
      h("div", { class: "row adding" }, this.picker.element, this.select), this.status, this.legend, this.hint, this.stage);
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
    this.picker.element.hidden = await api.catalog().then(() => false, () => true);
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
    const done = jobs.list.filter((job) => job.state === "done" && !taken.has(`job ${job.id}`));
    fill(this.select, h("option", { value: "" }, t("compare.files")),
      done.map((job) => h("option", { value: `job ${job.id}` }, labelOf(job))));
    this.select.hidden = !done.length;
    const full = chosen.length >= MOST;
    this.select.disabled = this.picker.input.disabled = full;
    if (full) fill(this.status, h("p", { class: "aside" }, t("compare.full")));
    this.hint.textContent = t(done.length || !this.picker.element.hidden ? "compare.hint" : "compare.nothing");
  }

  async #take(choice, hit) {
    if (!choice || chosen.length >= MOST || chosen.some((one) => one.choice === choice)) return;
    const [kind, id] = choice.split(" ");
    await attempt(this.status, async () => {
      const taken = kind === "job" ? await ofJob(jobs.find(id)) : await ofPiece(hit);
      if (!taken) return fill(this.status, h("p", { class: "callout" }, t("compare.silent")));
      const used = new Set(chosen.map((one) => one.look));
      chosen.push({ ...taken, id, choice, look: LOOKS.find((look) => !used.has(look)) });
      fill(this.status);
      return this.#draw();
    });
    this.#choices();
  }

  #draw() {
    const { length, of } = warps(chosen, scale);
    chosen.forEach((one, index) => Object.assign(one, { warp: of[index] }));
    for (const choice of this.align.children) choice.setAttribute("aria-pressed", choice.dataset.scale === scale);
    this.align.querySelector('[data-scale="beats"]').disabled = !chosen.every(({ beats }) => beats?.length > 1);
    this.align.hidden = chosen.length < 2;
    this.stage.hidden = chosen.length === 0;
    this.hint.hidden = chosen.length > 0;
    this.timeline.duration = length;
    this.ruler.show(length);
    this.ruler.element.classList.toggle("gone", scale !== "time");
    for (const name of ["valence", "arousal"]) {
      this.curves[name].show(length, chosen.map((one) => {
        const placed = ({ start, end, ...rest }) => ({ ...rest, start: one.warp.there(start), end: one.warp.there(end) });
        return { moments: one[name].map(placed), colour: colours[one.look.colour], dash: one.look.dash };
      }));
    }
    const courses = chosen.map((one) => ({
      points: courseOf(one), colour: colours[one.look.colour], dash: one.look.dash,
    }));
    const marks = chosen.map((one, index) => ({
      valence: one.means[0], arousal: one.means[1], label: String.fromCharCode(65 + index), colour: colours[one.look.colour],
    }));
    this.plane.lay({ courses, marks });
    refill(this.legend, this.picker.input, chosen.map((one, index) => this.#entry(one, index)));
    this.#sounding();
    this.#follow();
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
      h("div", { class: "what" }, h("span", { class: "title" }, one.title),
        one.from && h("span", { class: "aside" }, one.from), h("span", { class: "aside" }, facts.join(" · "))),
      button(t("compare.remove", { title: one.title }), () => {
        chosen.splice(chosen.indexOf(one), 1);
        fill(this.status);
        this.#draw();
        this.#choices();
      }, { glyph: "close", class: "round quiet" }));
  }

  // Starts at the same moment as the piece that plays, so that performances can be compared.
  #play(one, seconds) {
    if (player.track?.id === one.id && seconds === undefined) return player.toggle();
    const before = chosen.find((other) => other.id === player.track?.id);
    const time = seconds ?? (before ? one.warp.back(before.warp.there(player.time)) : 0);
    if (player.track?.id === one.id) return player.seek(time);
    return player.load([{ id: one.id, title: one.title, duration: one.duration, start: inside(time, one), address: one.address }]);
  }

  #seek(seconds) {
    const one = chosen.find((other) => other.id === player.track?.id) ?? chosen.find((other) => other.address);
    if (one) this.#play(one, inside(one.warp.back(seconds), one));
    this.#point(seconds);
    this.#say(seconds);
  }

  #follow() {
    const one = chosen.find((other) => other.id === player.track?.id);
    if (!one) return;
    const { time } = player;
    const seconds = one.warp.there(time);
    this.timeline.time = seconds;
    this.#point(seconds);
    if (Math.floor(time) !== this.second) this.#say(seconds);
    this.second = Math.floor(time);
  }

  // Shows on the plane where each piece is at a time of the axis.
  #point(seconds) {
    this.plane.follow(chosen.map((one) => {
      const time = one.warp.back(seconds);
      return time < 0 || time > one.duration ? null : placeAt(one, time);
    }));
  }

  #say(seconds) {
    this.timeline.say(chosen.map((one) => {
      const place = placeAt(one, inside(one.warp.back(seconds), one));
      return place && t("compare.spoken", { title: one.title, valence: signed(place[0]), arousal: signed(place[1]) });
    }).filter(Boolean).join("; "));
  }

  #sounding() {
    chosen.forEach(({ id, title }, index) => mark(this.legend.children[index], id, title));
    if (!chosen.some((one) => one.id === player.track?.id)) this.plane.follow([]);
  }
}

function inside(time, { duration }) {
  return Math.max(0, Math.min(time, duration));
}

async function ofJob(job) {
  const analysis = await analysisOf(job.id);
  if (analysis.status !== "ok") return null;
  if (job.file) job.address ??= URL.createObjectURL(job.file);
  return { ...ofAnalysis(analysis), title: labelOf(job), address: job.file && (async () => job.address) };
}

// From what the catalogue keeps of a piece; of early ones it keeps moments without intervals and beats.
async function ofPiece(piece) {
  const about = {
    title: labelOf(piece), from: [piece.album, piece.name].filter(Boolean).join(" · "), address: () => api.audio({ id: piece.id }),
  };
  try {
    return { ...ofAnalysis(await api.analysis(piece.id)), ...about };
  } catch (problem) {
    if (problem.kind !== "not_kept") throw problem;
  }
  const moments = await api.curve(piece.id);
  const of = (name) => moments.map(({ start, end, [name]: value }) => ({ start, end, value }));
  const { duration, key, mode, tempo, valence, arousal } = piece;
  return { ...about, duration, key, mode, tempo, means: [valence, arousal], valence: of("valence"), arousal: of("arousal") };
}

function ofAnalysis(analysis) {
  const { duration, key, mode, tempo, beats, valence, arousal } = analysis;
  return {
    duration, key, mode, tempo, beats, means: [valence.value, arousal.value],
    valence: axis(analysis, "valence"), arousal: axis(analysis, "arousal"),
  };
}
