// Runs before the first paint, so that a chosen theme does not flash. A classic script on purpose:
// modules run after the page was drawn.
{
  const chosen = localStorage.getItem("hevner.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
}
