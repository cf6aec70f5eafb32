// @ts-check
// The view: a button and a panel with the messages. It uses no HTML strings and no inline styles, so that Trusted Types
// and a style-src of the page do not block it, and no form, which a sandbox may forbid.

import { safeUrl } from "../markdown/inline.js";
import { renderMarkdown } from "../markdown/render.js";

/** @import { ChatMessage } from "../conversation.js" */
/** @import { StreamAction } from "../stream-events.d.ts" */
/** @import { Texts } from "./texts.js" */

/**
 * The elements of a message, and what they show.
 *
 * @typedef {object} Bubble
 * @property {HTMLElement} box
 * @property {HTMLElement} body
 * @property {HTMLElement} actions
 * @property {HTMLElement} footer
 * @property {string} text
 * @property {StreamAction[]} [shown] Its buttons and menus.
 * @property {boolean} [streaming]
 */

const ICON = "M4 3h16a2 2 0 0 1 2 2v11a2 2 0 0 1-2 2H9l-5 4v-4a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2z";
const LINK = /(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]])/;

export class View {
  /**
   * @param {Texts} texts
   * @param {string} css
   * @param {Record<string, string>} attributes Of the host element.
   * @param {(message: ChatMessage) => void} onRetry Called with a message that the visitor wants to send again.
   * @param {(message: string, action: StreamAction, option?: string) => void} onPress Called with a pressed button, or a
   *   chosen option, and the id of its message.
   */
  constructor(texts, css, attributes, onRetry, onPress) {
    this.texts = texts;
    this.onRetry = onRetry;
    this.onPress = onPress;
    this.busy = false;
    this.host = element("div", { "data-answerback": "", ...attributes });
    const root = this.host.attachShadow({ mode: "open" });
    addStyles(root, css);
    /** @type {Map<string, Bubble>} */
    this.bubbles = new Map();
    /** @type {Map<string, ChatMessage>} */
    this.scheduled = new Map(); // streaming messages to be rendered with the next frame
    this.log = element("div", { class: "log", role: "log", "aria-live": "polite", "aria-label": texts.title, tabindex: "0" });
    this.status = element("p", { class: "note", role: "status" });
    this.input = element("textarea", { rows: "1", "aria-label": texts.placeholder, placeholder: texts.placeholder, maxlength: "20000" });
    this.sendButton = element("button", { type: "button", disabled: "" }, texts.send);
    this.closeButton = element("button", { type: "button", "aria-label": texts.close }, "×");
    const header = element("header", {}, element("h2", { id: "title" }, texts.title), this.closeButton);
    this.panel = element("section", { class: "panel", id: "panel", role: "dialog", "aria-labelledby": "title", hidden: "" });
    this.panel.append(header, this.log, this.status, element("div", { class: "compose" }, this.input, this.sendButton));
    this.unreadDot = element("span", { class: "dot", hidden: "" }, element("span", { class: "hidden" }, texts.unread));
    this.launcher = element("button", { class: "launcher", type: "button", "aria-expanded": "false", "aria-controls": "panel" });
    this.launcher.setAttribute("aria-label", texts.launcher);
    this.launcher.append(launcherIcon(), this.unreadDot);
    root.append(this.panel, this.launcher);
    if (texts.greeting) this.log.append(this.createBubble("assistant", texts.greeting).box);
  }

  get open() {
    return !this.panel.hidden;
  }

  /**
   * @param {boolean} open
   * @param {boolean} focus Whether to move the focus, too.
   */
  toggle(open, focus) {
    this.panel.hidden = !open;
    this.host.toggleAttribute("data-open", open);
    this.launcher.setAttribute("aria-expanded", String(open));
    this.launcher.setAttribute("aria-label", open ? this.texts.close : this.texts.launcher);
    if (open) {
      this.unreadDot.hidden = true;
      this.resizeInput();
      this.scrollToEnd();
    }
    if (focus) (open ? this.input : this.launcher).focus();
  }

  /** Fit the height of the input to its text, up to the limit of the style. */
  resizeInput() {
    const atEnd = this.isAtEnd;
    this.sendButton.disabled = !this.input.value.trim();
    this.input.style.height = "auto";
    this.input.style.height = `${this.input.scrollHeight + this.input.offsetHeight - this.input.clientHeight}px`;
    if (atEnd) this.scrollToEnd();
  }

  /**
   * Show a message; null removes it. A streaming message is rendered once per frame.
   *
   * @param {string} id The id under which it was shown before.
   * @param {ChatMessage | null} message
   */
  show(id, message) {
    if (message && message.role === "assistant" && !message.final) {
      if (!this.scheduled.size) onNextFrame(() => this.renderScheduled());
      this.scheduled.set(message.id, message);
      return;
    }
    this.scheduled.delete(id);
    this.render(id, message);
  }

  renderScheduled() {
    for (const [id, message] of this.scheduled) this.render(id, message);
    this.scheduled.clear();
  }

  /**
   * @param {string} id
   * @param {ChatMessage | null} message
   */
  render(id, message) {
    const old = this.bubbles.get(id);
    this.bubbles.delete(id);
    if (!message) {
      if (old) old.box.remove();
      return;
    }
    const atEnd = this.isAtEnd;
    const bubble = old || this.createBubble(message.role, "");
    if (!old) this.log.append(bubble.box);
    this.bubbles.set(message.id, bubble);
    const text = message.points.join("");
    const streaming = message.role === "assistant" && !message.final;
    bubble.box.classList.toggle("pending", Boolean(message.pending));
    // Screen readers announce an answer once, when it is complete.
    bubble.box.setAttribute("aria-busy", String(streaming));
    if (bubble.text !== text || bubble.streaming !== streaming) renderText(bubble.body, message.role, text, streaming);
    Object.assign(bubble, { text, streaming });
    // What is still being written cannot be pressed: the server does not know its buttons yet.
    this.renderActions(bubble, message.id, streaming ? [] : message.actions || []);
    this.renderFooter(bubble, message);
    if (atEnd || (!old && message.role === "user")) this.scrollToEnd();
  }

  /**
   * Show the buttons and menus of a message.
   *
   * @param {Bubble} bubble
   * @param {string} id The id of the message.
   * @param {StreamAction[]} actions
   */
  renderActions(bubble, id, actions) {
    if (bubble.shown === actions || (!bubble.shown && !actions.length)) return;
    bubble.shown = actions;
    bubble.actions.replaceChildren(...actions.map((action) => this.control(id, action)));
    this.setBusy(this.busy);
  }

  /**
   * @param {string} id
   * @param {StreamAction} action
   */
  control(id, action) {
    const href = action.url ? safeUrl(action.url) : null;
    if (href) return element("a", { href, target: "_blank", rel: "noopener noreferrer nofollow" }, action.label);
    if (action.type === "button") {
      const button = element("button", { type: "button", class: action.style || "" }, action.label);
      button.addEventListener("click", () => this.onPress(id, action));
      return button;
    }
    const menu = element("select", { "aria-label": action.label || action.name });
    menu.append(element("option", { value: "" }, action.label || this.texts.choose));
    // By its place: an option's own value may be anything.
    (action.options || []).forEach(({ label }, n) => menu.append(element("option", { value: String(n) }, label)));
    menu.addEventListener("change", () => {
      const option = action.options?.[Number(menu.value)];
      if (menu.value && option) this.onPress(id, action, option.value);
      menu.value = "";
    });
    return menu;
  }

  /**
   * While an answer is expected, nothing can be pressed: a double click is one press.
   *
   * @param {boolean} busy
   */
  setBusy(busy) {
    this.busy = busy;
    for (const control of this.log.querySelectorAll(".actions button, .actions select")) control.toggleAttribute("disabled", busy);
  }

  /**
   * Show the status under a message, with a button where a retry may help.
   *
   * @param {Bubble} bubble
   * @param {ChatMessage} message
   */
  renderFooter({ footer }, message) {
    const { sending, cancelled, interrupted, dropped, ignored, refused, failed, retry } = this.texts;
    /** @type {Record<string, string>} */
    const labels = { cancelled, interrupted, dropped, ignored, refused, failed };
    const status = message.status ?? "";
    const label = message.pending ? sending : labels[status] || "";
    const canRetry = message.role === "user" && ["refused", "failed"].includes(status) && !message.pending;
    if (footer.dataset.label === `${label}${canRetry}`) return;
    footer.dataset.label = `${label}${canRetry}`;
    footer.textContent = canRetry ? `${label} ` : label;
    if (!canRetry) return;
    const button = element("button", { type: "button" }, retry);
    button.addEventListener("click", () => this.onRetry(message));
    footer.append(button);
  }

  /**
   * Show a status line under the messages.
   *
   * @param {string} text
   * @param {{ bad?: boolean, typing?: boolean }} style
   */
  setStatus(text, { bad = false, typing = false } = {}) {
    this.status.className = `note${bad ? " bad" : ""}${typing ? " typing" : ""}`;
    if (this.status.textContent !== text) this.status.textContent = text;
  }

  /**
   * @param {"user" | "assistant"} role
   * @param {string} text
   * @returns {Bubble}
   */
  createBubble(role, text) {
    const sender = element("span", { class: "hidden" }, `${role === "user" ? this.texts.you : this.texts.agent}: `);
    const body = element("div", { class: role === "user" ? "text" : "text markdown" });
    const actions = element("div", { class: "actions" });
    const footer = element("small", {});
    renderText(body, role, text, false);
    return { box: element("div", { class: `message ${role}` }, sender, body, actions, footer), body, actions, footer, text };
  }

  get isAtEnd() {
    return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 60;
  }

  scrollToEnd() {
    this.log.scrollTop = this.log.scrollHeight;
  }
}

/**
 * Use a constructed stylesheet, to which style-src does not apply, if the browser has it (Safari since 16.4).
 *
 * @param {ShadowRoot} root
 * @param {string} css
 */
function addStyles(root, css) {
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    if (!("adoptedStyleSheets" in root)) throw new TypeError("no adoptedStyleSheets");
    root.adoptedStyleSheets = [sheet];
  } catch {
    root.append(element("style", {}, css));
  }
}

/**
 * Run with the next frame; a page in the background has none.
 *
 * @param {() => void} run
 */
function onNextFrame(run) {
  if (document.hidden) setTimeout(run, 100);
  else requestAnimationFrame(run);
}

/**
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, string>} attributes
 * @param {...(Node | string)} children
 */
function element(name, attributes, ...children) {
  const created = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) created.setAttribute(key, value);
  created.append(...children);
  return created;
}

function launcherIcon() {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICON);
  svg.append(path);
  return svg;
}

/**
 * Agents write Markdown; a visitor's text is shown as typed.
 *
 * @param {HTMLElement} target
 * @param {"user" | "assistant"} role
 * @param {string} text
 * @param {boolean} streaming
 */
function renderText(target, role, text, streaming) {
  if (role === "assistant") return renderMarkdown(target, text, streaming);
  target.textContent = "";
  const paragraph = element("p", {});
  text.split(LINK).forEach((part, number) => {
    const href = number % 2 ? safeUrl(part) : null;
    paragraph.append(href ? element("a", { href, target: "_blank", rel: "noopener noreferrer nofollow" }, part) : part);
  });
  target.append(paragraph);
}
