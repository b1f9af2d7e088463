// The columns of the grids of the library: pieces, groups of them, and lists of pieces.

import * as api from "./api.js";
import { button, h } from "./dom.js";
import { clock, keyName, signed } from "./emotion.js";
import { t } from "./strings.js";

const label = (name) => t(`library.column.${name}`);
const number = (values, row, format) => (values[row] === null || values[row] === undefined ? "" : format(values[row]));

// Orders that pieces can be in.
export const ORDERS = ["title", "artist", "album", "year", "duration", "key", "tempo", "valence", "arousal", "tension", "genre", "name"];
export const GROUP_ORDERS = ["label", "owner", "year", "count", "seconds", "valence", "arousal"];

export function ofPieces(pieces) {
  const { columns } = pieces;
  const text = (name) => ({ name, label: label(name), sorts: true, long: true, text: (row) => columns[name][row] ?? "" });
  const figure = (name, format) => ({
    name, label: label(name), sorts: true, class: `${name} figure`, text: (row) => number(columns[name], row, format),
  });
  return [
    play(), text("title"), text("artist"), text("album"), figure("year", String), figure("duration", clock),
    { name: "key", label: label("key"), sorts: true, text: (row) => number(columns.key, row, (key) => keyName(key)) },
    figure("tempo", (tempo) => String(Math.round(tempo))), figure("valence", signed), figure("arousal", signed),
  ];
}

// Of groups by "artist" or "album", as `Pieces.groups` makes them.
export function ofGroups(by, pieces) {
  const unknown = t(`library.unknown.${by}`);
  const figure = (name, format) => ({
    name, label: label(name), sorts: true, class: `${name} figure`, text: (group) => (group[name] === null ? "" : format(group[name])),
  });
  const opens = {
    name: "label", label: label(by), sorts: true, long: true, class: "title",
    make: () => h("button", { type: "button", class: "opens", tabindex: -1 }),
    paint: (cell, group) => {
      cell.firstChild.textContent = group.label || unknown;
      cell.title = group.label;
    },
  };
  const more = [figure("count", String), figure("seconds", clock), figure("valence", signed), figure("arousal", signed)];
  if (by === "artist") return [play(), opens, ...more];
  const owner = { name: "owner", label: label("artist"), sorts: true, long: true, class: "artist", text: (group) => group.owner };
  return [play(), cover(pieces), opens, owner, figure("year", String), ...more];
}

// Of lists whose rows are {row, kept}: the number of a piece, -1 if the catalogue does not have it,
// and what is kept of it. `absent(kept)` is shown for such a piece.
export function ofKept(pieces, absent) {
  const known = (name) => ({ row, kept }) => (row < 0 ? kept[name] : pieces.columns[name][row]) ?? "";
  const text = (name) => ({ name, label: label(name), long: true, text: known(name) });
  const figure = (name, format) => ({
    name, label: label(name), class: `${name} figure`, text: ({ row }) => (row < 0 ? "" : number(pieces.columns[name], row, format)),
  });
  return [
    { name: "grip", label: t("library.grip"), make: grip, paint: () => {} }, play(),
    { ...text("title"), text: (one) => (one.row < 0 ? absent(one.kept) : known("title")(one)) },
    text("artist"), text("album"), figure("duration", clock), figure("valence", signed), figure("arousal", signed),
  ];
}

function play() {
  return {
    name: "play", label: t("player.play"), make: () => button(t("player.play"), null, { glyph: "play", class: "round", tabindex: -1 }),
    paint: () => {}, // `mark` of the bar does
  };
}

function grip() {
  return h("button", { type: "button", class: "grip", tabindex: -1, "aria-hidden": "true", title: t("library.grip") }, "⠿");
}

// The picture of the first piece of a group that has one, once scrolling rests.
function cover(pieces) {
  const covered = (group) => group.rows.find((row) => pieces.columns.cover[row]);
  return {
    name: "cover", label: label("cover"), class: "cover-cell", make: () => h("span", { class: "cover" }),
    paint: (cell, group) => {
      const place = cell.firstChild;
      if (place.group === group) return;
      place.group = group;
      place.replaceChildren((group.label.trim()[0] ?? "").toUpperCase());
    },
    settle: async (cell, group) => {
      const place = cell.firstChild;
      const row = group && covered(group);
      if (row === undefined || place.group !== group || place.asked === group) return;
      place.asked = group;
      const address = await api.cover(pieces.columns.id[row]).catch(() => null); // decoration only
      if (!address || place.group !== group) return;
      const image = h("img", { src: address, alt: "", width: 44, height: 44, onload: () => place.group === group && place.replaceChildren(image) });
    },
  };
}
