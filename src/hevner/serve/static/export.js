// Files that a browser saves: analyses, results of a search, playlists.

import { button, h } from "./dom.js";
import { labelOf } from "./emotion.js";
import { t } from "./strings.js";

const XSPF = "http://xspf.org/ns/0/";
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g; // what XML cannot hold
const FORMULA = /^[=+\-@\t\r]/; // what a spreadsheet would compute
const COLUMNS = ["name", "artist", "title", "album", "start", "end", "duration", "valence", "arousal", "key", "mode", "tempo", "fit"];

export function save(name, type, content) {
  const address = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  const link = h("a", { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

// The timeline of an analysis as CSV, one moment per row; empty where the music is silent.
export function asCsv({ timeline }, axes) {
  const columns = axes.flatMap((axis) => ["value", "low", "high"].map((part) => [axis, part]));
  const head = columns.map(([axis, part]) => (part === "value" ? axis : `${axis}_${part}`));
  return rows([["start", "end", ...head], ...timeline.map(({ start, end, ...moment }) =>
    [start, end, ...columns.map(([axis, part]) => moment[axis]?.[part] ?? "")])]);
}

// Results of a search as CSV, the best first.
export function asTable(hits) {
  return rows([COLUMNS, ...hits.map((hit) => COLUMNS.map((column) => cell(hit[column])))]);
}

// A playlist with the names of files, to be put into the folder of the music.
export function asM3u(hits) {
  const lines = hits.flatMap((hit) =>
    [`#EXTINF:${Math.round(hit.duration)},${line(labelOf(hit))}`, `./${line(hit.name)}`]);
  return ["#EXTM3U", ...lines, ""].join("\n");
}

// The same as XSPF, and as JSPF, which is XSPF in JSON.
export function asXspf(hits) {
  const page = document.implementation.createDocument(XSPF, "playlist");
  page.documentElement.setAttribute("version", "1");
  const add = (to, name, text = "") => {
    const made = page.createElementNS(XSPF, name);
    made.textContent = text;
    return to.appendChild(made);
  };
  const list = add(page.documentElement, "trackList");
  for (const track of hits.map(trackOf)) {
    const made = add(list, "track");
    for (const [name, value] of Object.entries(track)) add(made, name, String(value).replace(CONTROL, " "));
  }
  return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(page)}\n`;
}

export function asJspf(hits) {
  const track = hits.map(trackOf).map((one) => ({ ...one, location: [one.location] }));
  return `${JSON.stringify({ playlist: { track } }, null, 1)}\n`;
}

function trackOf({ name, title, artist, album, duration }) {
  const location = name.split("/").map(encodeURIComponent).join("/");
  const values = { location, title: artist && title ? title : labelOf({ name }), creator: artist, album, duration: Math.round(1000 * duration) };
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value));
}

// Buttons that save some hits; `hits` gives those that are there then.
export function exportsOf(hits) {
  const forms = {
    M3U8: ["audio/mpegurl", asM3u], XSPF: ["application/xspf+xml", asXspf],
    JSPF: ["application/json", asJspf], CSV: ["text/csv", asTable],
  };
  return h("div", { class: "exports", role: "group", "aria-label": t("export"), hidden: true },
    Object.entries(forms).map(([form, [type, write]]) =>
      button(form, () => save(`hevner.${form.toLowerCase()}`, type, write(hits())), { class: "quiet" })));
}

export function rows(all) {
  return all.map((row) => row.join(",")).join("\n") + "\n";
}

// A cell of a table that a spreadsheet computes nothing of.
export function cell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const text = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

// The text of such a cell.
export function plain(text) {
  return text.startsWith("'") && FORMULA.test(text.slice(1)) ? text.slice(1) : text;
}

function line(text) {
  return text.replace(/[\r\n]+/g, " ");
}
