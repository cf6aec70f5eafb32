// The agents, one card each, with a link to chat with them.

import { ask } from "./api.js";
import { el, replace } from "./dom.js";
import { liveness, polled } from "./live.js";
import { duration } from "./words.js";

const EVERY = 3000; // ms
const STALE = 10000;

export async function agents(main, _, signal) {
  const cards = el("div", { class: "cards" });
  const live = liveness(signal, STALE);
  main.append(el("h1", {}, "Agents"), live.shown, cards);

  async function load() {
    const { agents: found } = await ask("GET", "/v1/agents", { signal });
    replace(cards, ...(found.length ? found.map(card) : [el("p", {}, "No agents registered. Start a worker.")]));
  }

  await polled(load, EVERY, signal, live);
}

function card(agent) {
  const why = mute(agent);
  const chat = el("a", { href: `#chat/${encodeURIComponent(agent.name)}` }, `💬 Chat`);
  chat.setAttribute("aria-label", `Chat with ${agent.name}`);
  return el(
    "section",
    { class: "card" },
    el("h2", {}, agent.name),
    agent.description && el("p", {}, agent.description),
    el("p", { class: "faint" }, facts(agent).join(" · ")),
    el("div", { class: "row" }, why ? el("p", { class: "faint" }, `Unavailable: ${why}.`) : chat),
  );
}

function facts({ lifecycle, workers, turnsRunning, latencyP50, url, hasBearerToken }) {
  const found = [lifecycle, `${workers} worker${workers === 1 ? "" : "s"}`];
  if (turnsRunning) found.push(`${turnsRunning} running`);
  if (latencyP50) found.push(`${duration(latencyP50)} per turn`);
  if (url) found.push(`at ${url}${hasBearerToken ? ", with a token" : ""}`);
  return found;
}

// Why the agent cannot chat; "" if it can.
function mute(agent) {
  if (!agent.supportsChat) return "chat is disabled";
  if (agent.lifecycle !== "long-lived") return `it is ${agent.lifecycle}`;
  return agent.workers ? "" : "no live worker serves it";
}
