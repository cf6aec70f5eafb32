// @ts-check
// The agents, one card each, with a link to chat with them. A card expands to everything that is known of its agent.
// Under `answerback up`, agents with a template can be started and stopped.

import { request } from "./api.js";
import { badge, el, notice, oneAtATime, update } from "./dom.js";
import { ago, dateTime, duration, plural, sentence } from "./format.js";
import { liveStatus, poll } from "./live.js";

/** @import { AgentList, AgentTemplateList, AgentTemplateView, AgentView } from "../api.d.ts" */
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

  const load = oneAtATime(async () => {
    /** @type {[AgentList, AgentTemplateList]} */
    const [{ agents }, { templates }] = await Promise.all([
      request("GET", "/v1/agents", { signal }),
      request("GET", "/admin/agent-templates", { signal }),
    ]);
    const names = new Set(agents.map(({ name }) => name));
    const all = [
      ...agents.map((agent) => ({ name: agent.name, card: card(agent, templates.find(({ id }) => id === agent.name)) })),
      ...templates.filter(({ id }) => !names.has(id)).map((template) => ({ name: template.id, card: templateCard(template) })),
    ].sort((one, other) => (one.name < other.name ? -1 : 1));
    update(cards, ...(all.length ? all.map((each) => each.card) : [el("p", {}, "No agents registered. Start a worker.")]));
  });

  // On the container: `update` keeps no listeners.
  cards.addEventListener("click", async ({ target }) => {
    const button = target instanceof Element && target.closest("button");
    if (!button || button.disabled) return;
    const { action, agent } = button.dataset;
    button.disabled = true;
    try {
      await request("POST", `/admin/agent-templates/${encodeURIComponent(agent || "")}/${action}`, { signal });
    } catch (error) {
      if (!signal.aborted) notice(error instanceof Error ? error.message : String(error));
    }
    button.disabled = false;
    if (!signal.aborted) await load();
  });

  await poll(load, POLL_INTERVAL, signal, live);
}

// `data-card`: where cards move, `update` makes new ones, so that an open card does not become another agent's.

/** @param {AgentTemplateView} template */
function templateCard(template) {
  const { id, description, lifecycle, state, detail } = template;
  return el(
    "section",
    { class: "card", "data-card": id },
    el("div", { class: "title" }, el("h2", {}, id), badge(state)),
    description && el("p", {}, description),
    el("p", { class: "faint" }, [lifecycle, "from a template"].filter(Boolean).join(" · ")),
    detail && el("p", { class: state === "broken" ? "bad" : "faint" }, sentence(detail)),
    el("div", { class: "row" }, state !== "broken" && startOrStop(template)),
  );
}

/** @param {AgentTemplateView} template */
function startOrStop({ id, state }) {
  const action = state === "stopped" ? "start" : "stop";
  const text = action === "start" ? "Start" : "Stop";
  return el("button", { type: "button", "data-action": action, "data-agent": id, "aria-label": `${text} ${id}` }, text);
}

/**
 * @param {AgentView} agent
 * @param {AgentTemplateView} [template]
 */
function card(agent, template) {
  const chat = el("a", { href: `#chat/${encodeURIComponent(agent.name)}`, "aria-label": `Chat with ${agent.name}` }, "Chat");
  return el(
    "section",
    { class: "card", "data-card": agent.name },
    el("div", { class: "title" }, el("h2", {}, agent.name), agent.reachability && badge(reachabilityName(agent.reachability.state))),
    agent.description && el("p", {}, agent.description),
    el("p", { class: "faint" }, facts(agent).join(" · ")),
    details(agent),
    el(
      "div",
      { class: "row middle" },
      agent.unavailable ? el("p", { class: "faint" }, `Unavailable: ${agent.unavailable}.`) : chat,
      agent.url && template && template.state !== "broken" && startOrStop(template),
    ),
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
