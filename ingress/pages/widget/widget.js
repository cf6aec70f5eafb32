// The widget of one script tag: its view, its session, and what the page may do with it.

function start(script) {
  const { key, agent = "", position = "right", theme = "auto", open } = script.dataset;
  if (!key) return console.error("answerback: the script needs data-key, a publishable key: ab_pub_…");
  const texts = textsOf(script);
  const view = new View(texts, { "data-position": position, "data-theme": theme });
  const memory = new Memory(`answerback:${key.split("_")[2]}:${agent}`);
  const line = new Line(new URL("api/v1", script.src).href);
  const talk = new Talk((id, message) => {
    view.show(id, message);
    if (message?.final && !message.told) tell(message);
  });
  const session = new Session({ line, key, agent, memory, talk, report });
  let away = false;
  let past = true; // what is shown first was said before
  let wrong = null;

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
    if (kind === "refused") {
      const unavailable = [401, 403].includes(said.error.status);
      wrong = { words: unavailable ? texts.unavailable : texts.refused, text: unavailable ? "" : said.text };
      emit("error", { reason: said.error.message, status: said.error.status });
    }
    if (kind === "error") {
      wrong = { words: texts.failed };
      emit("error", { reason: said.reason, code: said.code });
    }
    if (kind === "done") wrong = null;
    state();
  }

  function state() {
    const again = wrong?.text && (() => send(wrong.text));
    if (away && session.waiting) view.tell(texts.offline, { bad: true });
    else if (wrong) view.tell(wrong.words, { bad: true, again });
    else if (session.busy.size) view.tell(`${texts.agent} ${texts.typing} …`, { typing: true });
    else view.tell("");
  }

  line.away = (gone) => {
    away = gone;
    state();
  };

  function send(text) {
    if (!text.trim()) return;
    wrong = null;
    past = false;
    const written = session.say(text);
    const [message] = [...talk.messages.values()].slice(-1);
    emit("message", { id: message.id, role: "user", text });
    message.told = true;
    return written;
  }

  function toggle(wanted, focus = true) {
    if (wanted === view.open) return;
    view.toggle(wanted, focus);
    emit(wanted ? "open" : "close");
  }

  view.launcher.addEventListener("click", () => toggle(!view.open));
  view.closer.addEventListener("click", () => toggle(false));
  view.panel.addEventListener("keydown", (event) => event.key === "Escape" && toggle(false));
  view.input.addEventListener("input", () => (view.button.disabled = !view.input.value.trim()));
  view.input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      view.form.requestSubmit();
    }
  });
  view.form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(view.input.value);
    view.input.value = "";
    view.button.disabled = true;
    view.input.focus();
  });

  document.body.append(view.host);
  if (open !== undefined) toggle(true, false);
  session.resume().then(() => {
    past = false;
    session.follow();
    state();
    emit("ready");
  });

  // Whose session it is, for the agent and the operator: it is told when the session is opened.
  const identify = (user) => void (session.user = user);
  window.Answerback = { open: () => toggle(true), close: () => toggle(false), send, identify, element: view.host };
}

const script = document.currentScript;
if (document.body) start(script);
else document.addEventListener("DOMContentLoaded", () => start(script));
