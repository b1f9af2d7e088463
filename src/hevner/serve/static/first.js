// Runs before the first paint; a classic script on purpose, as modules run after the page was drawn.
// A chosen theme does not flash, and what the view needs that the address names is on its way at once,
// not only when the modules before it were read. It reads what kept.js writes.
{
  const PARTS = {
    library: [
      "library", "library-columns", "library-filters", "library-kept", "library-map", "grid", "keep", "lists", "export", "instrument",
    ],
  };
  const LANGUAGES = ["en", "de"]; // as strings.js

  const kept = (key) => {
    try {
      return JSON.parse(localStorage.getItem(key));
    } catch {
      return null; // the browser keeps nothing, or something else
    }
  };
  const token = () => {
    try {
      return sessionStorage.getItem("hevner.token");
    } catch {
      return null;
    }
  };
  const fetched = (kind, href) => {
    const link = Object.assign(document.createElement("link"), { rel: kind, href });
    if (kind === "preload") Object.assign(link, { as: "fetch", crossOrigin: "anonymous" });
    document.head.append(link);
  };

  const theme = kept("hevner.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;

  const tags = [kept("hevner.language"), ...navigator.languages.map((tag) => tag.split("-")[0])];
  const language = tags.find((code) => LANGUAGES.includes(code)) ?? LANGUAGES[0];
  fetched("preload", `static/strings.${language}.json`);
  const [view] = location.hash.slice(1).split("/");
  // What is requested with a token cannot be fetched beforehand.
  if (view === "library" && !token()) fetched("preload", "api/v1/catalog/listing?page=0");
  if (Object.hasOwn(PARTS, view)) for (const part of PARTS[view]) fetched("modulepreload", `static/${part}.js`);
}
