// Show whether a page is up to date. A hung server does not close its connections: only missing updates reveal it.

import { el } from "./dom.js";
import { duration } from "./words.js";

// `shown` is the element for the page. Call `news` for every update and `lost` when the connection is lost. Without
// updates for `stale` ms, the page counts as stale.
export function liveness(signal, stale) {
  const shown = el("span", { class: "live away", role: "status" }, "connecting");
  let heard = Date.now();

  function say(connected, words) {
    const kind = connected ? "live" : "live away";
    if (shown.className !== kind) shown.className = kind;
    if (shown.textContent !== words) shown.textContent = words;
  }

  const timer = setInterval(() => {
    const silent = Date.now() - heard;
    if (silent > stale) say(false, `not live: no updates for ${duration(silent)}`);
  }, 1000);
  signal.addEventListener("abort", () => clearInterval(timer));
  return {
    shown,
    news(words = "live") {
      heard = Date.now();
      say(words === "live", words);
    },
    lost: () => say(false, "no connection; reconnecting"),
  };
}

// Call `load` now and every `ms` until `signal` aborts, and show whether it still succeeds. The first failure is
// thrown.
export async function polled(load, ms, signal, live) {
  await load();
  live.news();
  const again = () =>
    load().then(
      () => live.news(),
      () => live.lost(),
    );
  const timer = setInterval(again, ms);
  signal.addEventListener("abort", () => clearInterval(timer));
}
