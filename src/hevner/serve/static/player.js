// The player: one audio element, a queue, and events with its position.
//
// A track is {id, name, title, address: () => Promise<string>, start, end, duration}; only pieces of the
// catalogue have a name. Events: "track" when another one is loaded, "state" when it starts or stops, "time"
// once a frame while it plays and after a jump, "seek" when somebody jumps, "trouble" when it cannot be
// played: then `failed` is true, and playing it again tries it anew.

const BACK_TO_START = 3; // seconds into a track from which "previous" starts it again

class Player extends EventTarget {
  #audio = new Audio();
  #frame = 0;
  #loading = 0;
  queue = [];
  index = -1;
  failed = false;
  problem = null; // why it has no address, if that is known

  constructor() {
    super();
    this.#audio.preload = "auto";
    for (const name of ["play", "pause"]) {
      this.#audio.addEventListener(name, () => this.#changed());
    }
    for (const name of ["seeked", "loadedmetadata"]) {
      this.#audio.addEventListener(name, () => this.#emit("time"));
    }
    this.#audio.addEventListener("ended", () => this.#ended());
    this.#audio.addEventListener("error", () => this.#audio.getAttribute("src") && this.#trouble());
  }

  get track() {
    return this.queue[this.index] ?? null;
  }

  get time() {
    return this.#audio.currentTime;
  }

  get duration() {
    const seconds = this.#audio.duration;
    return Number.isFinite(seconds) ? seconds : this.track?.duration ?? 0;
  }

  // A browser may take what it cannot play for what plays.
  get playing() {
    return !this.#audio.paused && !this.failed;
  }

  // Address of what is loaded; empty if there is none.
  get address() {
    return this.#audio.getAttribute("src") ?? "";
  }

  async load(queue, index = 0, { play = true, from } = {}) {
    this.queue = queue;
    this.index = index;
    const { track } = this;
    const turn = ++this.#loading;
    this.failed = false;
    this.problem = null;
    this.#audio.pause();
    this.#emit("track");
    const address = await track.address().catch((problem) => {
      if (turn === this.#loading) this.problem = problem; // the service is away, or has no such piece
      return null;
    });
    if (turn !== this.#loading) return; // another track was chosen meanwhile
    if (!address) {
      this.#audio.removeAttribute("src"); // what was loaded before is another piece
      this.#audio.load();
      return void this.#trouble();
    }
    this.#audio.src = address;
    if (from || track.start) this.#audio.currentTime = from || track.start;
    if (play) await this.play();
  }

  // Takes a queue of before: nothing is loaded until it is played.
  restore(queue, index) {
    Object.assign(this, { queue, index });
    this.#emit("track");
  }

  // Puts another queue in the place of this one. The track that is loaded goes on if it is in both;
  // otherwise the one that takes its place is loaded.
  arrange(queue) {
    const { track, index, playing } = this;
    this.queue = queue;
    this.index = queue.indexOf(track);
    if (!queue.length) this.stop();
    else if (this.index >= 0) this.#emit("track");
    else this.load(queue, Math.min(Math.max(index, 0), queue.length - 1), { play: playing });
  }

  async play() {
    if (this.failed || !this.address) return this.load(this.queue, this.index, { from: this.time });
    const { start = 0, end } = this.track ?? {};
    if (end && this.time >= end) this.#audio.currentTime = start; // it was heard to its end
    try {
      await this.#audio.play();
    } catch (error) {
      // A new track takes the place of this one, or the browser waits for a gesture.
      if (error.name !== "AbortError" && error.name !== "NotAllowedError") this.#trouble();
    }
    return undefined;
  }

  pause() {
    this.#audio.pause();
  }

  toggle() {
    if (this.playing) this.pause();
    else if (this.track) this.play();
  }

  seek(seconds) {
    if (!this.track) return;
    this.#audio.currentTime = Math.min(Math.max(seconds, 0), Math.max(this.duration - 0.05, 0));
    this.#emit("seek");
    this.#emit("time");
  }

  next() {
    if (this.index + 1 < this.queue.length) this.load(this.queue, this.index + 1);
  }

  previous() {
    if (this.time > BACK_TO_START || this.index === 0) this.seek(this.track.start ?? 0);
    else this.load(this.queue, this.index - 1);
  }

  stop() {
    this.#loading += 1;
    this.#audio.pause();
    this.#audio.removeAttribute("src");
    this.queue = [];
    this.index = -1;
    this.failed = false;
    this.#emit("track");
  }

  #trouble() {
    if (this.failed) return;
    this.failed = true;
    this.#changed();
    this.#emit("trouble");
  }

  #ended() {
    if (this.index + 1 < this.queue.length) this.next();
    else this.#changed();
  }

  #changed() {
    cancelAnimationFrame(this.#frame);
    this.#emit("state");
    if (this.playing) this.#follow();
  }

  #follow() {
    this.#emit("time");
    const { end } = this.track ?? {};
    if (end && this.time >= end) {
      if (this.index + 1 < this.queue.length) this.next();
      else this.pause();
      return;
    }
    this.#frame = requestAnimationFrame(() => this.playing && this.#follow());
  }

  #emit(name) {
    this.dispatchEvent(new Event(name));
  }
}

export const player = new Player();
