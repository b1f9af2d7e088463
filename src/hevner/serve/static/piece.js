// One analysed piece: its sound, its emotion over time, and what is known of the moment that plays.

import * as api from "./api.js";
import { axis, Chords, courseOf, Curve, Marks, placeAt, Ruler } from "./curves.js";
import { button, h } from "./dom.js";
import { clock, familiarity, keyName, labelOf, percent, quadrant, spoken } from "./emotion.js";
import { asCsv, save } from "./export.js";
import { Layers } from "./layers.js";
import { Loop } from "./loop.js";
import { NoteList } from "./note-list.js";
import { Now } from "./now.js";
import { Overview } from "./overview.js";
import { Plane } from "./plane.js";
import { player } from "./player.js";
import { known, t } from "./strings.js";
import { calm, changes, colours } from "./theme.js";
import { Timeline } from "./timeline.js";
import { attempt } from "./trouble.js";
import { headline } from "./vocabulary.js";
import { Waveform } from "./waveform.js";
import { moments, whole } from "./whole.js";
import { Why } from "./why.js";
import { zoomButtons, zoomKey } from "./zoom.js";

const TRAIL = 12; // seconds
const TRAIL_STEPS = 24;

// Axes of emotion over time; a model may lack tension.
function axesOf(analysis) {
  return ["valence", "arousal", "tension"].filter((name) => analysis.timeline.some((moment) => moment[name]));
}

export class Piece {
  #stop = new AbortController();
  #moment = null;
  #second = null;

  constructor(job, words, analysis, expressed) {
    this.job = job;
    this.complete = false; // what only the service has, once it has analysed the file
    this.analysis = analysis;
    this.expressed = expressed;
    this.words = words.filter((word) => word.valence !== null);
    this.axes = axesOf(analysis);
    for (const name of this.axes) this[name] = axis(analysis, name);
    this.drawings = [];
    this.element = analysis.status === "ok" ? this.#described() : this.#empty();
    if (job.state === "done") this.completed(job, analysis);
  }

  // Takes what the service has besides the analysis, which must be the one that is shown; returns
  // whether it is.
  completed(job, analysis) {
    if (job !== this.job || analysis.model !== this.analysis.model || analysis.status !== this.analysis.status) return false;
    this.complete = true;
    for (const one of this.drawings) one.disabled = false;
    if (analysis.status === "ok") attempt(null, async () => this.#feel(await api.moments(job.id)));
    return true;
  }

  // Removes the listeners when the piece is no longer shown.
  leave() {
    this.#stop.abort();
  }

  // Sets the source of the sound: the file that was dropped.
  load(file) {
    if (this.loaded === file) return;
    this.loaded = this.job.file = file;
    this.missing.hidden = true;
    this.listen.hidden = false;
    this.wave.load(file, (share) => this.#colourAt(share));
    this.layers?.show();
  }

  #colourAt(share) {
    const place = placeAt(this, share * this.analysis.duration);
    return place ? quadrant(...place) : "soft";
  }

  // A piece without emotion: silence, or no music.
  #empty() {
    const kind = this.analysis.status;
    this.missing = this.listen = h("div");
    this.wave = new Waveform();
    return h("article", { class: "piece" },
      this.#heading(kind === "silent" ? t("silent.title") : headline(this.analysis.headline)),
      h("p", { class: "callout" }, t(`${kind}.text`)));
  }

  #described() {
    const { analysis, job } = this;
    this.#plots();
    this.plane = new Plane(t("plane.piece", {
      text: spoken(analysis.valence.value, analysis.arousal.value),
    }));
    this.now = new Now(this);
    this.why = new Why(this);
    this.notes = new NoteList(job, analysis.duration, this.loop, this.#stop.signal);
    this.#sources();
    this.#draw();
    this.#follow();
    const tools = h("div", { class: "timeline-tools" }, zoomButtons(this.timeline), this.loop.element, this.layers.element);
    const overview = new Overview(this.timeline.zoom, this.timeline.element.id, (share) => this.#colourAt(share));
    return h("article", { class: "piece", onkeydown: (event) => this.#key(event) },
      this.#heading(headline(analysis.headline)),
      this.#familiarity(),
      this.#warnings(),
      h("div", { class: "stage" },
        h("div", { class: "along" }, this.listen, this.missing, tools, this.timeline.element, overview.element,
          h("p", { class: "aside shortcuts" }, t("listen.keys.more")), moments(this)),
        h("div", { class: "beside" }, this.plane.element, this.now.element)),
      h("div", { class: "deeper" }, this.why.element, this.notes.element),
      whole(this));
  }

  // All that has the time of the piece as its axis.
  #plots() {
    const { signal } = this.#stop;
    this.wave = new Waveform();
    this.curves = this.axes.map((name) => new Curve(name));
    this.chords = new Chords("chords");
    this.ruler = new Ruler("ruler");
    this.marks = new Marks("marks");
    const elements = [this.wave, ...this.curves, this.chords, this.ruler, this.marks].map((one) => one.element);
    this.timeline = new Timeline(t("timeline"), ...elements);
    this.timeline.element.id = "timeline";
    const { zoom } = this.timeline;
    this.layers = new Layers(this, zoom, signal, () => this.#felt());
    this.wave.element.after(this.layers.spectrum.element);
    for (const one of [this.wave, ...this.curves, this.chords, this.ruler, this.marks]) one.follow(zoom);
    this.loop = new Loop(this.timeline, () => this.#mine(), signal);
  }

  #heading(words) {
    const { analysis, job } = this;
    const facts = [
      analysis.key && t("fact.key", { key: keyName(analysis.key, analysis.mode), sure: percent(analysis.key_confidence) }),
      analysis.tempo && t("fact.tempo", { tempo: Math.round(analysis.tempo) }),
      analysis.meter,
      clock(analysis.duration),
    ].filter(Boolean);
    return h("header", { class: "heading" },
      h("div", {},
        h("h1", { tabindex: -1 }, labelOf(job)),
        h("p", { class: "lead" }, h("strong", {}, words), " · ", facts.join(" · "))),
      analysis.status === "ok" && this.#exports());
  }

  #exports() {
    const name = labelOf(this.job);
    const { analysis, job } = this;
    const drawn = (ending) => async () => save(`${name}.${ending}`, "", await api.plot(job.id, ending));
    this.drawings = ["png", "svg"].map((ending) => button(ending.toUpperCase(), drawn(ending), { class: "quiet", disabled: true }));
    return h("div", { class: "exports", role: "group", "aria-label": t("export") },
      button("JSON", () => save(`${name}.json`, "application/json", JSON.stringify(analysis, null, 1)), { class: "quiet" }),
      button("CSV", () => save(`${name}.csv`, "text/csv", asCsv(analysis, this.axes)), { class: "quiet" }),
      this.drawings);
  }

  #familiarity() {
    const level = familiarity(this.analysis.familiarity);
    const [kind, share] = Object.entries(this.analysis.sounds_like ?? {})[0] ?? [];
    return level && h("p", { class: level.warning ? "callout warning" : "aside" },
      level.warning && h("strong", {}, t("familiarity.warning"), " "), level.text,
      kind && h("span", { class: "kind" }, " ", t("sounds_like", { kind: known(`kind.${kind}`, kind), share: percent(share) })));
  }

  #warnings() {
    const all = [...this.analysis.warnings, ...this.analysis.contradictions];
    return all.length > 0 && h("ul", { class: "callout" }, all.map((text) => h("li", { lang: "en" }, text)));
  }

  #sources() {
    const pick = h("input", {
      type: "file", accept: "audio/*,.flac,.ogg,.opus,.mp3,.wav,.m4a", class: "unseen",
      onchange: () => pick.files[0] && this.load(pick.files[0]),
    });
    this.missing = h("p", { class: "aside" }, t("audio.missing"), " ",
      h("label", { class: "link" }, t("audio.choose"), pick));
    this.listen = h("div", { class: "listen" },
      button(t("player.play"), () => this.#play(), { class: "primary" }),
      h("span", { class: "aside" }, t("listen.keys")));
    this.listen.hidden = true;
    this.wave.say(t("wave.absent"));
    if (this.job.file) this.load(this.job.file);
  }

  // A piece of the catalogue that plays goes on when it is opened.
  #mine() {
    return Boolean(player.track) && [this.job.id, this.job.piece].includes(player.track.id);
  }

  #play(seconds) {
    if (this.#mine()) {
      player.track.end = null; // what was found was a moment; here is the whole piece
      if (seconds !== undefined) player.seek(seconds);
      else player.toggle();
      return;
    }
    if (!this.job.file) return;
    const { file, id } = this.job;
    this.address ??= URL.createObjectURL(file);
    const track = {
      id, title: labelOf(this.job), duration: this.analysis.duration, start: seconds ?? this.timeline.time,
      address: async () => this.address,
    };
    player.load([track]);
  }

  #draw() {
    const { analysis, timeline } = this;
    timeline.duration = analysis.duration;
    const paint = () => {
      for (const curve of this.curves) {
        curve.show(analysis.duration, [{ moments: this[curve.axis], colour: colours[curve.axis] }]);
      }
      this.plane.lay({ courses: [{ points: courseOf(this), colour: colours.soft, alpha: 0.55 }] });
    };
    const mark = () => {
      this.marks.show(analysis.duration, this.notes.notes.list);
      this.marks.element.hidden = !this.notes.notes.list.length;
    };
    const { signal } = this.#stop;
    paint();
    mark();
    changes.addEventListener("change", paint, { signal });
    this.notes.notes.addEventListener("change", mark, { signal });
    this.chords.show(analysis.duration, analysis.chords);
    this.ruler.show(analysis.duration, [analysis.beats ?? [], analysis.downbeats ?? []]);
    this.plane.lay({ words: this.words });
  }

  #follow() {
    const { signal } = this.#stop;
    player.addEventListener("time", () => this.#mine() && this.#at(player.time), { signal });
    const state = () => {
      const label = t(this.#mine() && player.playing ? "player.pause" : "player.play");
      this.listen.firstChild.textContent = label;
    };
    for (const name of ["state", "track"]) player.addEventListener(name, state, { signal });
    const seek = ({ detail }) => {
      this.#at(detail.seconds);
      this.#play(detail.seconds);
    };
    this.timeline.addEventListener("seek", seek);
    this.timeline.addEventListener("toggle", () => this.#play());
    this.notes.addEventListener("seek", seek);
    this.#at(this.#mine() ? player.time : 0);
    if (this.#mine()) state();
  }

  // Keys of the whole piece, wherever in it the focus is.
  #key(event) {
    const { key, target } = event;
    if (event.defaultPrevented || event.metaKey || (event.ctrlKey && !event.getModifierState("AltGraph"))) return;
    if (target.closest("input:not([type=range]), textarea, select")) return;
    if (key === "n") this.notes.input.focus();
    else if (!zoomKey(this.timeline, key) && !this.loop.key(key)) return;
    event.preventDefault();
  }

  // Once a frame while it plays: nothing here reads the layout.
  #at(time) {
    this.timeline.time = time;
    const place = placeAt(this, time);
    const steps = calm() ? 0 : TRAIL_STEPS;
    const trail = Array.from({ length: steps + 1 }, (_, step) => {
      const before = time - TRAIL * (1 - step / (steps || 1));
      return before < 0 ? null : placeAt(this, before);
    });
    this.plane.show(place, place ? trail : []);
    const changed = this.now.at(time);
    this.why.at(time);
    this.notes.at(time);
    this.#felt();
    const second = Math.floor(time);
    if (changed || second !== this.#second) {
      this.#second = second;
      this.timeline.say(place ? `${spoken(...place)}, ${this.now.parts.chord.textContent}` : t("now.silent"));
    }
  }

  // Takes the basic emotions and moods of all moments.
  #feel(course) {
    this.layers.offer(course);
    if (!Object.keys(course.moods).length && !Object.keys(course.emotions).length) return;
    this.course = course;
    this.#felt();
  }

  // Shows those of the moment at the playhead, if they are other ones.
  #felt() {
    if (!this.course) return;
    const index = this.analysis.timeline.findIndex((moment) => this.timeline.time < moment.end);
    const { names } = this.layers;
    const moment = `${index} ${names}`;
    if (moment === this.#moment) return;
    this.#moment = moment;
    const of = (values, chosen) => Object.fromEntries(chosen.map((name) => [name, values[name].at(index)]));
    this.now.feel(of(this.course.moods, Object.keys(this.course.moods)), of(this.course.emotions, names));
  }
}
