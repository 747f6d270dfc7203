import { initAll } from "./govuk.js";

initAll();

// A lost stream must be seen: the page shows its marked place while no live updates arrive.
const show = (stopped) => {
  for (const place of document.querySelectorAll(".handrail-live-stopped")) place.hidden = !stopped;
};
document.addEventListener("htmx:sse:error", () => show(true));
document.addEventListener("htmx:sse:close", () => show(true));
document.addEventListener("htmx:sse:after:connection", () => show(false));
