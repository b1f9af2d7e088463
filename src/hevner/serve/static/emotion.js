// Numbers and names in readable form: times, points on the plane, chords, quadrants.

import { known, number, t } from "./strings.js";

export const UNFAMILIAR = 0.05; // as hevner.output.summary
const AT_THE_EDGE = 0.2;
const SURE = 0.85; // as hevner.result
const SHORT = { maj: "", min: "m", min7: "m7", sus4: "sus", hdim7: "m7b5" };

export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = String(whole % 60).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

// A time with tenths of a second.
export function tenths(seconds) {
  const whole = Math.round(seconds * 10);
  return clock(Math.floor(whole / 10)) + number((whole % 10) / 10, { minimumFractionDigits: 1 }).slice(1);
}

export function signed(value) {
  return decimal(value, "exceptZero");
}

// A number with two places.
export function decimal(value, signDisplay = "negative") {
  return number(value, { signDisplay, minimumFractionDigits: 2, maximumFractionDigits: 2 });
}

export function percent(share) {
  return `${Math.round(share * 100)} %`;
}

export function quadrant(valence, arousal) {
  if (valence >= 0) return arousal >= 0 ? "q1" : "q4";
  return arousal >= 0 ? "q2" : "q3";
}

export function chordName(label) {
  if (label === "N" || label === "X") return t("chord.none");
  const [root, quality = "maj"] = label.split(":");
  return withSigns(known(`root.${root}`, root) + (SHORT[quality] ?? quality));
}

export function isMinor(label) {
  return /:(min|dim|hdim)/.test(label);
}

export function keyName(key, mode) {
  if (!key) return t("key.none");
  const name = known(`key.${key}`, withSigns(key));
  return mode && mode !== "ionian" ? `${name} (${known(`mode.${mode}`, mode)})` : name;
}

function withSigns(name) {
  return name.replace("#", "♯").replace(/(?<=^[A-G])b/, "♭");
}

// A felt emotion, as the factors of GEMS are called.
export function moodName(name) {
  return known(`mood.${name}`, name);
}

// What it feels like, in a few words.
export function moodText(name) {
  return known(`mood.${name}.text`, "");
}

// The felt emotion that a scale of a study asks for; null for other scales.
export function moodOf(label) {
  return label.startsWith("mood_") ? label.slice("mood_".length).replaceAll("_", " ") : null;
}

// What a scale of a study is called.
export function scaleName(label) {
  const mood = moodOf(label);
  if (!mood) return known(`rate.label.${label}`, label);
  const name = moodName(mood);
  return name[0].toUpperCase() + name.slice(1);
}

export function familiarity(share) {
  if (share === null || share === undefined) return null;
  if (share < UNFAMILIAR) return { text: t("familiarity.low"), warning: true };
  if (share < AT_THE_EDGE) return { text: t("familiarity.edge"), warning: false };
  return { text: t("familiarity.high"), warning: false };
}

// A valence or an arousal in words, for screen readers.
export function spoken(valence, arousal) {
  return t("spoken", { valence: signed(valence), arousal: signed(arousal) });
}

// A word for a piece with its degree; one that is not sure is "perhaps" so.
export function saidWord({ word, degree, probability }) {
  const words = `${degree} ${word}`.trim();
  return probability < SURE ? t("express.perhaps", { words }) : words;
}

export function titleOf(name) {
  return name.split("/").pop().replace(/\.[a-z0-9]{2,4}$/i, "").replaceAll("_", " ");
}

// Artist and title of a piece of a catalogue, or else the name of its file.
export function labelOf({ artist, title, name }) {
  return artist && title ? `${artist} – ${title}` : titleOf(name);
}
