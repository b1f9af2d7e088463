// The course of a piece as a small picture: valence and arousal over its parts.

import { drawn, h } from "./dom.js";
import { signed } from "./emotion.js";
import { t } from "./strings.js";

const [WIDTH, HEIGHT, EDGE] = [72, 28, 2];
const LEAST = 0.5; // range of values over the height, so that a flat piece looks flat

// `course` is [valence, arousal], a list of values on -1..1 each; null if it is not known.
export function sparkline(course) {
  if (!course) return h("span", { class: "spark" });
  const label = t("find.spark", {
    valence: course[0].map(signed).join(" "), arousal: course[1].map(signed).join(" "),
  });
  const all = course.flat();
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const middle = (low + high) / 2;
  const range = Math.max(LEAST, high - low);
  const y = (value) => HEIGHT / 2 - ((value - middle) / range) * (HEIGHT - 2 * EDGE);
  const lines = ["valence", "arousal"].map((axis, index) =>
    drawn("path", { d: line(course[index], y), class: axis }));
  return h("span", { class: "spark", title: t("find.spark.title") },
    drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label }, lines));
}

function line(values, y) {
  const step = WIDTH / Math.max(values.length - 1, 1);
  return values.map((value, index) => `${index ? "L" : "M"}${(index * step).toFixed(1)} ${y(value).toFixed(1)}`).join("");
}
