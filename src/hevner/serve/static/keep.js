// Puts pieces into a saved list, and asks for the names of lists.

import { button, field, h } from "./dom.js";
import { titleOf } from "./emotion.js";
import { LONGEST, lists } from "./lists.js";
import { t } from "./strings.js";

// What lists keep of a piece as a search returns it.
export function asKept({ id, name, title, artist, album, duration }) {
  return { id, name, title: title && artist ? title : titleOf(name), artist, album, duration };
}

// Asks to which saved list some pieces go, and puts them there; `done(name)` says so.
export function keepIn(some, done) {
  const into = (list, dialog) => {
    lists.put(list.id, [...list.pieces, ...some]);
    dialog.close();
    done(list.name);
  };
  const dialog = ask(t("library.keep"), "", (name) => {
    lists.create(name, some);
    done(name);
  }, { label: t("library.list.new") });
  dialog.querySelector("form").before(h("ul", { class: "tags" }, lists.all.map((list) =>
    h("li", { class: "tag" }, button(list.name, () => into(list, dialog), { dir: "auto" })))));
}

// A dialog that asks for a name.
export function ask(title, value, answer, { label = t("library.list.name") } = {}) {
  const [caption, input] = field(label, "list-name", { required: true, maxlength: LONGEST, value, pattern: ".*\\S.*" });
  const dialog = h("dialog", { "aria-label": title, onclose: () => dialog.remove() },
    h("h2", {}, title),
    h("form", { onsubmit: (event) => {
      event.preventDefault();
      dialog.close();
      answer(input.value.trim());
    } }, caption, input, h("div", { class: "row" },
      button(t("library.save"), () => {}, { type: "submit", class: "primary" }),
      button(t("library.cancel"), () => dialog.close(), { class: "quiet" }))));
  document.body.append(dialog);
  dialog.showModal();
  input.select();
  return dialog;
}
