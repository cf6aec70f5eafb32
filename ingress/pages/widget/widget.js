// @ts-check
// The widget of one script tag: its view, its session, and its API for the page.

import { Conversation, pressOf } from "../conversation.js";
import { Connection } from "./connection.js";
import { keepMounted } from "./mount.js";
import { Session } from "./session.js";
import { WidgetStorage } from "./storage.js";
import { textsOf } from "./texts.js";
import { View } from "./view.js";

/** @import { ChatMessage, Press } from "../conversation.js" */
/** @import { SessionEvent } from "./session.js" */

/**
 * `window.Answerback`, see docs/widget.md.
 *
 * @typedef {object} WidgetApi
 * @property {() => void} open
 * @property {() => void} close
 * @property {(text: string) => void} send
 * @property {(metadata: object) => void} identify
 * @property {() => void} remove
 * @property {HTMLElement} element
 * @property {string} identity Of its script tag.
 */

const page = /** @type {typeof window & { Answerback?: WidgetApi }} */ (window);

/** @param {HTMLScriptElement} script */
function start(script) {
  const { key, agent = "", position = "right", theme = "auto", open } = script.dataset;
  if (!key) return console.error("answerback: the script tag needs data-key, a publishable key: ab_pub_…");
  const identity = `${script.src} ${key} ${agent}`;
  // window.Answerback may also be an element of the page with that id.
  if (page.Answerback && typeof page.Answerback.identity === "string") {
    // Client-side navigation that replaces the body runs the script again: keep the conversation.
    if (page.Answerback.identity === identity) return;
    page.Answerback.remove();
  }
  const texts = textsOf(script);
  const view = new View(texts, WIDGET_CSS, { "data-position": position, "data-theme": theme }, resend, onPress);
  const storage = new WidgetStorage(`answerback:${key.split("_")[2]}:${agent}`);
  const connection = new Connection(new URL(".", script.src).href.replace(/\/$/, ""), key);
  const conversation = new Conversation((id, message) => {
    view.show(id, message);
    if (message && message.final && !message.announced) announce(message);
  });
  const session = new Session({ connection, key, agent, storage, conversation, onEvent });
  let offline = false;
  let loading = true; // the messages shown first are old
  let problem = "";

  /**
   * Dispatch an event for the page.
   *
   * @param {string} name
   * @param {object} [detail]
   */
  function emit(name, detail) {
    view.host.dispatchEvent(new CustomEvent(`answerback:${name}`, { bubbles: true, composed: true, detail }));
  }

  /** @param {ChatMessage} message */
  function announce(message) {
    message.announced = true;
    if (loading) return;
    if (!view.open) view.unreadDot.hidden = message.role === "user";
    emit("message", { id: message.id, role: message.role, text: message.points.join("") });
  }

  /** @param {SessionEvent} event */
  function onEvent(event) {
    if (event.kind === "session") emit("session", event.data);
    if (event.kind === "refused" || event.kind === "broken") {
      const { error } = event.data;
      // For the page's developer; the visitor sees that the chat is not available.
      console.error(`answerback: ${error.message}`);
      problem = [401, 403].includes(error.status) ? texts.unavailable : event.kind === "broken" ? texts.failed : "";
      emit("error", { reason: error.message, status: error.status, code: error.code });
    }
    if (event.kind === "error") emit("error", { reason: event.data.reason, code: event.data.code });
    if (event.kind === "done" || event.kind === "turn") problem = "";
    updateStatus();
  }

  function updateStatus() {
    if (problem) view.setStatus(problem, { bad: true });
    else if (offline && session.waiting) view.setStatus(texts.offline, { bad: true });
    else if (session.runningTurns.size) view.setStatus(session.progress || `${texts.agent} ${texts.typing}…`, { typing: true });
    else view.setStatus("");
    view.setBusy(session.waiting);
  }

  connection.onOffline = (now) => {
    if (offline === now) return;
    offline = now;
    updateStatus();
  };

  /**
   * @param {string} text
   * @param {Press} [press]
   */
  function send(text, press) {
    if (!text.trim() && !press) return;
    problem = "";
    loading = false;
    const messageKey = session.send(text, press);
    const message = conversation.messages.get(messageKey);
    emit("message", { id: messageKey, role: "user", text });
    if (message) message.announced = true;
  }

  /**
   * Send a message again: remove a refused one; a failed one stays in the history.
   *
   * @param {ChatMessage} message
   */
  function resend(message) {
    if (message.status === "refused") conversation.remove(message.id);
    else conversation.put(message.id, { status: "" });
    send(message.points.join(""), message.press);
  }

  /** @type {ConstructorParameters<typeof View>[4]} */
  function onPress(message, action, option) {
    const pressed = pressOf(message, action, option);
    if (pressed && !session.waiting) send(pressed.text, pressed.press);
  }

  /**
   * @param {boolean} opened
   * @param {boolean} focus
   */
  function toggle(opened, focus = true) {
    if (opened === view.open) return;
    view.toggle(opened, focus);
    emit(opened ? "open" : "close");
  }

  function submit() {
    if (!view.input.value.trim()) return;
    send(view.input.value);
    view.input.value = "";
    view.resizeInput();
    view.input.focus();
  }

  view.launcher.addEventListener("click", () => toggle(!view.open));
  view.closeButton.addEventListener("click", () => toggle(false));
  view.panel.addEventListener("keydown", (event) => event.key === "Escape" && !isComposing(event) && toggle(false));
  view.sendButton.addEventListener("click", submit);
  view.input.addEventListener("input", () => view.resizeInput());
  view.input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || isComposing(event)) return;
    event.preventDefault();
    submit();
  });

  const unmount = keepMounted(view.host, () => view.scrollToEnd());
  let storageTimer = 0;
  /** @param {StorageEvent} event */
  const onStorage = (event) => {
    if (event.key !== null && !event.key.startsWith(storage.name)) return;
    clearTimeout(storageTimer);
    storageTimer = setTimeout(() => session.adoptStoredSession(), 300);
  };
  addEventListener("storage", onStorage);

  function remove() {
    session.end();
    removeEventListener("storage", onStorage);
    unmount();
    delete page.Answerback;
  }

  if (open !== undefined) toggle(true, false);
  session.resume().then(() => {
    loading = false;
    session.follow();
    updateStatus();
    emit("ready");
  });

  page.Answerback = {
    open: () => toggle(true),
    close: () => toggle(false),
    send: (text) => send(text),
    // Metadata about the visitor, for the agent and the operator; sent when the session is opened.
    identify: (metadata) => void (session.metadata = metadata),
    remove,
    element: view.host,
    identity,
  };
}

/**
 * Whether a key belongs to an input method. In Safari, the Enter that ends a composition comes after its end and can be
 * recognized only by its code: https://bugs.webkit.org/show_bug.cgi?id=165004
 *
 * @param {KeyboardEvent} event
 */
function isComposing(event) {
  return event.isComposing || event.keyCode === 229;
}

// Module scripts have no currentScript.
const scripts = /** @type {NodeListOf<HTMLScriptElement>} */ (document.querySelectorAll("script[data-key]"));
const current = /** @type {HTMLScriptElement | null} */ (document.currentScript);
const tag = current || [...scripts].find(({ src }) => /\/widget\.js(\?|$)/.test(src));
if (!tag) console.error("answerback: no script tag with data-key is on this page");
else if (document.body) start(tag);
else document.addEventListener("DOMContentLoaded", () => start(tag));
