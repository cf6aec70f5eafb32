// A tool call, folded: its name and outcome; opened, what went in and what came out.

import { el } from "./dom.js";

// `running`: it was called and no result has come yet. A call of the history has ended, whatever its fields say.
export function toolCall({ name, args, result, outcome }, running = false) {
  const json = (value) => JSON.stringify(value ?? null, null, 2);
  return el(
    "details",
    {},
    el("summary", {}, `${name} · ${running ? "running" : outcome || "done"}`),
    el("pre", {}, json(args)),
    running ? null : el("pre", {}, json(result)),
  );
}
