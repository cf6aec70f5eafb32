// The widget of one script tag: its view, its session, and its API for the page.

function start(script) {
  const { key, agent = "", position = "right", theme = "auto", open } = script.dataset;
  if (!key) return console.error("answerback: the script needs data-key, a publishable key: ab_pub_…");
  const identity = `${script.src} ${key} ${agent}`;
  // window.Answerback may also be an element of the page with that id.
  if (window.Answerback && typeof window.Answerback.identity === "string") {
    // Client-side navigation that replaces the body runs the script again: keep the conversation.
    if (window.Answerback.identity === identity) return;
    window.Answerback.remove();
  }
  const texts = textsOf(script);
  const view = new View(texts, { "data-position": position, "data-theme": theme }, again);
  const memory = new Memory(`answerback:${key.split("_")[2]}:${agent}`);
  const line = new Line(new URL(".", script.src).href.replace(/\/$/, ""), key);
  const talk = new Talk((id, message) => {
    view.show(id, message);
    if (message && message.final && !message.told) tell(message);
  });
  const session = new Session({ line, key, agent, memory, talk, report });
  let away = false;
  let past = true; // the messages shown first are old
  let wrong = "";

  function emit(name, detail) {
    view.host.dispatchEvent(new CustomEvent(`answerback:${name}`, { bubbles: true, composed: true, detail }));
  }

  function tell(message) {
    message.told = true;
    if (past) return;
    if (!view.open) view.dot.hidden = message.role === "user";
    emit("message", { id: message.id, role: message.role, text: message.points.join("") });
  }

  function report(kind, said) {
    if (kind === "session") emit("session", said);
    if (kind === "refused" || kind === "broken") {
      const { error } = said;
      // For the page's developer; the visitor sees that the chat is not available.
      console.error(`answerback: ${error.message}`);
      wrong = [401, 403].includes(error.status) ? texts.unavailable : kind === "broken" ? texts.failed : "";
      emit("error", { reason: error.message, status: error.status, code: error.code });
    }
    if (kind === "error") emit("error", { reason: said.reason, code: said.code });
    if (kind === "done" || kind === "turn") wrong = "";
    state();
  }

  function state() {
    if (wrong) view.tell(wrong, { bad: true });
    else if (away && session.waiting) view.tell(texts.offline, { bad: true });
    else if (session.busy.size) view.tell(`${texts.agent} ${texts.typing} …`, { typing: true });
    else view.tell("");
  }

  line.away = (gone) => {
    if (away === gone) return;
    away = gone;
    state();
  };

  function send(text) {
    if (!text.trim()) return;
    wrong = "";
    past = false;
    const written = session.say(text);
    const message = talk.messages.get(written);
    emit("message", { id: written, role: "user", text });
    if (message) message.told = true;
  }

  // Send a message again: remove a refused one; a failed one stays in the history.
  function again(message) {
    if (message.status === "refused") talk.drop(message.id);
    else talk.put(message.id, { status: "" });
    send(message.points.join(""));
  }

  function toggle(wanted, focus = true) {
    if (wanted === view.open) return;
    view.toggle(wanted, focus);
    emit(wanted ? "open" : "close");
  }

  function submit() {
    if (!view.input.value.trim()) return;
    send(view.input.value);
    view.input.value = "";
    view.grow();
    view.input.focus();
  }

  view.launcher.addEventListener("click", () => toggle(!view.open));
  view.closer.addEventListener("click", () => toggle(false));
  view.panel.addEventListener("keydown", (event) => event.key === "Escape" && !composing(event) && toggle(false));
  view.button.addEventListener("click", submit);
  view.input.addEventListener("input", () => view.grow());
  view.input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || composing(event)) return;
    event.preventDefault();
    submit();
  });

  const leave = keepOnPage(view.host, () => view.bottom());
  let changed = 0;
  const elsewhere = (event) => {
    if (event.key !== null && !event.key.startsWith(memory.name)) return;
    clearTimeout(changed);
    changed = setTimeout(() => session.changedElsewhere(), 300);
  };
  addEventListener("storage", elsewhere);

  function remove() {
    session.end();
    removeEventListener("storage", elsewhere);
    leave();
    delete window.Answerback;
  }

  if (open !== undefined) toggle(true, false);
  session.resume().then(() => {
    past = false;
    session.follow();
    state();
    emit("ready");
  });

  // Metadata about the visitor, for the agent and the operator; sent when the session is opened.
  const identify = (user) => void (session.user = user);
  window.Answerback = { open: () => toggle(true), close: () => toggle(false), send, identify, remove, element: view.host, identity };
}

// Whether a key belongs to an input method. In Safari, the Enter that ends a composition comes after its end and can be
// recognized only by its code: https://bugs.webkit.org/show_bug.cgi?id=165004
function composing(event) {
  return event.isComposing || event.keyCode === 229;
}

// Module scripts have no currentScript.
const tag = document.currentScript || [...document.querySelectorAll("script[data-key]")].find(({ src }) => /\/widget\.js(\?|$)/.test(src));
if (!tag) console.error("answerback: no script tag with data-key is on this page");
else if (document.body) start(tag);
else document.addEventListener("DOMContentLoaded", () => start(tag));
