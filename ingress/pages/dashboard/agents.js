// @ts-check
// The agents, one card each, with a link to chat with them. A card expands to everything that is known of its agent.

import { request } from "./api.js";
import { badge, el, update } from "./dom.js";
import { ago, dateTime, duration, plural } from "./format.js";
import { liveStatus, poll } from "./live.js";

/** @import { AgentList, AgentView } from "../api.d.ts" */
/** @import { Child } from "./dom.js" */

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
    update(cards, ...(agents.length ? agents.map(card) : [el("p", {}, "No agents registered. Start a worker.")]));
  }

  await poll(load, POLL_INTERVAL, signal, live);
}

/** @param {AgentView} agent */
function card(agent) {
  const chat = el("a", { href: `#chat/${encodeURIComponent(agent.name)}`, "aria-label": `Chat with ${agent.name}` }, "Chat");
  return el(
    "section",
    { class: "card" },
    el("div", { class: "title" }, el("h2", {}, agent.name), agent.reachability && badge(reachabilityName(agent.reachability.state))),
    agent.description && el("p", {}, agent.description),
    el("p", { class: "faint" }, facts(agent).join(" · ")),
    details(agent),
    el("div", { class: "row" }, agent.unavailable ? el("p", { class: "faint" }, `Unavailable: ${agent.unavailable}.`) : chat),
  );
}

/** @param {string} state */
const reachabilityName = (state) => (state === "unknown" ? "not probed yet" : state);

/** @param {AgentView} agent */
function facts({ lifecycle, workers, turnsRunning, latencyP50 }) {
  const parts = [lifecycle, plural(workers, "worker")];
  if (turnsRunning) parts.push(`${plural(turnsRunning, "turn")} running`);
  if (latencyP50) parts.push(`${duration(latencyP50)} per turn`);
  return parts;
}

/** @param {AgentView} agent */
function details(agent) {
  const { reachability, url, arrival, leaseExpiresAt, inputSchema, outputSchema } = agent;
  /** @type {[string, Child][]} */
  const rows = [
    ["Chat", agent.supportsChat ? "declared" : "not declared"],
    ["Arrival", arrival],
    ["Address", url],
    ["Bearer token", url && (agent.hasBearerToken ? "yes" : "no")],
    ["Last seen", reachability && (reachability.lastSeen ? ago(reachability.lastSeen) : "never")],
    ["Last probe", reachability && (reachability.checkedAt ? ago(reachability.checkedAt) : "none yet")],
    ["Last error", reachability?.lastError && el("span", { class: "bad" }, reachability.lastError)],
    ["Lease", url && (leaseExpiresAt ? `until ${dateTime(leaseExpiresAt)}` : "until it is removed")],
    ["Input", inputSchema && schema(inputSchema)],
    ["Output", outputSchema && schema(outputSchema)],
  ];
  const shown = rows.filter(([, value]) => value).flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]);
  return el("details", {}, el("summary", { "aria-label": `Details of ${agent.name}` }, "Details"), el("dl", { class: "facts" }, ...shown));
}

/** @param {object} value */
const schema = (value) => el("pre", {}, JSON.stringify(value, null, 2));
