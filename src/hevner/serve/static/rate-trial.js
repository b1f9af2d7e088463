// One piece to be rated: listen, answer, go on; or skip it with a reason.

import * as api from "./api.js";
import { button, fill, h } from "./dom.js";
import { clock } from "./emotion.js";
import { answersFor } from "./rate-answers.js";
import { TrialSound } from "./rate-sound.js";
import { t } from "./strings.js";
import { trouble } from "./trouble.js";

const REASONS = ["known", "unplayable", "unwanted", "other"];

export class Trial {
  #stop = new AbortController();
  #sound;
  #answers;

  // `finish(rating, values)` is called once, with the body of the rating without the piece.
  constructor(study, { piece, duration, audio }, finish) {
    Object.assign(this, { study, piece, finish });
    const continuous = study.when === "continuous";
    this.least = Math.min(study.least_s, duration ?? study.least_s);
    this.#answers = answersFor(study);
    this.#sound = new TrialSound({
      address: new URL(api.addressOf(audio)).href, duration, hop: continuous ? study.hop : 0,
      answer: () => {
        const { values } = this.#answers;
        return values && [values.valence, values.arousal];
      },
    });
    this.#build();
    this.#listen();
    this.#show();
  }

  start() {
    this.play.focus();
  }

  leave() {
    this.#stop.abort();
    this.#sound.stop();
  }

  #build() {
    const { input, when } = this.study;
    this.play = button(t("player.play"), () => this.#sound.toggle(), { class: "primary play" });
    this.played = h("progress", { max: 1, value: 0, "aria-label": t("rate.played") });
    this.time = h("span", { class: "time aside" });
    this.next = button(t("rate.next"), () => this.#done(), { class: "primary next" });
    this.status = h("p", { class: "aside", role: "status" });
    this.problem = h("div");
    this.cursor = h("p", { class: "unseen", role: "status" });
    this.element = h("div", { class: "trial-view" },
      h("div", { class: "row sound" }, this.play, this.played, this.time),
      h("div", { class: "stage" }, this.#answers.element, h("div", { class: "trial" },
        h("p", {}, t(`rate.ask.${input}.${when}`)),
        h("p", { class: "aside", id: "rate-help" }, t(`rate.keys.${input === "plane" ? "plane" : "sliders"}`)),
        this.next, this.status, this.problem, this.#skip(), this.cursor)));
  }

  #skip() {
    return h("details", { class: "skip-piece" }, h("summary", {}, t("rate.skip")),
      h("div", { class: "row" }, REASONS.map((reason) =>
        button(t(`rate.skip.${reason}`), () => this.#finish({ skipped: reason }), { class: "quiet", "data-reason": reason }))));
  }

  #listen() {
    const { signal } = this.#stop;
    for (const name of ["state", "time", "end"]) this.#sound.addEventListener(name, () => this.#show());
    this.#sound.addEventListener("trouble", () => this.#mute());
    this.#answers.addEventListener("answer", () => this.#show());
    this.#answers.addEventListener("cursor", ({ detail }) => fill(this.cursor, detail));
    document.addEventListener("keydown", (event) => this.#key(event), { signal });
    document.addEventListener("visibilitychange", () => {
      // Nobody can rate what cannot be seen.
      if (document.hidden && this.study.when === "continuous") this.#sound.pause();
    }, { signal });
  }

  async #mute() {
    const problem = await api.mute(this.#sound.address);
    if (!this.#stop.signal.aborted) fill(this.problem, problem ? trouble(problem) : t("rate.trouble"));
  }

  #key(event) {
    if (event.key !== " " || event.defaultPrevented || event.target.closest("button, a, summary, input:not([type=range])")) return;
    event.preventDefault();
    this.#sound.toggle();
  }

  #show() {
    const { time, duration, playing } = this.#sound;
    if (playing && time && this.problem.firstChild) fill(this.problem);
    const label = t(playing ? "player.pause" : "player.play");
    if (this.play.textContent !== label) this.play.textContent = label;
    this.play.disabled = this.#sound.ended && this.#sound.hop > 0;
    this.played.value = duration ? Math.min(1, time / duration) : 0;
    this.time.textContent = `${clock(time)} / ${clock(duration)}`;
    const lacking = this.#lacking();
    this.next.disabled = lacking !== "";
    if (this.status.textContent !== lacking) fill(this.status, lacking);
  }

  // What is still to be done before it can be sent; empty for nothing.
  #lacking() {
    const { heard, ended, moments } = this.#sound;
    if (this.study.when === "continuous") {
      if (!ended) return t(this.#answers.values ? "rate.until.end" : "rate.answer.now");
      return moments.length ? "" : t("rate.none");
    }
    if (heard < this.least && !ended) return t("rate.listen.more");
    return this.#answers.values ? "" : t(`rate.answer.${this.study.input === "plane" ? "plane" : "sliders"}`);
  }

  #done() {
    const { values } = this.#answers;
    const given = this.study.when === "continuous" ? { moments: this.#sound.moments } : { values };
    this.#finish(given, values);
  }

  #finish(given, values = null) {
    const { heard, pauses, seeked } = this.#sound;
    this.leave();
    this.finish({ piece: this.piece, heard_s: Math.round(heard * 100) / 100, pauses, seeked, ...given }, values);
  }
}
