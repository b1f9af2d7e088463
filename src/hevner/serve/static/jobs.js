// Files and their state in the service: sent, queued, analysed, done or failed.
//
// A job is {id, name, state, progress, error, file, note}. States of the service are "queued",
// "running", "done", "failed" and "cancelled"; before that a file is "sending", or "waiting" while
// the service is full or not reachable. No chosen file is lost while the page is open.

import * as api from "./api.js";
import { t } from "./strings.js";

const AT_ONCE = 2;
const PATIENCE = 5; // seconds to wait where the service does not say how long
const FINAL = ["done", "failed", "cancelled"];

class Jobs extends EventTarget {
  list = [];
  restored = false; // whether it is known which ones the service has
  #told = null;
  ready = new Promise((told) => (this.#told = told)); // that it is
  #sending = 0;
  #made = 0;

  find(id) {
    return this.list.find((job) => job.id === id || job.before === id);
  }

  // Jobs that the service has kept from earlier.
  async restore() {
    const record = await api.jobs().finally(() => {
      this.restored = true;
      this.#told();
      this.#emit();
    });
    for (const one of record) {
      if (this.find(one.id)) continue;
      const job = { ...one };
      this.list.push(job);
      if (!FINAL.includes(job.state)) this.#follow(job);
    }
    this.#emit();
  }

  // Jobs of these files. A file that was analysed before is not sent again.
  add(files) {
    const found = [...files].map((file) => this.#known(file) ?? this.#new(file));
    this.list.unshift(...found.filter((job) => !this.list.includes(job)));
    this.#emit();
    this.#send();
    return found;
  }

  #known(file) {
    const same = this.list.find((job) =>
      job.name === file.name && job.bytes === file.size && ["done", "queued", "running"].includes(job.state));
    return same && Object.assign(same, { file });
  }

  #new(file) {
    const turn = ++this.#made;
    return { id: `new-${turn}`, turn, name: file.name, state: "sending", progress: 0, error: null, file };
  }

  async remove(job) {
    job.removed = true;
    this.list = this.list.filter((other) => other !== job);
    this.#emit();
    if (!job.id.startsWith("new-")) await this.#forget(job.id);
  }

  // Again when the service is back, so that what was removed meanwhile does not return.
  async #forget(id) {
    await api.forget(id).catch((problem) => {
      if (problem.kind === "offline") api.connection.addEventListener("back", () => this.#forget(id), { once: true });
    });
  }

  retry(job) {
    Object.assign(job, { turn: ++this.#made, state: "sending", error: null, progress: 0, claimed: false });
    this.#emit();
    this.#send();
  }

  // In the order in which they were chosen: the first one is the one that is shown.
  #send() {
    while (this.#sending < AT_ONCE) {
      const job = this.list.filter((one) => one.state === "sending" && !one.claimed).toSorted((a, b) => a.turn - b.turn)[0];
      if (!job) return;
      job.claimed = true;
      this.#sending += 1;
      this.#handOver(job).finally(() => {
        this.#sending -= 1;
        this.#send();
      });
    }
  }

  async #handOver(job) {
    while (!job.removed) {
      try {
        const record = await api.upload(job.file, job.name);
        if (job.removed) return void api.forget(record.id);
        // The service may have listed it already, when the page asked for what it has kept.
        this.list = this.list.filter((one) => one.id !== record.id);
        this.#update(job, { ...record, before: job.id, note: "" });
        this.#follow(job);
        return;
      } catch (problem) {
        if (!(problem instanceof api.Problem)) throw problem;
        if (!passes(problem)) {
          this.#update(job, { state: "failed", error: problem });
          return;
        }
        const note = problem.kind === "offline" ? t("job.offline") : t("job.full");
        this.#update(job, { state: "waiting", note });
        await later(problem);
      }
    }
  }

  async #follow(job) {
    while (!job.removed && !FINAL.includes(job.state)) {
      try {
        for await (const record of api.events(job.id)) this.#update(job, { ...record, note: "" });
        if (!FINAL.includes(job.state)) this.#update(job, await api.job(job.id));
      } catch (problem) {
        if (problem.status === 404) return this.#gone(job);
        this.#update(job, { note: t("job.offline") });
        await later(problem);
      }
    }
  }

  #gone(job) {
    if (job.file) return this.retry(job); // the service forgot it, the page did not
    const error = { message: t("job.gone"), remedy: t("job.gone.remedy") };
    return this.#update(job, { state: "failed", error });
  }

  #update(job, record) {
    Object.assign(job, record);
    this.#emit();
  }

  #emit() {
    this.dispatchEvent(new Event("change"));
  }
}

function passes(problem) {
  return problem.kind === "offline" || problem.status === 429 || problem.status === 503;
}

function later(problem) {
  return new Promise((done) => {
    if (problem.kind === "offline") api.connection.addEventListener("back", done, { once: true });
    else setTimeout(done, 1000 * (problem.wait || PATIENCE));
  });
}

export const jobs = new Jobs();

// Opens a piece of the catalogue.
export async function openPiece(piece) {
  await jobOf(piece.id, piece);
  location.hash = `#listen/piece/${piece.id}`;
}

const opening = new Map(); // pieces of the catalogue whose files are on their way

// The job of a piece of the catalogue: its file is analysed for what the catalogue does not keep.
// `about` is the piece, if it is known.
export function jobOf(id, about = null) {
  if (!opening.has(id)) opening.set(id, fetched(id, about).finally(() => opening.delete(id)));
  return opening.get(id);
}

async function fetched(id, about) {
  await jobs.ready; // it may have been analysed before the page was loaded anew
  const before = jobs.list.find((job) => job.piece === id);
  if (before) return before;
  const [{ name, artist, title }, sound] = await Promise.all([about ?? api.piece(id), api.audioBlob(id)]);
  const [job] = jobs.add([new File([sound], name.split("/").pop(), { type: sound.type })]);
  return Object.assign(job, { piece: id, artist, title });
}

const results = new Map(); // of the jobs that were looked at; an analysis does not change

export async function analysisOf(id) {
  if (!results.has(id)) results.set(id, await api.result(id));
  return results.get(id);
}
