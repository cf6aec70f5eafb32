// The view: a button and a panel with the messages. It uses no HTML strings and no inline styles, so that Trusted Types
// and a style-src of the page do not block it, and no form, which a sandbox may forbid.

const ICON = "M4 3h16a2 2 0 0 1 2 2v11a2 2 0 0 1-2 2H9l-5 4v-4a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2z";
const LINK = /(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]])/;

class View {
  // `retry` is called with a message that the visitor wants to send again.
  constructor(texts, attributes, retry) {
    this.texts = texts;
    this.retry = retry;
    this.host = element("div", { "data-answerback": "", ...attributes });
    const root = this.host.attachShadow({ mode: "open" });
    dress(root, CSS);
    this.shown = new Map();
    this.due = new Map();
    this.log = element("div", { class: "log", role: "log", "aria-live": "polite", "aria-label": texts.title, tabindex: "0" });
    this.note = element("p", { class: "note", role: "status" });
    this.input = element("textarea", { rows: "1", "aria-label": texts.placeholder, placeholder: texts.placeholder, maxlength: "20000" });
    this.button = element("button", { type: "button", disabled: "" }, texts.send);
    this.closer = element("button", { type: "button", "aria-label": texts.close }, "×");
    const header = element("header", {}, element("h2", { id: "title" }, texts.title), this.closer);
    this.panel = element("section", { class: "panel", id: "panel", role: "dialog", "aria-labelledby": "title", hidden: "" });
    this.panel.append(header, this.log, this.note, element("div", { class: "compose" }, this.input, this.button));
    this.dot = element("span", { class: "dot", hidden: "" }, element("span", { class: "hidden" }, texts.unread));
    this.launcher = element("button", { class: "launcher", type: "button", "aria-expanded": "false", "aria-controls": "panel" });
    this.launcher.setAttribute("aria-label", texts.launcher);
    this.launcher.append(icon(), this.dot);
    root.append(this.panel, this.launcher);
    if (texts.greeting) this.log.append(this.bubble("assistant", texts.greeting).box);
  }

  get open() {
    return !this.panel.hidden;
  }

  toggle(open, focus) {
    this.panel.hidden = !open;
    this.host.toggleAttribute("data-open", open);
    this.launcher.setAttribute("aria-expanded", String(open));
    this.launcher.setAttribute("aria-label", open ? this.texts.close : this.texts.launcher);
    if (open) {
      this.dot.hidden = true;
      this.grow();
      this.bottom();
    }
    if (focus) (open ? this.input : this.launcher).focus();
  }

  // Fit the height of the input to its text, up to the limit of the style.
  grow() {
    const near = this.near;
    this.button.disabled = !this.input.value.trim();
    this.input.style.height = "auto";
    this.input.style.height = `${this.input.scrollHeight + this.input.offsetHeight - this.input.clientHeight}px`;
    if (near) this.bottom();
  }

  // Show a message; null removes it. A streaming message is drawn once per frame.
  show(id, message) {
    if (message && message.role === "assistant" && !message.final) {
      if (!this.due.size) soon(() => this.draw());
      this.due.set(message.id, message);
      return;
    }
    this.due.delete(id);
    this.now(id, message);
  }

  draw() {
    for (const [id, message] of this.due) this.now(id, message);
    this.due.clear();
  }

  now(id, message) {
    let bubble = this.shown.get(id);
    if (!message) {
      if (bubble) bubble.box.remove();
      this.shown.delete(id);
      return;
    }
    const near = this.near;
    const first = !bubble;
    if (first) {
      bubble = this.bubble(message.role, "");
      this.log.append(bubble.box);
    }
    this.shown.delete(id);
    this.shown.set(message.id, bubble);
    const text = message.points.join("");
    const streaming = message.role === "assistant" && !message.final;
    bubble.box.classList.toggle("pending", Boolean(message.pending));
    // Screen readers announce an answer once, when it is complete.
    bubble.box.setAttribute("aria-busy", String(streaming));
    if (bubble.text !== text || bubble.streaming !== streaming) write(bubble.words, message.role, text, streaming);
    Object.assign(bubble, { text, streaming });
    this.label(bubble, message);
    if (near || (first && message.role === "user")) this.bottom();
  }

  // Show the status under a message, with a button where a retry may help.
  label({ small }, message) {
    const { sending, cancelled, interrupted, dropped, refused, failed, retry } = this.texts;
    const words = message.pending ? sending : { cancelled, interrupted, dropped, refused, failed }[message.status] || "";
    const again = message.role === "user" && ["refused", "failed"].includes(message.status) && !message.pending;
    if (small.dataset.words === `${words}${again}`) return;
    small.dataset.words = `${words}${again}`;
    small.textContent = again ? `${words} ` : words;
    if (!again) return;
    const button = element("button", { type: "button" }, retry);
    button.addEventListener("click", () => this.retry(message));
    small.append(button);
  }

  // Show a note under the messages.
  tell(words, { bad = false, typing = false } = {}) {
    this.note.className = `note${bad ? " bad" : ""}${typing ? " typing" : ""}`;
    if (this.note.textContent !== words) this.note.textContent = words;
  }

  bubble(role, text) {
    const who = element("span", { class: "hidden" }, `${role === "user" ? this.texts.you : this.texts.agent}: `);
    const words = element("div", { class: role === "user" ? "words" : "words markdown" });
    const small = element("small", {});
    write(words, role, text, false);
    return { box: element("div", { class: `message ${role}` }, who, words, small), words, small, text };
  }

  get near() {
    return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 60;
  }

  bottom() {
    this.log.scrollTop = this.log.scrollHeight;
  }
}

// Use a constructed stylesheet, to which style-src does not apply, if the browser has it (Safari since 16.4).
function dress(root, css) {
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    if (!("adoptedStyleSheets" in root)) throw new TypeError("not adopted");
    root.adoptedStyleSheets = [sheet];
  } catch {
    root.append(element("style", {}, css));
  }
}

// Run with the next frame; a page in the background has none.
function soon(run) {
  if (document.hidden) setTimeout(run, 100);
  else requestAnimationFrame(run);
}

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function icon() {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICON);
  svg.append(path);
  return svg;
}

// Agents write Markdown; a visitor's text is shown as typed.
function write(into, role, text, streaming) {
  if (role === "assistant") return renderMarkdown(into, text, streaming);
  into.textContent = "";
  const line = element("p", {});
  text.split(LINK).forEach((part, number) => {
    const href = number % 2 ? safeUrl(part) : null;
    line.append(href ? element("a", { href, target: "_blank", rel: "noopener noreferrer nofollow" }, part) : part);
  });
  into.append(line);
}
