// One thread: its messages, waiting events, the steps of the running turn, its replies; and actions on it.

import { safeUrl } from "../markdown/inline.js";
import { renderMarkdown } from "../markdown/render.js";
import { BASE, ask, follow, platformOf } from "./api.js";
import { badge, confirmed, el, notice, oneAtATime, replace, table, update } from "./dom.js";
import { liveness } from "./live.js";
import { duration, when } from "./words.js";
import { toolCall } from "./tool.js";

const STALE = 40000; // ms; a silent thread's stream has a comment every 15 s

export async function thread(main, [id], signal) {
  const path = `/admin/threads/${encodeURIComponent(id)}`;
  const title = el("h1", {}, id);
  const about = el("p", { class: "faint" });
  const actions = el("div", { class: "row" });
  const flow = el("section", {});
  const talk = el("ol", { class: "talk", "aria-label": "Messages" });
  const rest = el("div", {});
  const live = liveness(signal, STALE);
  main.append(title, live.shown, about, actions, flow, talk, rest);

  // On any event, reload the stored thread, at most once per second.
  let due = null;
  let shown = "";
  const load = oneAtATime(async () => {
    const found = await ask("GET", path, { signal });
    const { thread: row, messages, waiting, steps, replies } = found;
    // Journaled steps cause no stream event: poll while a turn runs.
    if (row.state === "running") again();
    const now = JSON.stringify({ ...found, next: 0 });
    if (now === shown) return;
    shown = now;
    title.textContent = row.title || row.id;
    about.replaceChildren(badge(row.state), ` ${platformOf(row.platform).title} · ${row.agent || "no agent yet"} · ${row.id}`);
    about.append(...onPlatform(row.url));
    if (found.owner) about.append(` · held by ${found.owner}, attempt ${found.attempts}`);
    if (found.paused_since) about.append(` · paused since ${when(found.paused_since)}: programs seem to answer each other`);
    if (row.state === "retrying") about.append(` · next attempt in ${duration(found.next)}: ${row.error}`);
    replace(
      actions,
      act("Cancel the turn", "cancel", row.state === "idle"),
      act("Retry now", "requeue", row.state !== "retrying" && !replies.some((reply) => reply.state === "pending")),
      act("Unlock", "unlock", !found.owner, "Writes of the worker that holds it will be refused, and another worker continues."),
      el("button", { type: "button", class: "danger", onclick: purge }, "Purge"),
    );
    const links = Object.fromEntries(replies.filter((reply) => reply.url).map((reply) => [reply.message, reply.url]));
    // An event that is in the history already is shown once.
    const known = new Set(messages.map((message) => message.id));
    const later = waiting
      .map((message, n) => (n < found.answering ? { ...message, status: "in progress" } : message))
      .filter((message) => !known.has(message.id));
    update(talk, ...[...messages, ...later].map((message) => line(message, row.platform, links[message.id])));
    if (JSON.stringify(found.flow) !== flow.dataset.shown) draw(found.flow);
    const below = [];
    if (steps.length) below.push(el("h2", {}, "Steps of the running turn"), table(["step", "state", "began", "took", "result"], steps.map(stepCells)));
    if (replies.length) {
      const cells = replies.map((reply) => [reply.key, badge(reply.state), String(reply.attempts), when(reply.first_sent_at), reply.error]);
      below.push(el("h2", {}, "Replies"), table(["reply", "state", "attempts", "first sent", "error"], cells));
    }
    update(rest, ...below);
  });

  function act(words, name, disabled, question = "") {
    const run = async () => {
      if (question && !(await confirmed(question, words))) return;
      const { done } = await ask("POST", `${path}/${name}`);
      notice(done ? `${words}: done.` : "Nothing to do.");
      await load();
    };
    return el("button", { type: "button", disabled, onclick: () => run().catch((error) => notice(error.message)) }, words);
  }

  // The diagram of the agent's flow, centered on the current step of the thread.
  function draw(place) {
    flow.dataset.shown = JSON.stringify(place);
    if (!place) return flow.replaceChildren();
    const box = el("div", { class: "scroll flow", tabindex: "0", role: "group", "aria-label": `The flow of ${place.agent}` });
    // A URL per step: browsers do not reload an image with the same URL.
    const src = `${BASE}${path}/flow?${new URLSearchParams({ at: place.node })}`;
    const show = () => box.scrollTo(place.left - box.clientWidth / 2, place.top - box.clientHeight / 2);
    box.append(el("img", { src, alt: `The flow of ${place.agent}, at the step “${place.name}”`, onload: show }));
    flow.replaceChildren(el("h2", {}, `Step: ${place.name}`), box);
  }

  async function purge() {
    if (!(await confirmed("Delete this thread and its messages permanently?", "Purge"))) return;
    await ask("DELETE", path);
    notice("The thread was deleted.");
    location.hash = "#threads";
  }

  const again = () => {
    due ||= setTimeout(() => {
      due = null;
      if (!signal.aborted) load().catch(lost);
    }, 1000);
  };
  const lost = (error) => {
    if (error.status !== 404) return again();
    main.replaceChildren(el("h1", {}, title.textContent), el("p", {}, "This thread no longer exists."));
  };
  signal.addEventListener("abort", () => clearTimeout(due));
  await load();
  const stream = `/chat/threads/${encodeURIComponent(id)}/stream`;
  await follow(stream, signal, ({ kind }) => void (kind !== "text" && again()), {
    after: "0",
    state: (connected) => (connected ? live.news() : live.lost()),
    news: () => live.news(),
  });
}

// The cells of a step: its name, state, start, duration, and its result, collapsed.
function stepCells({ name, state, started_at, duration: took, error, result }) {
  const running = state === "begun" && !error;
  const short = result.length > 60 || result.includes("\n");
  const value = short ? el("details", {}, el("summary", {}, result.replace(/\s+/g, " ").slice(0, 60)), el("pre", {}, result)) : result;
  return [
    name,
    badge(running ? "running" : state === "begun" ? "unknown" : state),
    started_at ? new Date(started_at).toLocaleTimeString() : "",
    running ? "" : duration(took),
    error || value,
  ];
}

const onPlatform = (url) => (safeUrl(url) ? [" · ", el("a", { href: safeUrl(url), rel: "noopener noreferrer", target: "_blank" }, "on its platform")] : []);

// Agents write Markdown, and so do people on some platforms; elsewhere a person's text is shown as typed.
function words(message, platform) {
  if (message.role === "user" && !platformOf(platform).markdown) return el("p", {}, message.content);
  const place = el("div", { class: "markdown" });
  renderMarkdown(place, message.content);
  return place;
}

function line(message, platform, url) {
  const who = message.role === "user" ? message.author?.name || message.author?.id || "user" : message.agent || "agent";
  const status = message.status === "completed" ? "" : ` · ${message.status}`;
  const small = el("small", {}, `${who} · ${when(message.created_at)}${status}`);
  small.append(...onPlatform(url || ""));
  const files = message.attachments.length ? el("small", {}, `with ${message.attachments.map(({ name }) => name).join(", ")}`) : null;
  return el("li", { class: `said ${message.role}` }, small, words(message, platform), files, ...message.tool_calls.map((call) => toolCall(call)));
}
