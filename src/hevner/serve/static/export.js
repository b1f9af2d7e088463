// Files to download.

import { h } from "./dom.js";

export function save(name, type, content) {
  const address = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  const link = h("a", { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

// The timeline of an analysis as CSV, one moment per row; empty where the music is silent.
export function table(analysis) {
  const columns = ["value", "low", "high"];
  const names = ["valence", "arousal"].flatMap((axis) =>
    columns.map((column) => (column === "value" ? axis : `${axis}_${column}`)));
  const rows = analysis.timeline.map((moment) => [
    moment.start, moment.end,
    ...["valence", "arousal"].flatMap((axis) => columns.map((column) => moment[axis]?.[column] ?? "")),
  ]);
  return [["start", "end", ...names], ...rows].map((row) => row.join(",")).join("\n") + "\n";
}
