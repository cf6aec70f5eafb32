// The agents, a card each: what they are, whether they can be reached, and a button to talk to them.

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
    replace(cards, ...(found.length ? found.map(card) : [el("p", {}, "No worker has told of an agent yet: start one.")]));
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
    el("div", { class: "row" }, why ? el("p", { class: "faint" }, `No chat: ${why}.`) : chat),
  );
}

function facts({ lifecycle, workers, turnsRunning, latencyP50, url, hasBearerToken }) {
  const found = [lifecycle, `${workers} worker${workers === 1 ? "" : "s"}`];
  if (turnsRunning) found.push(`${turnsRunning} at work`);
  if (latencyP50) found.push(`${duration(latencyP50)} a turn`);
  if (url) found.push(`at ${url}${hasBearerToken ? ", with a token" : ""}`);
  return found;
}

// Why it cannot be talked to; "" when it can.
function mute(agent) {
  if (!agent.supportsChat) return "it takes no chats";
  if (agent.lifecycle !== "long-lived") return `it is ${agent.lifecycle}`;
  return agent.workers ? "" : "no worker that serves it is alive";
}
