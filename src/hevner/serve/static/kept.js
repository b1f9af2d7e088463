// Values that the browser keeps for this page, as JSON; where it keeps nothing, or has no room, they
// are there until the page is closed.

const here = new Map();

// What is stored as it stands; null if there is nothing, or the storage is closed.
export function text(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

// Undefined if there is none, or if it is damaged.
export function read(key) {
  if (here.has(key)) return here.get(key);
  try {
    return JSON.parse(text(key)) ?? undefined;
  } catch {
    return undefined;
  }
}

// Whether it stays when the page is closed.
export function write(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
    here.delete(key);
    return true;
  } catch {
    here.set(key, value);
    return false;
  }
}

export function forget(key) {
  here.delete(key);
  if (text(key) !== null) localStorage.removeItem(key);
}
