// Drop a file and watch its emotion unfold.

import * as api from "./api.js";
import { button, fill, h, refill } from "./dom.js";
import { labelOf, percent } from "./emotion.js";
import { analysisOf, jobOf, jobs, openPiece } from "./jobs.js";
import * as live from "./live.js";
import { Piece } from "./piece.js";
import { Plane } from "./plane.js";
import { player } from "./player.js";
import { known, t } from "./strings.js";
import { attempt, trouble } from "./trouble.js";
import { Waveform } from "./waveform.js";

const OFFERED = 8; // pieces of the catalogue

const expressed = new Map(); // words of the jobs that were looked at
let piece = null;
let wanted = null; // id of the job that is shown, or will be once it is done
let fetching = null; // id of the piece of the catalogue whose file is on its way

async function wordsFor(id, analysis) {
  if (analysis.status !== "ok") return [];
  if (!expressed.has(id)) expressed.set(id, await api.expressed(id));
  return expressed.get(id);
}

// What the service found, or what the catalogue knows of a piece that is still being analysed: the
// analysis and its words; null if it keeps too little.
async function found(job) {
  if (job.state === "done") {
    const analysis = await analysisOf(job.id);
    return [analysis, await wordsFor(job.id, analysis)];
  }
  return Promise.all([api.analysis(job.piece), api.emotions(job.piece)]).catch((problem) => {
    if (!(problem instanceof api.Problem)) throw problem;
    return null; // it comes with the analysis of the file
  });
}

export function open(main, [id, part]) {
  if (id === "live") return live.open(main);
  const kept = id === "piece" && part;
  wanted = kept ? null : id ?? wanted;
  fetching = kept || null;
  const stop = new AbortController();
  const pick = h("input", {
    type: "file", multiple: true, accept: "audio/*,.flac,.ogg,.opus,.mp3,.wav,.m4a,.aif,.aiff",
    class: "unseen", id: "pick",
    onchange: () => {
      take(pick.files);
      pick.value = "";
    },
  });
  const plane = new Plane(t("plane.words"));
  const drop = h("label", { class: "drop", for: "pick" },
    h("span", { class: "big" }, t("drop.title")),
    h("span", { class: "aside" }, t("drop.text")),
    h("span", { class: "like-button" }, t("drop.choose")), pick);
  const list = h("ul", { class: "jobs", "aria-label": t("jobs") });
  const stage = h("div", { class: "shown" });
  const said = h("div");
  const offered = h("div", { class: "offered" });
  const dismiss = button(t("listen.dismiss.all"), () => failures().forEach(forget), { class: "quiet" });
  const view = h("section", { class: "view listen-view" },
    h("div", { class: "intake" }, list, drop,
      h("a", { class: "like-button", href: "#listen/live" }, t("live.open")), dismiss, offered, plane.element), said, stage);
  fill(main, view);
  // The plane is only decoration here; errors are shown elsewhere.
  attempt(null, async () => plane.lay({ words: await api.words() }));
  attempt(null, () => offer(offered));

  const show = () => {
    view.classList.toggle("empty", jobs.list.length === 0);
    view.classList.toggle("unknown", jobs.list.length === 0 && !jobs.restored);
    offered.hidden = jobs.list.length > 0;
    dismiss.hidden = failures().length < 2;
    drop.firstChild.textContent = t(jobs.list.length ? "drop.more" : "drop.title");
    rows(list);
    current(stage);
  };
  jobs.addEventListener("change", show, { signal: stop.signal });
  show();
  if (kept) {
    attempt(said, async () => {
      const { id: made } = await jobOf(kept);
      if (stop.signal.aborted || fetching !== kept) return; // something else was chosen meanwhile
      [wanted, fetching] = [made, null];
      show();
    });
  }
  return () => {
    stop.abort();
    close();
  };
}

export function take(files) {
  const added = jobs.add([...files]);
  if (!added.length) return;
  [wanted, fetching] = [added[0].id, null];
  if (location.hash.startsWith("#listen")) history.replaceState(null, "", "#listen");
  else location.hash = "#listen";
  jobs.dispatchEvent(new Event("change"));
}

// Some pieces of the catalogue, if there is one, for who has no file at hand.
async function offer(place) {
  const some = await api.pieces(OFFERED).catch((problem) => {
    if (problem.kind !== "no_catalog") throw problem;
    return [];
  });
  if (!some.length) return;
  fill(place, h("p", { class: "aside" }, t("offer.title")), h("ul", { class: "tags" }, some.map((one) =>
    h("li", { class: "tag" }, button(labelOf(one), () => attempt(place, () => openPiece(one)))))));
}

// Rows are changed in place: a list that is rebuilt loses the focus and is read out again.
function rows(list) {
  const before = new Map([...list.children].map((row) => [row.job, row]));
  const after = jobs.list.map((job) => {
    const row = before.get(job) ?? made(job);
    update(row);
    return row;
  });
  if (after.length !== before.size || after.some((row, index) => list.children[index] !== row)) {
    refill(list, document.getElementById("pick"), after);
  }
}

function made(job) {
  const name = button(labelOf(job), () => {
    wanted = job.id;
    location.hash = `#listen/${job.id}`;
    jobs.dispatchEvent(new Event("change"));
  }, { class: "name" });
  const state = h("span", { class: "state", role: "status" });
  const progress = h("progress", { max: 1, "aria-label": t("job.progress", { name: job.name }) });
  const again = button(t("job.retry"), () => jobs.retry(job), { class: "quiet" });
  const remove = button("", () => forget(job), { glyph: "close", class: "round quiet" });
  const row = h("li", {}, name, progress, state, again, remove);
  return Object.assign(row, { job, parts: { name, state, progress, again, remove } });
}

const failures = () => jobs.list.filter((job) => job.state === "failed");

function forget(job) {
  if ([job.id, job.before].includes(wanted)) wanted = null;
  if (player.track?.id === job.id) player.stop();
  jobs.remove(job);
}

function update(row) {
  const { job, parts } = row;
  const shown = wanted === job.id || wanted === job.before;
  const unfinished = !["done", "failed", "cancelled"].includes(job.state);
  row.className = `job ${job.state}${shown ? " current" : ""}`;
  parts.name.setAttribute("aria-current", shown);
  if (parts.name.textContent !== labelOf(job)) parts.name.textContent = labelOf(job);
  parts.progress.hidden = !unfinished;
  if (job.state === "running") parts.progress.value = job.progress ?? 0;
  else parts.progress.removeAttribute("value");
  const text = stateText(job);
  if (parts.state.textContent !== text) parts.state.textContent = text;
  parts.again.hidden = !(job.file && ["failed", "cancelled"].includes(job.state));
  const label = t(unfinished ? "job.cancel" : "job.remove", { name: job.name });
  parts.remove.setAttribute("aria-label", label);
  parts.remove.title = label;
}

function stateText(job) {
  if (job.note) return job.note;
  if (job.state === "running") return t("job.running", { share: percent(job.progress ?? 0) });
  if (job.state === "queued" && job.position) return t("job.place", { count: job.position });
  if (job.state === "failed") return known(`problem.${job.error?.kind}`, job.error?.message ?? t("job.failed"));
  return job.state === "done" ? "" : t(`job.${job.state}`);
}

async function current(stage) {
  const first = () => jobs.list.find((one) => one.state === "done");
  const job = fetching ? null : jobs.find(wanted) ?? first();
  const done = job?.state === "done";
  const early = job?.piece && !done && !job.unknown; // the catalogue knows something of it
  if (!done && !early) {
    close();
    stage.waiting = null;
  }
  if (!job) return fill(stage, h("h1", { class: "unseen" }, t("view.listen")));
  if (piece?.job === job && stage.contains(piece.element) && (piece.complete || !done)) {
    if (job.file) piece.load(job.file);
    return undefined;
  }
  if (!done && !early) return job.state === "failed" ? failed(stage, job) : unfinished(stage, job);
  if (stage.waiting?.job === job && stage.waiting.done === done) return undefined;
  const turn = { job, done };
  stage.waiting = turn;
  if (early) unfinished(stage, job);
  return attempt(stage, async () => {
    const [read, words] = await Promise.all([found(job), api.words()]);
    if (stage.waiting !== turn || !stage.isConnected) return;
    if (!read) job.unknown = true;
    else if (!piece?.completed(job, read[0])) {
      close();
      piece = new Piece(job, words, ...read);
      fill(stage, piece.element);
      player.dispatchEvent(new Event("track"));
    }
  }).finally(() => {
    if (stage.waiting !== turn) return;
    stage.waiting = null;
    if (job.unknown && !done) current(stage);
  });
}

function close() {
  piece?.leave();
  piece = null;
}

// Before the emotion is known the waveform is shown, and fills up with the progress.
function unfinished(stage, job) {
  let shown = stage.firstChild;
  if (shown?.job !== job) {
    const wave = new Waveform();
    wave.say(job.file ? t("wave.loading") : "");
    shown = Object.assign(h("article", { class: "piece" },
      h("header", { class: "heading" }, h("div", {}, h("h1", {}, labelOf(job)),
        h("p", { class: "lead" }, t("job.wait")))),
      h("div", { class: "timeline" }, wave.element)), { job, wave });
    fill(stage, shown);
    if (job.file) wave.load(job.file, (share) => (share <= job.progress ? "valence" : "line"));
  }
  shown.wave.canvas.invalidate();
}

function failed(stage, job) {
  fill(stage, h("article", { class: "piece" },
    h("header", { class: "heading" }, h("h1", {}, labelOf(job))),
    trouble(job.error ?? { message: t("job.failed") }),
    h("div", { class: "row" }, job.file && button(t("job.retry"), () => jobs.retry(job)),
      button(t("listen.dismiss"), () => forget(job)))));
}
