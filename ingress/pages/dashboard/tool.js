// A tool call, folded: its name and outcome; opened, what went in and what came out.

import { el } from "./dom.js";

export function toolCall({ name, args, result, outcome = "running" }) {
  const json = (value) => JSON.stringify(value ?? null, null, 2);
  return el(
    "details",
    {},
    el("summary", {}, `${name} · ${outcome}`),
    el("pre", {}, json(args)),
    outcome === "running" ? null : el("pre", {}, json(result)),
  );
}
