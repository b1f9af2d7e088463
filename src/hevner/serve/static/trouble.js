// Errors of the service, shown in the place of what failed.

import { Problem } from "./api.js";
import { fill, h } from "./dom.js";
import { t } from "./strings.js";

export function trouble(problem) {
  const offline = problem.kind === "offline";
  return h("div", { class: "callout warning", role: "alert" },
    h("p", {}, h("strong", {}, offline ? t("offline") : problem.message)),
    problem.remedy && h("p", {}, problem.remedy));
}

// Does some work; an error of the service is shown in `place`, if there is one.
export async function attempt(place, work) {
  try {
    return await work();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (place) fill(place, trouble(problem));
    return undefined;
  }
}
