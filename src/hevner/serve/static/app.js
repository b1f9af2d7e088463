// Entry point of the page: text, theme, views by the address behind the "#", and shared parts.

import * as api from "./api.js";
import * as bar from "./bar.js";
import * as compare from "./compare.js";
import { button, field, fill, h } from "./dom.js";
import * as find from "./find.js";
import { jobs } from "./jobs.js";
import * as library from "./library.js";
import * as listen from "./listen.js";
import * as rate from "./rate.js";
import * as strings from "./strings.js";
import * as theme from "./theme.js";
import * as understand from "./understand.js";

const { t } = strings;
const VIEWS = { listen, library, find, compare, rate, understand };
const main = document.getElementById("main");
let leave = null;
let shown = "";

await strings.load();
theme.start();
frame();
bar.start(document.getElementById("bar"));
api.tokenFrom(askForToken);
connection();
drops();
addEventListener("hashchange", () => show(true));
show(false);
restore();

function frame() {
  fill(document.getElementById("skip"), t("skip"));
  document.getElementById("skip").addEventListener("click", (event) => {
    event.preventDefault();
    main.focus();
  });
  const views = document.getElementById("views");
  views.setAttribute("aria-label", t("views"));
  fill(views, Object.keys(VIEWS).map((name) => h("a", { href: `#${name}` }, t(`view.${name}`))));
  fill(document.getElementById("tools"), languageChoice(), theme.toggle());
}

function languageChoice() {
  const options = strings.languages.map(([code, name]) =>
    h("option", { value: code, lang: code, selected: code === strings.language }, name));
  const choice = h("select", {
    class: "quiet", "aria-label": t("language"),
    onchange: () => {
      const unsent = jobs.list.some(({ state }) => ["sending", "waiting"].includes(state));
      if (!unsent || confirm(t("language.unsent"))) strings.speak(choice.value);
      else choice.value = strings.language;
    },
  }, options);
  return choice;
}

function show(moved) {
  const [name, ...rest] = location.hash.slice(1).split("/").map(decodeURIComponent);
  const view = VIEWS[name] ? name : "listen";
  for (const link of document.querySelectorAll("#views a")) {
    if (link.hash === `#${view}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = t("title", { view: t(`view.${view}`) });
  leave?.();
  leave = VIEWS[view].open(main, rest) ?? null;
  if (moved && shown !== view) {
    scrollTo(0, 0);
    main.focus({ preventScroll: true });
  }
  shown = view;
}

// Jobs from before this page was opened; requested again when the service is back.
function restore() {
  jobs.restore().catch((problem) => {
    if (problem.kind !== "offline") throw problem;
    api.connection.addEventListener("back", restore, { once: true });
  });
}

function connection() {
  const notice = document.getElementById("notice");
  api.connection.addEventListener("lost", () => {
    fill(notice, t("offline.notice"));
    notice.hidden = false;
  });
  api.connection.addEventListener("back", () => {
    notice.hidden = true;
  });
}

// Files may be dropped anywhere, in any view.
function drops() {
  let depth = 0;
  const carries = (event) => event.dataTransfer?.types.includes("Files");
  const mark = (change) => {
    depth = Math.max(0, depth + change);
    document.body.classList.toggle("dropping", depth > 0);
  };
  addEventListener("dragenter", (event) => carries(event) && mark(1));
  addEventListener("dragleave", (event) => carries(event) && mark(-1));
  addEventListener("dragover", (event) => carries(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    mark(-depth);
    listen.take(event.dataTransfer.files);
  });
}

let asking = null;

function askForToken(refused) {
  asking ??= new Promise((answer) => {
    const dialog = document.getElementById("token");
    const [label, input] = field(t(refused ? "token.refused" : "token.label"), "token-field", {
      type: "password", required: true,
    });
    const form = h("form", {
      method: "dialog",
      onsubmit: () => {
        asking = null;
        answer(input.value.trim());
      },
    }, label, input,
    h("p", { class: "aside" }, t("token.text")),
    button(t("token.use"), () => {}, { type: "submit", class: "primary" }));
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    fill(dialog, form);
    dialog.showModal();
  });
  return asking;
}
