// @ts-check
// Show whether a page is up to date. A hung server does not close its connections: only missing updates reveal it.

import { el } from "./dom.js";
import { duration } from "./format.js";

/**
 * @typedef {object} LiveStatus
 * @property {HTMLElement} element For the page.
 * @property {() => void} updated An update has arrived.
 * @property {() => void} disconnected The connection is lost.
 */

/**
 * Return an element that shows whether updates arrive.
 *
 * @param {AbortSignal} signal Ends it.
 * @param {number} staleAfter ms without updates after which the page counts as stale.
 * @returns {LiveStatus}
 */
export function liveStatus(signal, staleAfter) {
  const element = el("span", { class: "live away", role: "status" }, "connecting");
  let updatedAt = Date.now();

  /**
   * @param {boolean} connected
   * @param {string} text
   */
  function show(connected, text) {
    const className = connected ? "live" : "live away";
    if (element.className !== className) element.className = className;
    if (element.textContent !== text) element.textContent = text;
  }

  const timer = setInterval(() => {
    const silence = Date.now() - updatedAt;
    if (silence > staleAfter) show(false, `not live: no updates for ${duration(silence)}`);
  }, 1000);
  signal.addEventListener("abort", () => clearInterval(timer));
  return {
    element,
    updated() {
      updatedAt = Date.now();
      show(true, "live");
    },
    disconnected: () => show(false, "disconnected; reconnecting…"),
  };
}

/**
 * Call `load` now and at an interval until `signal` aborts, and show whether it still succeeds. The first failure is
 * thrown.
 *
 * @param {() => Promise<unknown>} load
 * @param {number} ms
 * @param {AbortSignal} signal
 * @param {LiveStatus} live
 */
export async function poll(load, ms, signal, live) {
  await load();
  live.updated();
  const timer = setInterval(() => load().then(live.updated, live.disconnected), ms);
  signal.addEventListener("abort", () => clearInterval(timer));
}
