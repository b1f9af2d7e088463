// The service over HTTP. Paths are relative to the page, so that it may live below any prefix.
//
// Words are those of the page's language (`vocabulary.js`), also in what is asked.
//
// Errors are a `Problem`: `kind`, `message` and `remedy` as the service returned them, or the kind
// "offline" if it did not answer.

import * as vocabulary from "./vocabulary.js";

const BASE = new URL("../api/v1/", import.meta.url);
const KEPT = "hevner.token";

export const connection = new EventTarget(); // "lost", "back", "token"
let lost = false;
let askForToken = null;
let token = keptToken(); // where the browser keeps nothing, until the page is loaded anew

export class Problem extends Error {
  constructor({ kind, message, remedy = "", word = null, suggestions = [] }, status = 0, wait = 0) {
    super(message);
    Object.assign(this, { kind, remedy, word, suggestions: word ? vocabulary.meant(word, suggestions) : [], status, wait });
  }
}

function keptToken() {
  try {
    return sessionStorage.getItem(KEPT);
  } catch {
    return null;
  }
}

function keep(given) {
  token = given;
  try {
    sessionStorage.setItem(KEPT, given);
  } catch {
    // It is in this page.
  }
}

// `ask` returns a promise of a token; it is called when the service needs one.
export function tokenFrom(ask) {
  askForToken = ask;
}

export async function ask(path, { method = "GET", body, json, signal, keepalive } = {}) {
  const answer = await request(path, {
    method,
    signal,
    keepalive,
    headers: json === undefined ? {} : { "Content-Type": "application/json" },
    body: json === undefined ? body : JSON.stringify(json),
  });
  return answer.status === 204 ? null : answer.json();
}

export async function blob(path) {
  return (await request(path, {})).blob();
}

async function request(path, options) {
  const before = token;
  const answer = await reach(path, options);
  if (answer.status === 401 && askForToken) {
    // Of requests sent together, a refusal may come after the answer to an earlier one's question.
    if (token === before) keep(await askForToken(Boolean(before)));
    return request(path, options);
  }
  if (!answer.ok) throw await problem(answer);
  return answer;
}

async function reach(path, options) {
  const headers = { ...options.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  try {
    const answer = await fetch(new URL(path, BASE), { ...options, headers });
    note(true);
    return answer;
  } catch (error) {
    if (error.name === "AbortError") throw error;
    note(false);
    throw new Problem({ kind: "offline", message: error.message });
  }
}

async function problem(answer) {
  const wait = Number(answer.headers.get("Retry-After")) || 0;
  const body = await answer.json().catch(() => null);
  const error = body?.error ?? { kind: "http", message: `${answer.status} ${answer.statusText}` };
  return new Problem(error, answer.status, wait);
}

// Notes whether the service has answered.
function note(answered) {
  if (lost === !answered) return;
  lost = !answered;
  connection.dispatchEvent(new Event(lost ? "lost" : "back"));
  if (lost) knock();
}

async function knock() {
  while (lost) {
    await new Promise((done) => setTimeout(done, 1000));
    await ask("health").catch(() => null); // still away: `note` is called when it is not
  }
}

// The messages of a job as they arrive, until the service ends them.
export async function* events(id, signal) {
  const answer = await request(`analyses/${id}/events`, { signal });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value.replaceAll("\r", "");
    const parts = text.split("\n\n");
    text = parts.pop();
    for (const part of parts) {
      const data = part.split("\n").filter((line) => line.startsWith("data:"));
      if (data.length) yield JSON.parse(data.map((line) => line.slice(5)).join("\n"));
    }
  }
}

export function upload(file, name = file.name) {
  const body = new FormData();
  body.append("file", file, name);
  return ask("analyses", { method: "POST", body });
}

export const jobs = async () => (await ask("analyses")).analyses;
export const job = (id) => ask(`analyses/${id}`);
export const result = (id) => ask(`analyses/${id}/result`);
export const forget = (id) => ask(`analyses/${id}`, { method: "DELETE" });
export const expressed = async (id) => vocabulary.translated((await ask(`analyses/${id}/emotions`)).words);
export const moments = (id) => ask(`analyses/${id}/moments`);
export const plot = (id, ending) => blob(`analyses/${id}/plot.${ending}`);

// Live listening: a stream of samples, its next part, its end, also when the page is closed.
export const listen = (rate) => ask(`live?rate=${rate}`, { method: "POST" });
export const sound = (id, body, signal) => ask(`live/${id}`, { method: "POST", body, signal });
export const hush = (id) => ask(`live/${id}`, { method: "DELETE", keepalive: true });

export const catalog = () => ask("catalog");
export const points = async () => (await ask("catalog/pieces?points=true")).points;
export const listing = (page) => ask(`catalog/listing?page=${page}`);
export const pieces = async (limit) => (await ask(`catalog/pieces?limit=${limit}`)).pieces;
export const curve = async (id) => (await ask(`catalog/pieces/${id}/curve`)).moments;
export const emotions = async (id) => vocabulary.translated((await ask(`catalog/pieces/${id}/emotions`)).words);
export const search = (query, signal) => ask("catalog/search", { method: "POST", json: inWords(query), signal });
export const playlist = (query) => ask("catalog/playlist", { method: "POST", json: inWords(query) });
export const study = () => ask("study");
export const rater = (name) => ask(`raters/${encodeURIComponent(name)}`);
export const rate = (name, rating) => ask(`raters/${encodeURIComponent(name)}`, { method: "POST", json: rating });
export const ratings = () => ask("ratings");
export const piece = (id) => ask(`catalog/pieces/${id}`);
export const addressOf = (path) => new URL(path, BASE).href;
export const analysis = (id) => ask(`catalog/pieces/${id}/analysis`);
export const audioBlob = (id) => blob(`catalog/pieces/${id}/audio`);

// An address that an audio element can play: such an element sends no token, so a service with a
// token signs addresses. Hits contain theirs; those of other pieces are requested.
export async function audio({ id, audio: known }) {
  const address = known ?? (await ask(`catalog/pieces/${id}`)).audio;
  return new URL(address, BASE).href;
}

// Why the browser cannot play an address: what the service says of it, null if it sends it.
export async function mute(address) {
  if (address.startsWith("blob:")) return null;
  try {
    await request(address, { headers: { Range: "bytes=0-0" } });
    return null;
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    return problem;
  }
}

// The address of the picture of a piece, which a service with a token signs.
export async function cover(id) {
  const path = `catalog/pieces/${id}`;
  return new URL(token ? (await ask(path)).cover : `${path}/cover`, BASE).href;
}

// The address of the picture of a hit that has one.
export const picture = ({ cover }) => new URL(cover, BASE).href;

// A query with its words as the service knows them.
function inWords(query) {
  const { words, unwanted, from, to } = query;
  const said = (text) => (typeof text === "string" ? text.split(",").map(vocabulary.asked).join(", ") : text);
  return { ...query, words: words?.map(said), unwanted: unwanted?.map(said), from: said(from), to: said(to) };
}

const once = new Map();
const kept = (path) => {
  if (!once.has(path)) {
    const request = ask(path);
    request.catch(() => once.delete(path));
    once.set(path, request);
  }
  return once.get(path);
};
export const words = async () => (await kept("words")).words.map((one) => ({ ...one, name: one.word, word: vocabulary.word(one.word) }));
export const models = async () => (await kept("models")).models;
export const gap = async () => (await kept("models")).gap;
export const model = (name) => kept(`models/${name}`);
