// Notes as files: JAMS 0.3.5, in the namespace "tag_open", and CSV with a header; and back.

import { rows, cell, plain } from "./export.js";

const NAMESPACE = "tag_open";
const COLUMNS = ["start", "end", "text"];

export function asJams(title, duration, notes) {
  const data = notes.map(({ start, end, text }) =>
    ({ time: start, duration: Math.round((end - start) * 1000) / 1000, value: text, confidence: null }));
  return JSON.stringify({
    file_metadata: { title, artist: "", release: "", duration, identifiers: {}, jams_version: "0.3.5" },
    annotations: [{
      namespace: NAMESPACE, annotation_metadata: { annotation_tools: "hevner", data_source: "manual" },
      data, sandbox: {}, time: 0, duration,
    }],
    sandbox: {},
  }, null, 1);
}

export function asNoteTable(notes) {
  return rows([COLUMNS, ...notes.map((note) => COLUMNS.map((column) => cell(note[column])))]);
}

// Notes of a file that one of the above has written, or another program; null if it is neither.
export function notesOf(text) {
  return text.trimStart().startsWith("{") ? ofJams(text) : ofTable(text);
}

function ofJams(text) {
  try {
    const all = JSON.parse(text).annotations.filter((one) => one.namespace === NAMESPACE);
    return all.flatMap(({ data }) => data.map(({ time, duration, value }) => ({ start: time, end: time + duration, text: value })));
  } catch {
    return null;
  }
}

function ofTable(text) {
  const [head, ...lines] = cells(text.replace(/^\uFEFF/, ""));
  const places = COLUMNS.map((column) => head?.indexOf(column));
  if (!head || places.includes(-1)) return null;
  return lines.map((line) => {
    const [start, end, said] = places.map((place) => line[place] ?? "");
    return { start: number(start), end: number(end || start), text: plain(said) };
  });
}

function number(text) {
  return text.trim() === "" ? NaN : Number(text);
}

// Rows of a table with commas, of which cells in quotation marks may have some and line ends too.
function cells(text) {
  const found = [[]];
  for (const [, quoted, bare, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    found.at(-1).push(quoted?.replaceAll('""', '"') ?? bare);
    if (end !== ",") found.push([]);
  }
  return found.filter((row) => row.some((one) => one !== ""));
}
