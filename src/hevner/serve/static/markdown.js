// The Markdown of model cards as elements: headings, paragraphs, lists, tables, bold, italics, code
// and links. Nothing is ever parsed as HTML.

import { h } from "./dom.js";

const INLINE = /\*\*(.+?)\*\*|\*(.+?)\*|`(.+?)`|\[(.+?)\]\((.+?)\)/g;

export function blocks(text) {
  return text.replaceAll("\r", "").split(/\n{2,}/).flatMap((block) => {
    const lines = block.split("\n").filter(Boolean);
    const heading = lines[0]?.startsWith("#") ? [title(lines.shift())] : [];
    return [...heading, ...body(lines)];
  });
}

function title(line) {
  return h("h3", {}, inline(line.replace(/^#+\s*/, "")));
}

function body(lines) {
  if (!lines.length) return [];
  if (lines[0].startsWith("|")) return [grid(lines)];
  const first = lines.findIndex((line) => line.startsWith("- "));
  if (first < 0) return [h("p", {}, inline(lines.join(" ")))];
  const before = first > 0 ? [h("p", {}, inline(lines.slice(0, first).join(" ")))] : [];
  const items = lines.slice(first).join("\n").split(/^- /m).filter(Boolean);
  return [...before, h("ul", {}, items.map((item) => h("li", {}, inline(item.replace(/\s*\n\s*/g, " ")))))];
}

function grid(lines) {
  const cells = (line) => line.replace(/^\||\|\s*$/g, "").split("|").map((cell) => cell.trim());
  const [head, , ...rows] = lines.map(cells);
  return h("div", { class: "scroll", tabindex: 0 }, h("table", {},
    h("thead", {}, h("tr", {}, head.map((cell) => h("th", { scope: "col" }, inline(cell))))),
    h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell) => h("td", {}, inline(cell))))))));
}

// A link becomes its text: cards link to files of the source code, which the page does not have.
function inline(text) {
  const found = [];
  let at = 0;
  for (const match of text.matchAll(INLINE)) {
    const [whole, bold, italic, code, link] = match;
    found.push(text.slice(at, match.index));
    if (bold) found.push(h("strong", {}, bold));
    else if (italic) found.push(h("em", {}, italic));
    else if (code) found.push(h("code", {}, code));
    else found.push(link);
    at = match.index + whole.length;
  }
  return [...found, text.slice(at)];
}
