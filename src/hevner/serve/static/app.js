// Entry point of the page: text, theme, views by the address behind the "#", and shared parts.

import * as api from "./api.js";
import * as bar from "./bar.js";
import { button, field, fill, h } from "./dom.js";
import { jobs } from "./jobs.js";
import * as pieces from "./pieces.js";
import * as queue from "./queue.js";
import * as strings from "./strings.js";
import * as theme from "./theme.js";
import { trouble } from "./trouble.js";

const { t } = strings;
const VIEWS = {
  listen: () => import("./listen.js"),
  library: () => import("./library.js"),
  find: () => import("./find.js"),
  compare: () => import("./compare.js"),
  rate: () => import("./rate.js"),
  understand: () => import("./understand.js"),
};
const LATER = 1000; // milliseconds after the first view
const main = document.getElementById("main");
let leave = null;
let shown = "";
let wanted = 0; // how often a view was asked for

// All that the first view needs is on its way at once.
if (place()[0] === "library") pieces.load().catch(() => {}); // the view asks again
await Promise.all([strings.load(), VIEWS[place()[0]]()]);
theme.start();
frame();
bar.start(document.getElementById("bar"));
api.tokenFrom(askForToken);
queue.start();
connection();
drops();
addEventListener("hashchange", () => show(true));
await show(false);
restore();
setTimeout(fetchViews, LATER);

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

// The view that the address names, and what follows it there.
function place() {
  const [name, ...rest] = location.hash.slice(1).split("/").map(decoded);
  return [Object.hasOwn(VIEWS, name) ? name : "listen", ...rest];
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return ""; // typed by somebody, and no code
  }
}

async function show(moved) {
  const asked = ++wanted;
  const [view, ...rest] = place();
  for (const link of document.querySelectorAll("#views a")) {
    if (link.hash === `#${view}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = t("title", { view: t(`view.${view}`) });
  const module = await VIEWS[view]().catch(() => null);
  if (asked !== wanted) return;
  leave?.();
  leave = module?.open(main, rest) ?? null;
  if (!module) fill(main, trouble({ kind: "offline" }));
  if (moved && shown !== view) scrollTo(0, 0);
  // The focus goes with a view, and may have been in what "back" has replaced.
  if (moved && (shown !== view || document.activeElement === document.body)) main.focus({ preventScroll: true });
  shown = view;
}

// The views that are not shown yet, so that they open at once, also when the service is away.
function fetchViews() {
  for (const view of Object.values(VIEWS)) view().catch(() => {}); // fetched again when it is wanted
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
    const files = [...event.dataTransfer.files];
    VIEWS.listen().then(({ take }) => take(files));
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
