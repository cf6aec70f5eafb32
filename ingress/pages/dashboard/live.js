// Whether what a page shows is how things stand. A server that hangs closes no connection: what it does not say is how
// it is noticed.

import { el } from "./dom.js";
import { duration } from "./words.js";

// `shown` is for the page; `news` is called with all that comes, `lost` when the connection is. After `stale` ms without
// news, what is shown is old.
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
    if (silent > stale) say(false, `not live: no news for ${duration(silent)}`);
  }, 1000);
  signal.addEventListener("abort", () => clearInterval(timer));
  return {
    shown,
    news(words = "live") {
      heard = Date.now();
      say(words === "live", words);
    },
    lost: () => say(false, "no connection; trying again"),
  };
}

// Call `load` now and every `ms`, for as long as `signal` stands, and show in `shown` whether it still succeeds. The first
// failure is the caller's.
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
