// Files that a browser saves: analyses, results of a search, playlists.

import { h } from "./dom.js";
import { labelOf } from "./emotion.js";

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
