// The player: one audio element, a queue, and events with its position.
//
// A track is {id, title, address: () => Promise<string>, start, end, duration}. Events: "track" when
// another one is loaded, "state" when it starts or stops, "time" once a frame while it plays and
// after a jump, "trouble" when it cannot be played.

const BACK_TO_START = 3; // seconds into a track from which "previous" starts it again

class Player extends EventTarget {
  #audio = new Audio();
  #frame = 0;
  #loading = 0;
  queue = [];
  index = -1;

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
    this.#audio.addEventListener("error", () => {
      if (this.#audio.getAttribute("src")) this.#emit("trouble");
    });
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

  get playing() {
    return !this.#audio.paused;
  }

  async load(queue, index = 0, { play = true } = {}) {
    this.queue = queue;
    this.index = index;
    const { track } = this;
    const turn = ++this.#loading;
    this.#audio.pause();
    this.#emit("track");
    const address = await track.address().catch(() => null); // the service is away
    if (turn !== this.#loading) return; // another track was chosen meanwhile
    if (!address) return void this.#emit("trouble");
    this.#audio.src = address;
    if (track.start) this.#audio.currentTime = track.start;
    if (play) await this.play();
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
    try {
      await this.#audio.play();
    } catch (error) {
      // A new track takes the place of this one, or the browser waits for a gesture.
      if (error.name !== "AbortError" && error.name !== "NotAllowedError") this.#emit("trouble");
    }
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
    this.#emit("track");
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
