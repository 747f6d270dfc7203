import { initAll } from "./govuk.js";

initAll();

// A lost stream must be seen: the page shows its marked place while no live updates arrive.
const show = (stopped) => {
  for (const place of document.querySelectorAll(".handrail-live-stopped")) place.hidden = !stopped;
};
document.addEventListener("htmx:sse:error", () => show(true));
document.addEventListener("htmx:sse:close", () => show(true));
document.addEventListener("htmx:sse:after:connection", () => show(false));
// So must one that never began.
document.addEventListener("htmx:response:error", (event) => {
  if (event.target.closest?.(".handrail-live")) show(true);
});
document.addEventListener("htmx:error", (event) => {
  if (event.target.closest?.(".handrail-live")) show(true);
});

// A row that is replaced while the keyboard is on it keeps the keyboard.
let focused = "";
document.addEventListener("htmx:sse:before:message", () => {
  focused = document.activeElement?.id ?? "";
});
document.addEventListener("htmx:sse:after:message", () => {
  if (focused && document.activeElement === document.body) {
    document.getElementById(focused)?.focus({ preventScroll: true });
  }
});

// More has changed than can be told one by one. Whoever is typing decides for themselves.
document.addEventListener("handrail:reload", () => {
  if (document.activeElement === document.body) location.reload();
  else show(true);
});
