// What is looked at in the library: kept while the page is open, so that the view is as it was left,
// and said in the address, as "#library/albums/sort=-year/text=bach", so that it is there again after a
// reload, on the way back, and for whoever is sent the address.

import { GROUP_ORDERS, ORDERS } from "./library-columns.js";
import { filtersIn } from "./library-filters.js";

export const TABS = ["pieces", "artists", "albums", "queue", "lists"];
export const GROUPS = { artists: "artist", albums: "album" };
const FIRST = { pieces: "artist", artists: "label", albums: "label" }; // orders that the address need not say
const LONGEST = 5000; // characters of an address that is read
const REST = 150; // milliseconds after the last change; browsers refuse too many changes of an address
let timer = 0;

export const state = { sort: Object.fromEntries(Object.entries(FIRST).map(([tab, name]) => [tab, { name, descending: false }])) };
read([]);

// The orders that a tab offers.
export function orders(tab) {
  if (!GROUPS[tab]) return ORDERS;
  return GROUP_ORDERS.filter((name) => tab === "albums" || !["owner", "year"].includes(name));
}

// Takes what an address says; the rest, and what makes no sense, is as in the plain library.
export function read([tab, ...parts]) {
  const sane = TABS.includes(tab) && parts.join("/").length <= LONGEST;
  const said = new Map((sane ? parts : []).map((part) => part.split(/=(.*)/s)));
  const by = Object.values(GROUPS).find((name) => said.has(name));
  const [valence, arousal, radius] = (said.get("region") ?? "").split(",").map(Number);
  Object.assign(state, {
    tab: sane ? tab : "pieces", text: said.get("text") ?? "", filters: filtersIn(said),
    region: Math.hypot(valence, arousal) < 2 && radius > 0 && radius < 3 ? { valence, arousal, radius } : null, // else all are in it
    group: by ? { by, label: said.get(by) ?? "", owner: said.get("owner") ?? "" } : null, list: said.get("list") ?? "",
  });
  const [, minus, name] = /^(-?)(.*)/.exec(said.get("sort") ?? "");
  const known = orders(state.tab).includes(name);
  if (FIRST[state.tab]) state.sort[state.tab] = { name: known ? name : FIRST[state.tab], descending: known && minus === "-" };
}

export function address() {
  const { tab, text, filters, region, group, list, sort } = state;
  const { name, descending } = sort[tab] ?? {};
  const said = {
    text, ...filters, region: region && [region.valence, region.arousal, region.radius].join(), list,
    ...(group && { [group.by]: group.label }), owner: group?.by === "album" && group.owner,
    sort: (descending || name !== FIRST[tab]) && `${descending ? "-" : ""}${name}`,
  };
  const parts = Object.entries(said).filter(([key, value]) => value || value === 0 || key === group?.by);
  return ["#library", tab, ...parts.map(([key, value]) => `${key}=${encodeURIComponent(String(value).toWellFormed())}`)].join("/");
}

// Says it in the address in the place of what that said before, once whoever types or draws rests; not in
// the place of what "back" or another view has brought meanwhile.
export function tell() {
  const before = location.hash;
  clearTimeout(timer);
  if (before.startsWith("#library")) timer = setTimeout(() => location.hash === before && history.replaceState(null, "", address()), REST);
}

// Changes it to what the button "back" of the browser leads back from.
export function step(change) {
  history.replaceState(null, "", address());
  Object.assign(state, change);
  if (location.hash !== address()) history.pushState(null, "", address());
}
