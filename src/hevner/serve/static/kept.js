// Values that the browser keeps for this page, as JSON.

// Undefined if there is none, if it is damaged, or if the browser keeps nothing.
export function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? undefined;
  } catch {
    return undefined;
  }
}

// Whether there was room.
export function write(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}
