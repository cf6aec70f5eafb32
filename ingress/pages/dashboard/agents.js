// @ts-check
// The agents, one card each, with a link to chat with them.

import { request } from "./api.js";
import { el, replace } from "./dom.js";
import { duration, plural } from "./format.js";
import { liveStatus, poll } from "./live.js";

/** @import { AgentList, AgentView } from "../api.d.ts" */

const POLL_INTERVAL = 3000; // ms
const STALE_AFTER = 10000; // ms

/**
 * @param {HTMLElement} main
 * @param {string[]} _
 * @param {AbortSignal} signal
 */
export async function agentsPage(main, _, signal) {
  const cards = el("div", { class: "cards" });
  const live = liveStatus(signal, STALE_AFTER);
  main.append(el("h1", {}, "Agents"), live.element, cards);

  async function load() {
    /** @type {AgentList} */
    const { agents } = await request("GET", "/v1/agents", { signal });
    replace(cards, ...(agents.length ? agents.map(card) : [el("p", {}, "No agents registered. Start a worker.")]));
  }

  await poll(load, POLL_INTERVAL, signal, live);
}

/** @param {AgentView} agent */
function card(agent) {
  const reason = unavailable(agent);
  const chat = el("a", { href: `#chat/${encodeURIComponent(agent.name)}`, "aria-label": `Chat with ${agent.name}` }, "Chat");
  return el(
    "section",
    { class: "card" },
    el("h2", {}, agent.name),
    agent.description && el("p", {}, agent.description),
    el("p", { class: "faint" }, facts(agent).join(" · ")),
    el("div", { class: "row" }, reason ? el("p", { class: "faint" }, `Unavailable: ${reason}.`) : chat),
  );
}

/** @param {AgentView} agent */
function facts({ lifecycle, workers, turnsRunning, latencyP50, url, hasBearerToken }) {
  const parts = [lifecycle, plural(workers, "worker")];
  if (turnsRunning) parts.push(`${plural(turnsRunning, "turn")} running`);
  if (latencyP50) parts.push(`${duration(latencyP50)} per turn`);
  if (url) parts.push(`at ${url}${hasBearerToken ? ", with a bearer token" : ""}`);
  return parts;
}

/**
 * Return why the agent cannot chat; "" if it can.
 *
 * @param {AgentView} agent
 */
function unavailable(agent) {
  if (!agent.supportsChat) return "chat is disabled";
  if (agent.lifecycle !== "long-lived") return `its lifecycle is ${agent.lifecycle}`;
  return agent.workers ? "" : "no live worker runs it";
}
