// Elements in one call. Attributes whose names begin with "on" are listeners; null, undefined and
// false leave an attribute out.

const SVG = "http://www.w3.org/2000/svg";

export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

// The same for a part of a picture.
export function drawn(tag, attributes = {}, children = []) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

export function icon(path) {
  return drawn("svg", { viewBox: "0 0 24 24", "aria-hidden": "true", class: "icon" }, [drawn("path", { d: path })]);
}

export const ICONS = {
  play: "M8 5.5v13l10.5-6.5z",
  pause: "M7 5.5h3.4v13H7zM13.6 5.5H17v13h-3.4z",
  next: "M6 6v12l8.5-6zM16 6h2.2v12H16z",
  previous: "M18 6v12l-8.5-6zM8 6H5.800v12H8z",
  close: "M6.4 5 12 10.6 17.6 5 19 6.4 13.4 12 19 17.6 17.6 19 12 13.4 6.4 19 5 17.6 10.6 12 5 6.400z",
  sun: "M12 7.500a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM11 2h2v3h-2zM11 19h2v3h-2zM2 11h3v2H2zM19 11h3v2h-3zM4.2 5.600l1.4-1.4 2.1 2.1-1.4 1.400zM16.3 17.700l1.4-1.4 2.1 2.1-1.4 1.400zM4.2 18.400l2.1-2.1 1.4 1.4-2.1 2.100zM16.3 6.300l2.1-2.1 1.4 1.4-2.1 2.100z",
  moon: "M20 14.500A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.500z",
};

export function button(label, action, { glyph, ...attributes } = {}) {
  const shown = glyph ? { "aria-label": label, title: label } : {};
  const content = glyph ? icon(ICONS[glyph]) : label;
  return h("button", { type: "button", onclick: action, ...shown, ...attributes }, content);
}

// Changes the glyph of a button.
export function relabel(made, label, glyph) {
  if (made.getAttribute("aria-label") === label) return;
  made.setAttribute("aria-label", label);
  made.title = label;
  made.replaceChildren(icon(ICONS[glyph]));
}

// A table that scrolls by itself; a row is an array of the content of its cells.
export function table(head, rows) {
  return h("div", { class: "scroll", tabindex: 0 }, h("table", {},
    h("thead", {}, h("tr", {}, head.map((cell) => h("th", { scope: "col" }, cell)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell) => h("td", {}, cell)))))));
}

// A term of a list with what is said of it.
export function term(name, ...content) {
  return h("div", {}, h("dt", {}, name), h("dd", {}, ...content));
}

// An interval as a bar with a mark at its value; all three are shares of the bar.
export function range({ value, low, high }) {
  const bar = h("b", { "aria-hidden": "true" }, h("i"), h("u"));
  for (const [name, share] of Object.entries({ low, high, value })) bar.style.setProperty(`--${name}`, share);
  return h("span", { class: "range" }, bar);
}

// An input with its label.
export function field(label, id, attributes) {
  return [h("label", { for: id }, label), h("input", { type: "text", id, autocomplete: "off", ...attributes })];
}

// Puts a view into the page; returns what takes it out again.
export function mount(main, view) {
  fill(main, view.element);
  view.start();
  return () => view.leave();
}

export function fill(element, ...children) {
  element.replaceChildren(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

// Fills an element in which the focus may be: it stays at its place there, or, where nothing is left
// to be focused, goes to `otherwise`.
export function refill(element, otherwise, ...children) {
  const controls = () => [...element.querySelectorAll("a[href], button:not(:disabled), input, select")]
    .filter((one) => one.checkVisibility());
  const held = document.activeElement;
  const index = controls().indexOf(held);
  fill(element, ...children);
  if (index < 0) return element;
  const now = controls();
  (now.includes(held) ? held : now[Math.min(index, now.length - 1)] ?? otherwise).focus();
  return element;
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value == null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}
