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

/**
 * What an agent looked up: collapsed, the query and the sources; expanded, the texts.
 *
 * @param {{ query: string, documents: { source: string, text: string, score?: number }[] }} retrieval
 */
export function lookup({ query, documents }) {
  const sources = documents.map(({ source }) => source).join(", ") || "nothing found";
  return el(
    "details",
    {},
    el("summary", {}, `looked up “${query}” · ${sources}`),
    ...documents.flatMap(({ source, text, score }) => [el("small", {}, `${source} · ${score ?? 0}`), el("pre", {}, text)]),
  );
}

/** @param {unknown} value */
const json = (value) => JSON.stringify(value ?? null, null, 2);
