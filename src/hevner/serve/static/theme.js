// Dark and light, and colours for canvases, which cannot name custom properties.

import { button, fill, icon, ICONS } from "./dom.js";
import * as kept from "./kept.js";
import { t } from "./strings.js";

const KEPT = "hevner.theme";
const NAMES = [
  ...["paper", "panel", "ink", "soft", "line", "faint", "valence", "arousal", "tension", "focus"],
  ...["q1", "q2", "q3", "q4", "piece-c", "piece-d"],
];
const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const reduced = matchMedia("(prefers-reduced-motion: reduce)");

export const changes = new EventTarget();
export let colours = {};

export function calm() {
  return reduced.matches;
}

export function start() {
  read();
  prefersDark.addEventListener("change", read);
}

export function toggle() {
  const glyph = () => icon(ICONS[isDark() ? "sun" : "moon"]);
  const made = button(t("theme.toggle"), () => {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    kept.write(KEPT, theme);
    read();
  }, { glyph: isDark() ? "sun" : "moon", class: "quiet round" });
  changes.addEventListener("change", () => fill(made, glyph()));
  return made;
}

function isDark() {
  const { theme } = document.documentElement.dataset;
  return theme ? theme === "dark" : prefersDark.matches;
}

function read() {
  // A custom property comes back as it was written; the colour of an element comes back resolved.
  const probe = document.createElement("i");
  document.body.append(probe);
  colours = Object.fromEntries(
    NAMES.map((name) => {
      probe.style.color = `var(--${name})`;
      return [name, getComputedStyle(probe).color];
    }),
  );
  probe.remove();
  changes.dispatchEvent(new Event("change"));
}
