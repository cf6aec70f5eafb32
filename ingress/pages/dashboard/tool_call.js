// @ts-check
// A collapsed tool call with its name and outcome; expanded, its arguments and result.

import { el } from "./dom.js";

/**
 * @param {{ name: string, args?: unknown, result?: unknown, outcome?: string | null }} call
 * @param {boolean} running There is no result yet. A call in the history has ended, whatever its fields say.
 */
export function toolCall({ name, args, result, outcome }, running = false) {
  return el(
    "details",
    {},
    el("summary", {}, `${name} · ${running ? "running" : outcome || "done"}`),
    el("pre", {}, json(args)),
    running ? null : el("pre", {}, json(result)),
  );
}

/** @param {unknown} value */
const json = (value) => JSON.stringify(value ?? null, null, 2);
