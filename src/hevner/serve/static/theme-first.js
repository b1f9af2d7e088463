// Runs before the first paint, so that a chosen theme does not flash. A classic script on purpose:
// modules run after the page was drawn. It reads what kept.js writes.
try {
  const chosen = JSON.parse(localStorage.getItem("hevner.theme"));
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // The browser keeps nothing, or something else.
}
