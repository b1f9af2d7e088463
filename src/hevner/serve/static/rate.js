// Rate music: a nickname, a piece for practice, then one piece after the other, with breaks.
//
// A rating is kept in this browser until the service has acknowledged it, so that none is lost when
// the service is away or the page is closed.

import * as api from "./api.js";
import { button, field, fill, h, mount } from "./dom.js";
import { labelOf, signed } from "./emotion.js";
import * as kept from "./kept.js";
import { Plane } from "./plane.js";
import { player } from "./player.js";
import { results } from "./rate-results.js";
import { Trial } from "./rate-trial.js";
import { t } from "./strings.js";
import { colours } from "./theme.js";
import { attempt, trouble } from "./trouble.js";

const KEPT = "hevner.rater";
const UNSENT = "hevner.unsent "; // and the name of a study: {rater, rating}
const practised = new Set(); // raters who had their practice on this page

export const open = (main, [part]) => mount(main, new Rate(part));

class Rate {
  #stop = new AbortController();
  #trial = null;

  constructor(part) {
    this.part = part;
    this.place = h("div", { class: "rate-place" });
    this.title = h("h1", {}, t("rate.title"));
    this.element = h("section", { class: "view rate-view" },
      h("header", { class: "heading" }, this.title, this.#links()), this.place);
  }

  get #unsent() {
    return UNSENT + this.study.name;
  }

  start() {
    player.stop();
    if (this.part === "results") return fill(this.place, results());
    return attempt(this.place, async () => {
      this.study = await api.study();
      if (this.study.title) fill(this.title, this.study.title);
      this.#welcome();
    });
  }

  leave() {
    this.#stop.abort();
    this.#trial?.leave();
  }

  #links() {
    const shown = this.part === "results" ? "results" : "begin";
    return h("div", { class: "segments" }, ["begin", "results"].map((name) => h("a", {
      href: name === "begin" ? "#rate" : "#rate/results", "aria-current": name === shown && "true",
    }, t(`rate.part.${name}`))));
  }

  #welcome() {
    const { study } = this;
    const [label, input] = field(t("rate.nickname"), "nickname", {
      required: true, maxlength: 40, value: kept.read(KEPT) ?? "", "aria-describedby": "nickname-help",
    });
    const said = h("div", { role: "status" });
    const form = h("form", {
      class: "welcome",
      onsubmit: (event) => {
        event.preventDefault();
        attempt(said, () => this.#begin(input.value.trim()));
      },
    }, h("p", {}, study.instructions || t(`rate.welcome.${study.input}.${study.when}`)),
    h("p", { class: "aside" }, t("rate.plan", { count: study.pieces })),
    h("div", { class: "field" }, label, input), h("p", { class: "aside", id: "nickname-help" }, t("rate.nickname.help")),
    button(t("rate.begin"), () => {}, { type: "submit", class: "primary" }), said);
    fill(this.place, study.pieces ? form : h("p", { class: "hint" }, t("rate.nothing")));
    input.focus({ preventScroll: true });
  }

  async #begin(rater) {
    await this.#resend();
    const progress = await api.rater(rater);
    this.rater = progress.rater;
    kept.write(KEPT, this.rater);
    this.#go(progress);
  }

  #go(progress) {
    const { practice, next, done, total } = progress;
    if (practice && !practised.has(this.rater)) return this.#play(practice, t("rate.practice"), () => {
      practised.add(this.rater);
      this.#between(t("rate.practice.done"), progress);
    });
    if (!next) return this.#end(total);
    return this.#play(next, t("rate.place", { index: done + 1, count: total }), (rating, values) =>
      this.#keep(rating, values, done));
  }

  #play(piece, heading, finish) {
    this.#trial?.leave();
    this.#trial = new Trial(this.study, piece, finish);
    fill(this.place, h("h2", { class: "lead", role: "status" }, heading), this.#trial.element);
    this.#trial.start();
  }

  async #keep(rating, values, before) {
    kept.write(this.#unsent, { rater: this.rater, rating });
    fill(this.place, h("p", { role: "status" }, t("rate.sending")));
    await this.#whenSent(async (progress) => {
      const wanted = this.study.show_prediction && !rating.skipped;
      const shown = wanted ? await prediction(rating.piece, this.study, values) : null;
      const { break_after: every } = this.study;
      const pause = every && progress.next && progress.done > before && progress.done % every === 0;
      if (shown || pause) return this.#between(pause ? t("rate.break", { count: progress.done }) : "", progress, shown);
      return this.#go(progress);
    });
  }

  // Sends until the service has taken it; once it is back, if it is away.
  async #whenSent(then) {
    const { signal } = this.#stop;
    try {
      const progress = await this.#resend();
      if (!signal.aborted) await then(progress);
    } catch (problem) {
      if (!(problem instanceof api.Problem)) throw problem;
      if (signal.aborted) return;
      const again = () => this.#whenSent(then);
      fill(this.place, trouble(problem), h("p", {}, t("rate.unsent")), button(t("job.retry"), again, { class: "primary" }));
      if (problem.kind === "offline") api.connection.addEventListener("back", again, { once: true, signal });
    }
  }

  // Sends what the service has not acknowledged; returns how far its rater has come.
  async #resend() {
    const unsent = kept.read(this.#unsent);
    if (!unsent?.rater || !unsent.rating) return null;
    try {
      const progress = await api.rate(unsent.rater, unsent.rating);
      kept.forget(this.#unsent);
      return progress;
    } catch (problem) {
      if (![404, 409, 422].includes(problem.status)) throw problem;
      kept.forget(this.#unsent); // the service will never take it
      return api.rater(unsent.rater);
    }
  }

  #between(text, progress, shown = null) {
    const on = button(t("rate.on"), () => this.#go(progress), { class: "primary" });
    const said = text && h("p", { role: "status" }, text);
    shown?.lastChild.append(on);
    fill(this.place, h("div", { class: "between" }, said, shown ?? on));
    on.focus({ preventScroll: true });
  }

  #end(count) {
    fill(this.place, h("div", { class: "nothing" }, h("h2", {}, t("rate.thanks")),
      h("p", { role: "status" }, t("rate.all", { count })), h("a", { href: "#rate/results" }, t("rate.part.results"))));
  }
}

// What the piece was and what the model predicts, beside the rating that was given.
async function prediction(id, { input }, values) {
  const piece = await api.piece(id).catch((problem) => {
    if (!(problem instanceof api.Problem)) throw problem;
    return null; // the rating is kept, and that is enough
  });
  if (!piece) return null;
  const given = input === "plane" ? values : null;
  const plane = new Plane(t("rate.plane.both"));
  const marks = [{ valence: piece.valence, arousal: piece.arousal, label: "B", colour: colours.arousal }];
  if (given) marks.unshift({ ...given, label: "A", colour: colours.valence });
  plane.lay({ marks });
  const at = (name, { valence, arousal }) => t(`rate.mark.${name}`, { valence: signed(valence), arousal: signed(arousal) });
  return h("div", { class: "stage" }, plane.element, h("div", { class: "trial" },
    h("p", {}, h("strong", {}, labelOf(piece))),
    given && h("p", {}, h("span", { class: "letter you" }, "A"), at("you", given)),
    h("p", {}, h("span", { class: "letter model" }, "B"), at("model", piece)),
    h("p", { class: "aside" }, t("rate.prediction.text"))));
}
