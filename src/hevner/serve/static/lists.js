// Saved lists of pieces, in the storage of this browser. All other modules get and change them here.
//
// A list is {id, name, pieces}; a piece is what `Pieces.kept` gives. Lists never change in place.
// Events of `lists`: "change" after each change, also by another tab.

const KEPT = "hevner.lists";
const DAMAGED = "hevner.lists.damaged"; // what could not be read is put aside, not lost
export const LONGEST = 100; // characters of a name

class Lists extends EventTarget {
  all = [];
  trouble = null; // "damaged", "full" or "closed": a storage that was unreadable, is full, or is not to be had

  constructor() {
    super();
    this.#read();
    addEventListener("storage", ({ key }) => {
      if (key !== KEPT && key !== null) return;
      this.#read();
      this.#changed();
    });
  }

  find(id) {
    return this.all.find((list) => list.id === id) ?? null;
  }

  create(name, pieces = []) {
    const list = { id: crypto.getRandomValues(new Uint32Array(2)).join("-"), name: tidy(name), pieces };
    this.#write([...this.all, list]);
    return list;
  }

  rename(id, name) {
    this.#replace(id, (list) => ({ ...list, name: tidy(name) || list.name }));
  }

  put(id, pieces) {
    this.#replace(id, (list) => ({ ...list, pieces }));
  }

  // Deletes a list; returns what brings it back to where it was.
  remove(id) {
    const index = this.all.findIndex((list) => list.id === id);
    const list = this.all[index];
    this.#write(this.all.filter((one) => one !== list));
    return () => this.#write(this.all.toSpliced(index, 0, list));
  }

  #replace(id, change) {
    this.#write(this.all.map((list) => (list.id === id ? change(list) : list)));
  }

  #read() {
    this.trouble = null;
    const text = attempted(() => localStorage.getItem(KEPT), () => { this.trouble = "closed"; });
    if (text === undefined) return;
    const found = text === null ? { lists: [] } : attempted(() => JSON.parse(text), () => {});
    const some = Array.isArray(found?.lists) ? found.lists : null;
    this.all = (some ?? []).map(listOf).filter(Boolean);
    const pieces = (lists) => lists.reduce((sum, list) => sum + (list?.pieces?.length ?? 0), 0);
    if (some && some.length === this.all.length && pieces(some) === pieces(this.all)) return;
    this.trouble = "damaged";
    attempted(() => localStorage.setItem(DAMAGED, text), () => {});
  }

  // What does not fit into the storage is there until the page is closed.
  #write(all) {
    this.all = all;
    this.trouble = null;
    attempted(() => localStorage.setItem(KEPT, JSON.stringify({ version: 1, lists: all })), (error) => {
      this.trouble = error.name === "SecurityError" ? "closed" : "full";
    });
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

// A list as it should be, of what was kept; null for what is none.
function listOf(list) {
  if (typeof list?.id !== "string" || typeof list.name !== "string" || !Array.isArray(list.pieces)) return null;
  return { id: list.id, name: tidy(list.name), pieces: list.pieces.map(sound).filter(Boolean) };
}

// The same for a piece.
export function sound(piece) {
  if (typeof piece?.id !== "string" || typeof piece.name !== "string") return null;
  const { id, name, title, artist, album, duration } = piece;
  const text = (value) => (typeof value === "string" ? value : null);
  return {
    id, name, title: text(title) ?? name, artist: text(artist), album: text(album),
    duration: Number.isFinite(duration) ? duration : null,
  };
}

function tidy(name) {
  return name.trim().slice(0, LONGEST);
}

// What a call returns; undefined if the storage refuses it or holds no JSON.
function attempted(call, failed) {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof DOMException || error instanceof SyntaxError)) throw error;
    failed(error);
    return undefined;
  }
}

export const lists = new Lists();
