// @ts-check
// Chat with an agent. The thread survives reloads, and its events are received without gaps or duplicates.

import { Conversation, pressOf, uuid } from "../conversation.js";
import { renderMarkdown } from "../markdown/render.js";
import { ApiError, follow, request } from "./api.js";
import { el, onNextFrame } from "./dom.js";
import { sentence } from "./format.js";
import { lookup, toolCall } from "./tool_call.js";

/** @import { AgentView, MessagePage, ReceiptView, ThreadSummary } from "../api.d.ts" */
/** @import { ChatMessage, Press } from "../conversation.js" */
/** @import { StreamAction, StreamEvent } from "../stream-events.d.ts" */

/**
 * The elements of a message, and what they show.
 *
 * @typedef {object} Bubble
 * @property {HTMLElement} box
 * @property {HTMLElement} body
 * @property {HTMLElement} actions
 * @property {HTMLElement} footer
 * @property {string} [text]
 * @property {boolean} [streaming]
 * @property {boolean} [scheduled] It is rendered with the next frame.
 */

/** @typedef {{ id: string, name: string, args?: unknown, result?: unknown, outcome?: string | null }} ToolCall */

/** ms without an answer after which the chat says why, if the agent is unavailable. */
const PATIENCE = 3000;

/**
 * @param {HTMLElement} main
 * @param {string[]} path The agent's name.
 * @param {AbortSignal} signal
 */
export async function chatPage(main, [agent], signal) {
  const storageKey = `answerback:chat:${agent}`;
  const list = el("ol", { class: "messages", role: "log", "aria-live": "polite", "aria-label": `Chat with ${agent}`, tabindex: "0" });
  const status = el("p", { class: "typing", role: "status" });
  const problem = el("p", { class: "bad", role: "alert" });
  const input = el("textarea", { rows: "2", "aria-label": "Message", placeholder: "Write a message", onkeydown: onKey });
  const sendButton = el("button", { class: "main" }, "Send");
  const stopButton = el("button", { type: "button", hidden: true, onclick: cancel }, "Stop");
  const form = el("form", { onsubmit: onSubmit }, input, sendButton, stopButton);
  const newChat = el("button", { type: "button", onclick: restart }, "New chat");
  const header = el("div", { class: "row middle" }, el("h1", {}, agent), newChat);
  main.append(header, el("section", { class: "chat" }, list, status, problem, form));

  /** @type {Map<string, Bubble>} */
  const bubbles = new Map();
  /** @type {Map<string, { box: HTMLElement, call: ToolCall }>} */
  const calls = new Map();
  /** @type {Set<string>} The ids of the retrievals that are shown. */
  const retrievals = new Set();
  /** @type {Set<string>} */
  const unfinished = new Set(); // ids of running turns, and of messages that wait for one
  const conversation = new Conversation(show);
  let thread = localStorage.getItem(storageKey);
  let loading = Boolean(thread);
  let sending = false;
  let progress = ""; // what the agent says that it is doing
  /** @type {Promise<void> | null} */
  let posting = null;
  /** @type {AbortController | null} */
  let following = null;

  /**
   * @param {string} id The id under which the message was shown before.
   * @param {ChatMessage | null} message
   */
  function show(id, message) {
    const old = bubbles.get(id);
    bubbles.delete(id);
    if (!message) return old?.box.remove();
    const bubble = old || createBubble(message.role);
    if (!old) list.append(bubble.box);
    bubbles.set(message.id, bubble);
    const text = message.points.join("");
    const streaming = message.role === "assistant" && !message.final;
    if (message.role === "user") bubble.body.textContent = text;
    else if (bubble.text !== text || bubble.streaming !== streaming) render(bubble, text, streaming);
    bubble.actions.replaceChildren(...(streaming ? [] : (message.actions || []).map((action) => control(message.id, action))));
    bubble.footer.textContent = message.pending ? "sending…" : message.status || "";
    bubble.box.classList.toggle("pending", Boolean(message.pending));
    bubble.box.setAttribute("aria-busy", String(streaming));
    scrollToEnd();
  }

  /**
   * Render once per frame while the text streams: a long answer must not be parsed again for each word.
   *
   * @param {Bubble} bubble
   * @param {string} text
   * @param {boolean} streaming
   */
  function render(bubble, text, streaming) {
    Object.assign(bubble, { text, streaming });
    if (!streaming) return renderMarkdown(bubble.body, text);
    if (bubble.scheduled) return;
    bubble.scheduled = true;
    onNextFrame(() => {
      bubble.scheduled = false;
      renderMarkdown(bubble.body, bubble.text ?? "", bubble.streaming);
      scrollToEnd();
    });
  }

  /**
   * @param {"user" | "assistant"} role
   * @returns {Bubble}
   */
  function createBubble(role) {
    const body = role === "user" ? el("p", {}) : el("div", { class: "markdown" });
    const actions = el("div", { class: "row" });
    const footer = el("small", {});
    const sender = el("small", {}, role === "user" ? "you" : agent);
    return { box: el("li", { class: `message ${role}` }, sender, body, actions, footer), body, actions, footer };
  }

  /**
   * A button or a menu below a message.
   *
   * @param {string} id The id of the message.
   * @param {StreamAction} action
   */
  function control(id, action) {
    /** @param {string} [option] */
    const press = (option) => {
      const pressed = pressOf(id, action, option);
      if (pressed && !sending && !loading) send(pressed.text, uuid(), pressed.press);
    };
    if (action.url) return el("a", { href: action.url, target: "_blank", rel: "noopener noreferrer" }, action.label);
    if (action.type === "button") return el("button", { type: "button", onclick: () => press() }, action.label);
    const options = (action.options || []).map(({ label, value }) => el("option", { value }, label));
    const menu = el("select", { "aria-label": action.label || action.name }, el("option", { value: "" }, action.label || "Choose…"), ...options);
    menu.addEventListener("change", () => press(menu.value));
    return menu;
  }

  /**
   * Tool calls are shown in order, collapsed.
   *
   * @param {ToolCall} call
   * @param {boolean} running
   */
  function showCall(call, running = false) {
    let item = calls.get(call.id);
    if (!item) {
      item = { box: el("li", { class: "message" }), call };
      list.append(item.box);
      calls.set(call.id, item);
    }
    Object.assign(item.call, call);
    item.box.replaceChildren(toolCall(item.call, running));
    scrollToEnd();
  }

  /** @param {{ id: string, query: string, documents: { source: string, text: string, score?: number }[] }} found */
  function showLookup(found) {
    if (retrievals.has(found.id)) return; // a stream that is followed again may repeat it
    retrievals.add(found.id);
    list.append(el("li", { class: "message" }, lookup(found)));
    scrollToEnd();
  }

  function scrollToEnd() {
    list.scrollTop = list.scrollHeight;
  }

  function updateControls() {
    // More messages may be sent during a turn: they wait in the thread.
    input.disabled = loading;
    sendButton.disabled = sending || loading;
    newChat.disabled = sending;
    stopButton.hidden = unfinished.size === 0;
    status.textContent = unfinished.size ? progress || `${agent} is working…` : "";
    status.classList.toggle("on", unfinished.size > 0);
  }

  /**
   * @param {string} text
   * @param {(() => void) | false} onRetry
   */
  function showProblem(text, onRetry = false) {
    problem.replaceChildren(`${text} `);
    if (onRetry) problem.append(el("button", { type: "button", onclick: onRetry }, "Try again"));
  }

  /** @param {StreamEvent} event */
  async function onEvent(event) {
    // The event may be about a message whose receipt has not arrived yet: wait for it.
    const about = event.kind === "turn" || (event.kind === "done" && ["dropped", "ignored"].includes(event.data.status)) ? event.data.events : [];
    if (about.some((id) => !conversation.messages.has(id))) await posting;
    if (event.kind === "turn") unfinished.add(event.data.turn);
    if (event.kind === "progress") progress = event.data.text;
    else if (["turn", "text", "done", "error"].includes(event.kind)) progress = "";
    if (event.kind === "tool_call" || event.kind === "tool_result") showCall(event.data, event.kind === "tool_call");
    if (event.kind === "retrieval") showLookup(event.data);
    if (event.kind === "retry") showProblem(`The attempt failed (${event.data.reason}); retrying in ${Math.ceil(event.data.seconds)} s.`);
    if (event.kind === "text") problem.replaceChildren();
    if (event.kind === "error") {
      const question = event.data.events.map((id) => conversation.messages.get(id)).find(Boolean);
      const text = question ? question.points.join("") : "";
      showProblem(`${agent} failed: ${sentence(event.data.reason)}`, text !== "" && (() => send(text, uuid())));
    }
    conversation.apply(event);
    if (event.kind === "done" || event.kind === "error") [event.data.turn, ...event.data.events].forEach((id) => unfinished.delete(id));
    if (event.kind === "done") problem.replaceChildren();
    if (event.kind === "done" && event.data.status === "ignored") showProblem(`Not answered: ${sentence(event.data.reason || "no agent answers")}`);
    if (event.kind === "gone") forget();
    if (event.kind === "forgotten") loadHistory();
    const wasDisabled = input.disabled;
    updateControls();
    if (wasDisabled && !input.disabled && document.activeElement === document.body) input.focus();
  }

  async function loadHistory() {
    const loaded = thread;
    for (let cursor = /** @type {string | null} */ (""); cursor !== null; ) {
      const query = cursor && `?cursor=${encodeURIComponent(cursor)}`;
      /** @type {MessagePage} */
      const page = await request("GET", `/chat/threads/${loaded}/messages${query}`, { signal });
      if (thread !== loaded) return; // a new chat has begun meanwhile
      for (const message of page.messages) {
        for (const found of message.retrievals) showLookup(found);
        for (const call of message.tool_calls) showCall(call);
        conversation.addStored(message);
      }
      cursor = page.next_cursor;
    }
  }

  async function listen() {
    if (following || !thread) return;
    following = new AbortController();
    signal.addEventListener("abort", () => following?.abort());
    await follow(`/chat/threads/${thread}/stream`, following.signal, onEvent, { after: "0" });
  }

  /**
   * @param {string} text
   * @param {string} key Its Idempotency-Key.
   * @param {Press} [press] What was pressed, instead of a text; `text` then shows it.
   */
  function send(text, key, press) {
    posting = post(text, key, press);
  }

  /**
   * @param {string} text
   * @param {string} key
   * @param {Press} [press]
   */
  async function post(text, key, press) {
    sending = true;
    problem.replaceChildren();
    updateControls();
    if (!conversation.messages.has(key)) conversation.addPending(key, text, press);
    try {
      if (!thread) {
        const headers = { "Idempotency-Key": `open-${key}` };
        /** @type {ThreadSummary} */
        const opened = await request("POST", "/chat/threads", { body: { agent, title: text.slice(0, 80) }, headers });
        thread = opened.id;
        localStorage.setItem(storageKey, thread);
      }
      const headers = { "Idempotency-Key": key };
      const body = { ...(press ? { action: press } : { content: text }), wait: false };
      /** @type {ReceiptView} */
      const receipt = await request("POST", `/chat/threads/${thread}/messages`, { body, headers });
      conversation.acknowledge(key, receipt.id);
      unfinished.add(receipt.id);
      setTimeout(() => explain(receipt.id).catch(() => {}), PATIENCE);
      listen().catch(onError);
    } catch (error) {
      showProblem(`The message was not sent: ${sentence(/** @type {Error} */ (error).message)}`, () => send(text, key, press));
    }
    sending = false;
    updateControls();
  }

  /**
   * Say why a message is not answered yet, if the agent is unavailable.
   *
   * @param {string} id
   */
  async function explain(id) {
    if (!unfinished.has(id) || signal.aborted) return;
    /** @type {AgentView} */
    const { unavailable } = await request("GET", `/v1/agents/${encodeURIComponent(agent)}`, { signal });
    if (unavailable && unfinished.has(id)) showProblem(`Not answered yet: ${sentence(unavailable)}`);
  }

  /** @param {unknown} error */
  function onError(error) {
    if (error instanceof ApiError && error.status === 404) forget();
    else showProblem(`Something went wrong: ${sentence(/** @type {Error} */ (error).message)}`, loading && resume);
    updateControls();
  }

  /** Forget the thread; the next message opens another one. */
  function forget() {
    following?.abort();
    following = thread = null;
    loading = false;
    localStorage.removeItem(storageKey);
    unfinished.clear();
  }

  function restart() {
    forget();
    conversation.messages.clear();
    bubbles.clear();
    calls.clear();
    retrievals.clear();
    list.replaceChildren();
    problem.replaceChildren();
    updateControls();
    input.focus();
  }

  async function cancel() {
    await request("POST", `/chat/threads/${thread}/cancel`).catch((error) => showProblem(`The turn was not stopped: ${sentence(error.message)}`));
  }

  /** @param {Event} event */
  function onSubmit(event) {
    event.preventDefault();
    const text = input.value.trim();
    if (!text || sending || loading) return;
    input.value = "";
    send(text, uuid());
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    // In Safari, only the code tells the Enter that ends a composition: https://bugs.webkit.org/show_bug.cgi?id=165004
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    form.requestSubmit();
  }

  /** Load the history first, so that nothing is inserted above new messages. */
  async function resume() {
    problem.replaceChildren();
    try {
      await loadHistory();
      loading = false;
      updateControls();
      input.focus();
      await listen();
    } catch (error) {
      if (!signal.aborted) onError(error);
    }
  }

  updateControls();
  input.focus();
  if (thread) await resume();
}
