// The bar at the bottom: the piece that plays, its position, and the keys of the keyboard.

import * as api from "./api.js";
import { button, fill, h, relabel } from "./dom.js";
import { clock } from "./emotion.js";
import { player } from "./player.js";
import { t } from "./strings.js";
import { inShort } from "./trouble.js";

const STEP = 5;
const LONG_STEP = 30;

export function start(bar) {
  const play = button(t("player.play"), () => player.toggle(), { glyph: "play", class: "round main" });
  const previous = button(t("player.previous"), () => player.previous(), { glyph: "previous", class: "round quiet" });
  const next = button(t("player.next"), () => player.next(), { glyph: "next", class: "round quiet" });
  const title = h("span", { class: "title" });
  const place = h("span", { class: "place" });
  const seek = h("input", {
    type: "range", min: 0, max: 1, step: "any", value: 0, "aria-label": t("player.seek"),
    oninput: () => player.seek(Number(seek.value)),
  });
  const time = h("span", { class: "time" });
  const close = button(t("player.close"), () => {
    player.stop();
    document.getElementById("main").focus({ preventScroll: true }); // the button is gone
  }, { glyph: "close", class: "round quiet" });
  fill(bar, previous, play, next, h("div", { class: "what" }, title, place), seek, time, close);
  bar.setAttribute("aria-label", t("player"));

  let shown = -1;
  const tick = () => {
    if (Number(seek.max) !== player.duration) seek.max = player.duration || 1;
    const second = Math.floor(player.time * 4);
    if (second === shown) return; // four times a second is enough for a slider
    shown = second;
    seek.value = player.time;
    seek.setAttribute("aria-valuetext", clock(player.time));
    time.textContent = `${clock(player.time)} / ${clock(player.duration)}`;
    seek.style.setProperty("--done", `${(100 * player.time) / (player.duration || 1)}%`);
  };
  player.addEventListener("time", tick);
  const where = () => {
    const parts = { index: player.index + 1, count: player.queue.length };
    place.textContent = parts.count > 1 ? t("player.place", parts) : "";
  };
  player.addEventListener("state", () => {
    if (player.playing) where();
    const glyph = player.playing ? "pause" : "play";
    relabel(play, t(`player.${glyph}`), glyph);
  });
  player.addEventListener("track", () => {
    const { track } = player;
    bar.hidden = !track;
    document.body.classList.toggle("sounding", Boolean(track));
    if (!track) return;
    shown = -1;
    title.textContent = track.title;
    where();
    previous.hidden = next.hidden = player.queue.length < 2;
    next.disabled = player.index + 1 >= player.queue.length;
    tick();
  });
  player.addEventListener("trouble", async () => {
    const { track } = player;
    const problem = player.problem ?? await api.mute(player.address);
    if (player.failed && track === player.track) place.textContent = problem ? inShort(problem) : t("player.trouble");
  });
  document.addEventListener("keydown", keys);
}

// Shows in a row whether its piece is loaded, and whether it plays.
export function mark(row, id, title) {
  const current = player.track?.id === id;
  const playing = current && player.playing;
  row.classList.toggle("current", current);
  row.classList.toggle("playing", playing);
  const play = row.querySelector(".round:not(.quiet)");
  if (play) relabel(play, t(playing ? "player.pause" : "hit.play", { title }), playing ? "pause" : "play");
}

function keys(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !player.track) return;
  if (event.target.closest("input:not([type=range]), textarea, select, [data-keys]")) return;
  const onButton = event.target.closest("button, a, summary, label");
  const step = event.shiftKey ? LONG_STEP : STEP;
  if (event.key === " " && !onButton) player.toggle();
  else if (event.key === "ArrowRight") player.seek(player.time + step);
  else if (event.key === "ArrowLeft") player.seek(player.time - step);
  else return;
  event.preventDefault();
}
