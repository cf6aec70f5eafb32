// @ts-check
// One dead letter: its message, finished steps and traceback; and how to replay or drop it.

import { request } from "./api.js";
import { confirmed, el } from "./dom.js";
import { plural, truncate } from "./format.js";

/** @import { DeadLetterDetail } from "../api.d.ts" */

/**
 * Load a dead letter and return its card.
 *
 * @param {string} id
 * @param {AbortSignal} signal
 * @param {(outcome: "replayed" | "dropped") => void} onGone Called when it is no longer a dead letter.
 */
export async function deadLetterCard(id, signal, onGone) {
  const path = `/admin/dead-letters/${encodeURIComponent(id)}`;
  /** @type {DeadLetterDetail} */
  const { dead_letter: letter, content, author, error, traceback, done, unknown } = await request("GET", path, { signal });
  const decisions = unknown.map((step) => ({ step, select: outcomeSelect(step) }));
  /** @param {string} value */
  const decided = (value) => decisions.filter(({ select }) => select.value === value).map(({ step }) => step);

  async function replay() {
    const body = { again: decided("again"), done: Object.fromEntries(decided("done").map((step) => [step, null])) };
    await request("POST", `${path}/replay`, { body });
    onGone("replayed");
  }

  async function drop() {
    if (!(await confirmed("Delete this dead letter permanently?", "Drop"))) return;
    await request("DELETE", path);
    onGone("dropped");
  }

  const about = el("p", { class: "faint" }, `${letter.kind} ${letter.id} · ${letter.agent || "no agent"} · ${plural(letter.attempts, "attempt")} · in thread `);
  about.append(threadLink(letter.thread));
  return el(
    "section",
    { "aria-label": "Dead letter", class: "card dead-letter" },
    el("h2", {}, letter.reason),
    about,
    el("h3", {}, letter.kind === "reply" ? "Text of the reply" : `Message from ${author?.name || author?.id || "an unknown user"}`),
    el("pre", {}, content),
    done.length > 0 && el("p", {}, `Finished steps, which a replay does not run again: ${done.join(", ")}.`),
    decisions.map(({ step, select }) => el("label", {}, `The outcome of the step “${step}” is unknown`, select)),
    el(
      "div",
      { class: "row" },
      el("button", { type: "button", class: "main", onclick: replay }, "Replay"),
      el("button", { type: "button", class: "danger", onclick: drop }, "Drop"),
      el("a", { href: "#dead-letters" }, "Close"),
    ),
    traceback && el("details", { open: true }, el("summary", {}, error || "Traceback"), el("pre", {}, traceback)),
  );
}

/**
 * Choose what a replay does about a step of unknown outcome.
 *
 * @param {string} step
 */
function outcomeSelect(step) {
  const options = [
    ["", "Not decided: the replay stops at this step"],
    ["again", "It took no effect: run it again"],
    ["done", "It took effect: do not run it again"],
  ];
  return el("select", { name: step }, ...options.map(([value, label]) => el("option", { value }, label)));
}

/** @param {string} id */
export function threadLink(id) {
  return el("a", { href: `#thread/${encodeURIComponent(id)}` }, truncate(id, 40));
}
