// What is seen: a button, and a panel with what was said. Made without HTML in strings and without inline styles,
// so that neither Trusted Types nor a style-src of the page is in its way.

const ICON = "M4 3h16a2 2 0 0 1 2 2v11a2 2 0 0 1-2 2H9l-5 4v-4a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2z";
const LINK = /(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]])/;

class View {
  constructor(texts, attributes) {
    this.texts = texts;
    this.host = element("div", attributes);
    const root = this.host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
    root.adoptedStyleSheets = [sheet];
    this.shown = new Map();
    this.log = element("div", { class: "log", role: "log", "aria-live": "polite", "aria-label": texts.title, tabindex: "0" });
    this.note = element("p", { class: "note", role: "status" });
    this.input = element("textarea", { rows: "1", "aria-label": texts.placeholder, placeholder: texts.placeholder, maxlength: "20000" });
    this.button = element("button", { type: "submit", disabled: "" }, texts.send);
    this.form = element("form", {}, this.input, this.button);
    this.closer = element("button", { type: "button", "aria-label": texts.close }, "×");
    const header = element("header", {}, element("h2", { id: "title" }, texts.title), this.closer);
    this.panel = element("section", { class: "panel", id: "panel", role: "dialog", "aria-labelledby": "title", hidden: "" });
    this.panel.append(header, this.log, this.note, this.form);
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
    if (open) this.dot.hidden = true;
    if (open) this.bottom();
    if (focus) (open ? this.input : this.launcher).focus();
  }

  show(id, message) {
    let bubble = this.shown.get(id);
    if (!message) {
      bubble?.box.remove();
      this.shown.delete(id);
      return;
    }
    const near = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 60;
    if (!bubble) {
      bubble = this.bubble(message.role, "");
      this.log.append(bubble.box);
    }
    this.shown.delete(id);
    this.shown.set(message.id, bubble);
    const text = message.points.join("");
    const streaming = message.role === "assistant" && !message.final;
    bubble.box.classList.toggle("pending", Boolean(message.pending));
    // Whoever listens hears an answer once, when it is whole.
    bubble.box.setAttribute("aria-busy", String(streaming));
    if (bubble.text !== text || bubble.streaming !== streaming) write(bubble.words, text, !streaming);
    Object.assign(bubble, { text, streaming });
    const { sending, cancelled, dropped } = this.texts;
    bubble.small.textContent = message.pending ? sending : { cancelled, dropped }[message.status] || "";
    if (near || message.role === "user") this.bottom();
  }

  // Words under the conversation; with `again`, and a button that calls it.
  tell(words, { bad = false, typing = false, again } = {}) {
    this.note.className = `note${bad ? " bad" : ""}${typing ? " typing" : ""}`;
    this.note.replaceChildren(words);
    if (!again) return;
    const button = element("button", { type: "button" }, this.texts.retry);
    button.addEventListener("click", again);
    this.note.append(button);
  }

  bubble(role, text) {
    const who = element("span", { class: "hidden" }, `${role === "user" ? this.texts.you : this.texts.agent}: `);
    const words = element("p", {});
    const small = element("small", {});
    write(words, text, true);
    return { box: element("div", { class: `message ${role}` }, who, words, small), words, small, text };
  }

  bottom() {
    this.log.scrollTop = this.log.scrollHeight;
  }
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

function write(into, text, links) {
  const parts = links ? text.split(LINK) : [text];
  const anchor = (url) => element("a", { href: url, target: "_blank", rel: "noopener noreferrer nofollow" }, url);
  into.replaceChildren(...parts.map((part, number) => (number % 2 ? anchor(part) : part)));
}
