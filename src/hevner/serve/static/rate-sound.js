// The sound of a trial: it plays from beginning to end, and notes what was played and, for a
// continuous rating, the answer at each moment.
//
// Moments are `hop` seconds apart by the clock of the audio, so that pauses leave nothing: each has
// the answer in the first frame at or after its time. A change of position from outside, such as by
// media keys, is undone and noted. Events: "state", "time" once a frame, "end", "trouble".

const STEP = 2; // seconds; a longer way between two frames was not played
const JUMP = 0.5; // seconds from which a position is another one

export class TrialSound extends EventTarget {
  #audio = new Audio();
  #at = 0;
  #frame = 0;
  #next = 0;
  #duration;
  moments = [];
  heard = 0;
  pauses = 0;
  seeked = false;

  // `answer()` returns [valence, arousal] or null; `hop` is 0 where nothing is sampled.
  constructor({ address, duration, hop = 0, answer = null }) {
    super();
    this.#duration = duration ?? 0;
    const audio = this.#audio;
    audio.preload = "auto";
    audio.src = address;
    audio.addEventListener("play", () => this.#playing());
    audio.addEventListener("pause", () => this.#paused());
    audio.addEventListener("seeking", () => this.#back());
    audio.addEventListener("ended", () => this.#ended());
    audio.addEventListener("error", () => {
      if (!audio.getAttribute("src")) return;
      this.#emit("state");
      this.#emit("trouble");
    });
    Object.assign(this, { hop, answer, ended: false });
  }

  get address() {
    return this.#audio.src;
  }

  get time() {
    return this.#audio.currentTime;
  }

  get duration() {
    return Number.isFinite(this.#audio.duration) ? this.#audio.duration : this.#duration;
  }

  get playing() {
    return !this.#audio.paused && !this.#audio.error;
  }

  async toggle() {
    if (this.playing) return this.#audio.pause();
    if (this.ended && this.hop) return undefined; // a continuous rating is given once
    if (this.ended) this.#at = 0;
    if (this.#audio.error) {
      this.#audio.load(); // once more, from where it came to
      this.#audio.currentTime = this.#at;
    }
    try {
      await this.#audio.play();
    } catch (error) {
      if (error.name !== "AbortError" && error.name !== "NotAllowedError") this.#emit("trouble");
    }
    return undefined;
  }

  pause() {
    this.#audio.pause();
  }

  stop() {
    cancelAnimationFrame(this.#frame);
    this.#audio.pause();
    this.#audio.removeAttribute("src");
    this.#audio.load();
  }

  #playing() {
    this.ended = false;
    this.#emit("state");
    this.#follow();
  }

  #paused() {
    cancelAnimationFrame(this.#frame);
    if (!this.#audio.ended && this.#audio.getAttribute("src")) this.pauses += 1;
    this.#emit("state");
  }

  #back() {
    if (Math.abs(this.time - this.#at) < JUMP) return;
    this.seeked = true;
    this.#audio.currentTime = this.#at;
  }

  #ended() {
    this.#note();
    this.ended = true;
    this.#emit("end");
  }

  #follow() {
    this.#note();
    this.#frame = requestAnimationFrame(() => this.playing && this.#follow());
  }

  #note() {
    if (this.#audio.seeking) return;
    const { time } = this;
    const step = time - this.#at;
    if (step > 0 && step < STEP) this.heard += step;
    this.#at = time;
    for (; this.hop && this.#next * this.hop <= time; this.#next += 1) {
      const answer = this.answer();
      if (answer) this.moments.push([this.#next * this.hop, ...answer]);
    }
    this.#emit("time");
  }

  #emit(name) {
    this.dispatchEvent(new Event(name));
  }
}
