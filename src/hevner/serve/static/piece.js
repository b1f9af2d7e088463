// One analysed piece: its sound, its emotion over time, and the values at the moment that plays.

import * as api from "./api.js";
import { Chords, courseOf, Curve, placeAt, Ruler, valueAt } from "./curves.js";
import { button, h, range, table, term } from "./dom.js";
import {
  chordName, clock, decimal, familiarity, keyName, moodName, percent, quadrant, saidWord, signed, spoken, titleOf,
} from "./emotion.js";
import { asCsv, save } from "./export.js";
import { Plane } from "./plane.js";
import { player } from "./player.js";
import { known, t } from "./strings.js";
import { calm, changes, colours } from "./theme.js";
import { Timeline } from "./timeline.js";
import { headline, word } from "./vocabulary.js";
import { Waveform } from "./waveform.js";

const TRAIL = 12; // seconds
const TRAIL_STEPS = 24;
const MOODS = 5;
const EXPRESSED = 5;
const TAGS = 8;

// Axes of emotion over time; a model may lack tension.
function axesOf(analysis) {
  return ["valence", "arousal", "tension"].filter((name) => analysis.timeline.some((moment) => moment[name]));
}

export function axis(analysis, name) {
  return analysis.timeline.map(({ start, end, [name]: estimate }) => ({
    start, end, value: estimate?.value ?? null, low: estimate?.low, high: estimate?.high,
  }));
}

export class Piece {
  #stop = new AbortController();

  constructor(job, analysis, words, expressed) {
    this.job = job;
    this.analysis = analysis;
    this.expressed = expressed;
    this.words = words.filter((word) => word.valence !== null);
    this.axes = axesOf(analysis);
    for (const name of this.axes) this[name] = axis(analysis, name);
    this.element = analysis.status === "ok" ? this.#described() : this.#empty();
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
    this.wave.load(file, (share) => {
      const place = placeAt(this, share * this.analysis.duration);
      return place ? quadrant(...place) : "soft";
    });
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
    const { analysis } = this;
    this.wave = new Waveform();
    this.curves = this.axes.map((name) => new Curve(name));
    this.chords = new Chords("chords");
    this.ruler = new Ruler("ruler");
    this.timeline = new Timeline(t("timeline"), this.wave.element, ...this.curves.map((curve) => curve.element),
      this.chords.element, this.ruler.element);
    this.plane = new Plane(t("plane.piece", {
      text: spoken(analysis.valence.value, analysis.arousal.value),
    }));
    this.#sources();
    this.#draw();
    this.#follow();
    return h("article", { class: "piece" },
      this.#heading(headline(analysis.headline)),
      this.#familiarity(),
      this.#warnings(),
      h("div", { class: "stage" },
        h("div", { class: "along" }, this.listen, this.missing, this.timeline.element, this.#table()),
        h("div", { class: "beside" }, this.plane.element, this.#nowPanel())),
      this.#whole());
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
        h("h1", { tabindex: -1 }, titleOf(job.name)),
        h("p", { class: "lead" }, h("strong", {}, words), " · ", facts.join(" · "))),
      analysis.status === "ok" && this.#exports());
  }

  #exports() {
    const name = titleOf(this.job.name);
    const { analysis, job } = this;
    const drawn = (ending) => async () => save(`${name}.${ending}`, "", await api.plot(job.id, ending));
    return h("div", { class: "exports", role: "group", "aria-label": t("export") },
      button("JSON", () => save(`${name}.json`, "application/json", JSON.stringify(analysis, null, 1)), { class: "quiet" }),
      button("CSV", () => save(`${name}.csv`, "text/csv", asCsv(analysis, this.axes)), { class: "quiet" }),
      button("PNG", drawn("png"), { class: "quiet" }),
      button("SVG", drawn("svg"), { class: "quiet" }));
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
  #sounds() {
    return [this.job.id, this.job.piece].includes(player.track?.id);
  }

  #play(seconds) {
    if (player.track && this.#sounds()) {
      if (seconds !== undefined) player.seek(seconds);
      else player.toggle();
      return;
    }
    if (!this.job.file) return;
    const { file, id, name } = this.job;
    this.address ??= URL.createObjectURL(file);
    const track = {
      id, title: titleOf(name), duration: this.analysis.duration, start: seconds,
      address: async () => this.address,
    };
    player.load([track]);
  }

  #draw() {
    const { analysis } = this;
    const paint = () => {
      for (const curve of this.curves) {
        curve.show(analysis.duration, [{ moments: this[curve.axis], colour: colours[curve.axis] }]);
      }
      this.plane.lay({ courses: [{ points: courseOf(this), colour: colours.soft, alpha: 0.55 }] });
    };
    paint();
    changes.addEventListener("change", paint, { signal: this.#stop.signal });
    this.chords.show(analysis.duration, analysis.chords);
    this.ruler.show(analysis.duration, [analysis.beats ?? [], analysis.downbeats ?? []]);
    this.plane.lay({ words: this.words });
    this.timeline.duration = analysis.duration;
  }

  #follow() {
    const { signal } = this.#stop;
    const mine = () => Boolean(player.track) && this.#sounds();
    player.addEventListener("time", () => mine() && this.#at(player.time), { signal });
    const state = () => {
      const label = t(mine() && player.playing ? "player.pause" : "player.play");
      this.listen.firstChild.textContent = label;
    };
    for (const name of ["state", "track"]) player.addEventListener(name, state, { signal });
    this.timeline.addEventListener("seek", ({ detail }) => {
      this.#at(detail.seconds);
      this.#play(detail.seconds);
    });
    this.timeline.addEventListener("toggle", () => this.#play());
    const numbers = this.axes.map((name) => [name, `number ${name}`]);
    const classes = { ...Object.fromEntries(numbers), chord: "chord", next: "next", word: null };
    this.now = Object.fromEntries(Object.entries(classes).map(([name, kind]) => [name, h("span", { class: kind })]));
    this.#at(mine() ? player.time : 0);
    if (mine()) state();
  }

  #nowPanel() {
    const { now } = this;
    return h("dl", { class: "now" },
      this.axes.map((name) => term(t(name), now[name])),
      term(t("now.chord"), now.chord, now.next), term(t("now.word"), now.word));
  }

  // Once a frame while it plays: nothing here reads the layout, and text is written only if it differs.
  #at(time) {
    this.timeline.time = time;
    const place = placeAt(this, time);
    const steps = calm() ? 0 : TRAIL_STEPS;
    const trail = Array.from({ length: steps + 1 }, (_, step) => {
      const before = time - TRAIL * (1 - step / (steps || 1));
      return before < 0 ? null : placeAt(this, before);
    });
    this.plane.show(place, place ? trail : []);
    const { chords } = this.analysis;
    const index = chords.findIndex((chord) => time < chord.end);
    const chord = chords[index];
    const { now } = this;
    const following = chords[index + 1];
    write(now.chord, chord ? chordName(chord.label) : "–");
    write(now.next, following ? `→ ${chordName(following.label)}` : "");
    for (const name of this.axes) {
      const value = valueAt(this[name], time);
      write(now[name], value === null ? t("now.silent") : signed(value));
    }
    const changed = write(now.word, place ? this.#nearest(place) : "–");
    const second = Math.floor(time);
    if (changed || second !== this.second) {
      this.second = second;
      this.timeline.say(place ? `${spoken(...place)}, ${now.chord.textContent}` : t("now.silent"));
    }
  }

  // "Perhaps" where the interval of the piece, laid around the point, reaches neutral.
  #nearest([valence, arousal]) {
    const reach = ({ low, high }) => (high - low) / 2;
    const sure = Math.hypot(valence / reach(this.analysis.valence), arousal / reach(this.analysis.arousal)) >= 1;
    let best = null;
    let least = Infinity;
    for (const word of this.words) {
      const distance = (word.valence - valence) ** 2 + (word.arousal - arousal) ** 2;
      if (distance < least) [best, least] = [word, distance];
    }
    if (!best) return "–";
    if (Math.hypot(valence, arousal) < 0.15) return t("now.neutral");
    return sure ? best.word : t("express.perhaps", { words: best.word });
  }

  #whole() {
    const { analysis } = this;
    const moods = Object.entries(analysis.moods).slice(0, MOODS);
    const own = ["classes", "own_tags"].map((name) => [name, Object.entries(analysis[name] ?? {}).slice(0, MOODS)]);
    const tags = analysis.tags.filter((tag) => tag.present);
    return h("div", { class: "whole" },
      h("section", {}, h("h2", {}, t("whole")), h("dl", { class: "estimates" },
        Object.keys(analysis).filter((name) => analysis[name]?.low !== undefined).map((name) => term(known(name, name),
          h("span", { class: `number ${name}` }, signed(analysis[name].value)),
          h("span", { class: "aside" }, t("interval", {
            low: signed(analysis[name].low), high: signed(analysis[name].high),
          })), range(asShares(analysis[name]))))),
        h("p", { class: "aside" }, t("interval.text")), this.#keys()),
      analysis.emotions && h("section", {}, h("h2", {}, t("emotions")), h("ul", { class: "ranges" },
        Object.entries(analysis.emotions).map(([name, one]) => reading(known(`emotion.${name}`, name), one))),
        h("p", { class: "aside" }, t("emotions.text"))),
      moods.length > 0 && h("section", {}, h("h2", {}, t("moods")), h("ul", { class: "bars" },
        moods.map(([name, share]) => bar(moodName(name), share, percent(share)))),
        h("p", { class: "aside" }, t("moods.text"))),
      own.map(([head, found]) => found.length > 0 && h("section", {}, h("h2", {}, t(head)), h("ul", { class: "bars" },
        found.map(([name, share]) => bar(name, share, percent(share)))))),
      h("section", {}, h("h2", {}, t("tags")), this.#expressed(),
        h("ul", { class: "tags" }, tags.slice(0, TAGS).map((tag) =>
          h("li", { class: "tag", title: t("tag.title", { share: percent(tag.probability) }) }, word(tag.name)))),
        tags.length ? null : h("p", { class: "aside" }, t("tags.none")),
        h("p", { class: "aside" }, t("model.by", { model: analysis.model }), " ",
          h("a", { href: "#understand" }, t("model.more")))));
  }

  // The keys that it may be in, where there is more than one.
  #keys() {
    const candidates = this.analysis.key_candidates;
    const keys = candidates.map(({ key, mode, probability }) => `${keyName(key, mode)} ${percent(probability)}`);
    return keys.length > 1 && h("p", { class: "aside keys" }, t("keys", { keys: keys.join(", ") }));
  }

  #expressed() {
    return h("ul", { class: "tags" }, this.expressed.slice(0, EXPRESSED).map((one) =>
      h("li", { class: "tag emotion", title: t("express.fit", { share: percent(one.fit) }) }, saidWord(one))));
  }

  #table() {
    const details = h("details", {}, h("summary", {}, t("table.show")));
    details.addEventListener("toggle", () => {
      if (details.childElementCount > 1) return;
      const cell = (estimate) => (estimate
        ? t("table.value", { value: signed(estimate.value), low: signed(estimate.low), high: signed(estimate.high) })
        : t("now.silent"));
      const head = ["table.time", ...this.axes, "table.chord"].map((name) => t(name));
      details.append(table(head, this.analysis.timeline.map((moment) => {
        const chord = this.analysis.chords.find(({ end }) => moment.start < end);
        return [clock(moment.start), ...this.axes.map((name) => cell(moment[name])), chord ? chordName(chord.label) : ""];
      })));
    });
    return details;
  }
}

function bar(name, share, text) {
  const level = h("i");
  level.style.setProperty("--share", share);
  return h("li", {}, h("span", {}, name), h("b", { "aria-hidden": "true" }, level), h("span", { class: "number" }, text));
}

// A basic emotion, from not at all to very.
function reading(name, one) {
  const [value, low, high] = [one.value, one.low, one.high].map((number) => decimal(number));
  const interval = t("interval", { low, high });
  return h("li", { title: interval }, h("span", {}, name), range(one),
    h("span", { class: "number" }, value, h("span", { class: "unseen" }, `, ${interval}`)));
}

// An estimate on -1..1 as shares of a bar.
function asShares({ value, low, high }) {
  const share = (number) => (number + 1) / 2;
  return { value: share(value), low: share(low), high: share(high) };
}

function write(element, text) {
  if (element.textContent === text) return false;
  element.textContent = text;
  return true;
}
