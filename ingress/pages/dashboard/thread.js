// @ts-check
// One thread: its messages, waiting events, the steps of the running turn, its replies; and actions on it.

import { safeUrl } from "../markdown/inline.js";
import { renderMarkdown } from "../markdown/render.js";
import { ApiError, BASE, follow, platformOf, request } from "./api.js";
import { badge, confirmed, el, notice, oneAtATime, replace, table, update } from "./dom.js";
import { dateTime, duration, sentence, truncate } from "./format.js";
import { liveStatus } from "./live.js";
import { lookup, toolCall } from "./tool_call.js";

/** @import { ActionInfo, AttachmentInfo, FlowPlace, MessageView, OperationResult, StepView, Transcript } from "../api.d.ts" */
/** @typedef {Omit<MessageView, "status"> & { status: string }} ShownMessage */

const STALE_AFTER = 40000; // ms; a silent thread's stream has a comment every 15 s
const ATTENTION = { default: "answer what agents listen to", subscribed: "answer every message", muted: "answer only mentions" };
const SUMMARY_LENGTH = 60; // characters of a step's result that are shown while it is collapsed

/**
 * @param {HTMLElement} main
 * @param {string[]} path The thread's id.
 * @param {AbortSignal} signal
 */
export async function threadPage(main, [id], signal) {
  const path = `/admin/threads/${encodeURIComponent(id)}`;
  const title = el("h1", {}, id);
  const about = el("p", { class: "faint" });
  const actions = el("div", { class: "row" });
  const flow = el("section", {});
  const messageList = el("ol", { class: "messages", "aria-label": "Messages" });
  const details = el("div", {});
  const live = liveStatus(signal, STALE_AFTER);
  main.append(title, live.element, about, actions, flow, messageList, details);

  let reloadTimer = 0;
  let shown = "";
  const load = oneAtATime(async () => {
    /** @type {Transcript} */
    const transcript = await request("GET", path, { signal });
    const { thread, messages, steps, replies } = transcript;
    // Journaled steps cause no stream event: poll while a turn runs.
    if (thread.state === "running") reload();
    const now = JSON.stringify({ ...transcript, next: 0 });
    if (now === shown) return;
    shown = now;
    title.textContent = thread.title || thread.id;
    about.replaceChildren(badge(thread.state), ` ${platformOf(thread.platform).title} · ${thread.agent || "no agent yet"} · ${thread.id}`);
    about.append(...platformLink(thread.url));
    if (transcript.owner) about.append(` · held by ${transcript.owner}, attempt ${transcript.attempts}`);
    if (thread.attention !== "default") about.append(` · ${thread.attention}`);
    if (transcript.paused_since) about.append(` · paused since ${dateTime(transcript.paused_since)}: two programs seem to be answering each other`);
    if (thread.state === "retrying") about.append(` · next attempt in ${duration(transcript.next)}: ${thread.error}`);
    replace(
      actions,
      action("Cancel turn", "cancel", thread.state === "idle"),
      action("Retry now", "requeue", thread.state !== "retrying" && !replies.some((reply) => reply.state === "pending")),
      action("Unlock", "unlock", !transcript.owner, "Unlock this thread? Another worker continues, and writes of the worker that holds it are refused."),
      thread.platform !== "chat" && attentionSelect(thread.attention),
      el("button", { type: "button", class: "danger", onclick: purge }, "Purge"),
    );
    const links = Object.fromEntries(replies.filter((reply) => reply.url).map((reply) => [reply.message, reply.url]));
    const all = [...messages, ...unanswered(transcript)];
    update(messageList, ...all.map((message) => messageItem(message, thread.platform, links[message.id])));
    if (JSON.stringify(transcript.flow) !== flow.dataset.shown) drawFlow(transcript.flow);
    const tables = [];
    if (steps.length) tables.push(el("h2", {}, "Steps of the running turn"), table(["Step", "State", "Started", "Duration", "Result"], steps.map(stepCells)));
    if (replies.length) {
      const cells = replies.map((reply) => [reply.key, reply.what, badge(reply.state), String(reply.attempts), dateTime(reply.first_sent_at), reply.error]);
      tables.push(el("h2", {}, "Replies"), table(["Reply", "What", "State", "Attempts", "First sent", "Error"], cells));
    }
    update(details, ...tables);
  });

  /**
   * @param {string} label
   * @param {string} name Of the operation.
   * @param {boolean} disabled
   * @param {string} question Asked first.
   */
  function action(label, name, disabled, question = "") {
    const run = async () => {
      if (question && !(await confirmed(question, label))) return;
      /** @type {OperationResult} */
      const { done } = await request("POST", `${path}/${name}`);
      notice(done ? `${label}: done.` : "Nothing to do.");
      await load();
    };
    return el("button", { type: "button", disabled, onclick: () => run().catch((error) => notice(sentence(error.message))) }, label);
  }

  /**
   * Show the diagram of the agent's flow, centered on the current node of the thread.
   *
   * @param {FlowPlace | null} position
   */
  function drawFlow(position) {
    flow.dataset.shown = JSON.stringify(position);
    if (!position) return flow.replaceChildren();
    const box = el("div", { class: "scroll flow", tabindex: "0", role: "group", "aria-label": `Flow of ${position.agent}` });
    // A URL per node: browsers do not reload an image with the same URL.
    const src = `${BASE}${path}/flow?${new URLSearchParams({ at: position.node })}`;
    const center = () => box.scrollTo(position.left - box.clientWidth / 2, position.top - box.clientHeight / 2);
    box.append(el("img", { src, alt: `Flow of ${position.agent}, at the node “${position.name}”`, onload: center }));
    flow.replaceChildren(el("h2", {}, `Flow: ${position.name}`), box);
  }

  /**
   * A choice of how attentive agents are. In a chat it would have no effect.
   *
   * @param {string} attention
   */
  function attentionSelect(attention) {
    const choose = async () => {
      await request("PATCH", `/chat/threads/${encodeURIComponent(id)}`, { body: { attention: select.value } });
      notice(`Attention: ${select.value}.`);
    };
    const failed = (/** @type {Error} */ error) => {
      select.value = attention;
      notice(sentence(error.message));
    };
    const select = el(
      "select",
      { "aria-label": "Attention", onchange: () => choose().catch(failed).finally(() => load().catch(onError)) },
      ...Object.entries(ATTENTION).map(([value, label]) => el("option", { value, selected: value === attention }, label)),
    );
    return select;
  }

  async function purge() {
    if (!(await confirmed("Delete this thread and its messages permanently?", "Purge"))) return;
    await request("DELETE", path);
    notice("The thread was deleted.");
    location.hash = "#threads";
  }

  /** Load the thread again, at most once per second. */
  const reload = () => {
    reloadTimer ||= setTimeout(() => {
      reloadTimer = 0;
      if (!signal.aborted) load().catch(onError);
    }, 1000);
  };
  /** @param {unknown} error */
  const onError = (error) => {
    if (!(error instanceof ApiError) || error.status !== 404) return reload();
    main.replaceChildren(el("h1", {}, title.textContent), el("p", {}, "This thread no longer exists."));
  };
  signal.addEventListener("abort", () => clearTimeout(reloadTimer));
  await load();
  const stream = `/chat/threads/${encodeURIComponent(id)}/stream`;
  await follow(stream, signal, ({ kind }) => void (kind !== "text" && reload()), {
    after: "0",
    onConnection: (connected) => (connected ? live.updated() : live.disconnected()),
    onData: live.updated,
  });
}

/**
 * The events that are not answered yet, as messages. An event that is in the history already is shown once.
 *
 * @param {Transcript} transcript
 * @returns {ShownMessage[]}
 */
function unanswered({ messages, waiting, answering }) {
  const stored = new Set(messages.map((message) => message.id));
  return waiting
    .map((message, n) => (n < answering ? { ...message, status: "in progress" } : message))
    .filter((message) => !stored.has(message.id));
}

/**
 * The cells of a step: its name, state, start, duration, and its result, collapsed.
 *
 * @param {StepView} step
 */
function stepCells({ name, state, started_at, duration: took, error, result }) {
  const running = state === "begun" && !error;
  const long = result.length > SUMMARY_LENGTH || result.includes("\n");
  const summary = truncate(result.replace(/\s+/g, " "), SUMMARY_LENGTH);
  const value = long ? el("details", {}, el("summary", {}, summary), el("pre", {}, result)) : result;
  return [
    name,
    badge(running ? "running" : state === "begun" ? "unknown" : state),
    started_at ? new Date(started_at).toLocaleTimeString() : "",
    running ? "" : duration(took),
    error || value,
  ];
}

/** @param {string | null | undefined} url */
function platformLink(url) {
  const href = url && safeUrl(url);
  return href ? [" · ", el("a", { href, rel: "noopener noreferrer", target: "_blank" }, "view on platform")] : [];
}

/**
 * Agents write Markdown, and so do people on some platforms; elsewhere a person's text is shown as typed.
 *
 * @param {ShownMessage} message
 * @param {string} platform
 */
function messageText(message, platform) {
  if (message.role === "user" && !platformOf(platform).markdown) return el("p", {}, message.content);
  const body = el("div", { class: "markdown" });
  renderMarkdown(body, message.content);
  return body;
}

/**
 * The names of a message's attachments; an uploaded file's name is a link that downloads it.
 *
 * @param {AttachmentInfo[]} attachments
 */
function attached(attachments) {
  if (!attachments.length) return null;
  const names = attachments.map(({ name, file }) => (file ? el("a", { href: `${BASE}/files/${encodeURIComponent(file)}`, download: name }, name) : name));
  return el("small", {}, "Attached: ", ...names.flatMap((name, n) => (n ? [", ", name] : [name])));
}

/**
 * The labels of a message's buttons and menus. They cannot be pressed here.
 *
 * @param {ActionInfo[]} actions
 */
function shownActions(actions) {
  if (!actions.length) return null;
  const labels = actions.map((action) => (action.type === "button" ? action.label : `${action.name}: ${action.options.map(({ label }) => label).join(" | ")}`));
  return el("small", {}, labels.map((label) => `[${label}]`).join(" "));
}

/**
 * @param {ShownMessage} message
 * @param {string} platform
 * @param {string | undefined} url Of the reply on its platform.
 */
function messageItem(message, platform, url) {
  const sender = message.role === "user" ? message.author?.name || message.author?.id || "user" : message.agent || "agent";
  const status = message.status === "completed" ? "" : ` · ${message.status}`;
  const heading = el("small", {}, `${sender} · ${dateTime(message.created_at)}${status}`);
  heading.append(...platformLink(url));
  return el("li", { class: `message ${message.role}` }, heading, messageText(message, platform), shownActions(message.actions), attached(message.attachments), ...message.retrievals.map(lookup), ...message.tool_calls.map((call) => toolCall(call)));
}
