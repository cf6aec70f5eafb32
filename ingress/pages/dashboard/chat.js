// Chat with an agent. The thread survives reloads, and its events are received without gaps or duplicates.

import { renderMarkdown } from "../markdown/render.js";
import { Talk, uuid } from "../talk.js";
import { ask, follow } from "./api.js";
import { el, soon } from "./dom.js";
import { toolCall } from "./tool.js";

export async function chat(main, [agent], signal) {
  const place = `answerback:chat:${agent}`;
  const list = el("ol", { class: "talk", role: "log", "aria-live": "polite", "aria-label": `Chat with ${agent}`, tabindex: "0" });
  const typing = el("p", { class: "typing", role: "status" });
  const trouble = el("p", { class: "bad", role: "alert" });
  const input = el("textarea", { rows: "2", "aria-label": "Message", placeholder: "Write a message", onkeydown: enter });
  const send = el("button", { class: "main" }, "Send");
  const stop = el("button", { type: "button", hidden: true, onclick: cancel }, "Stop");
  const form = el("form", { onsubmit: submit }, input, send, stop);
  const anew = el("button", { type: "button", onclick: restart }, "New chat");
  const header = el("div", { class: "row" }, el("h1", {}, agent), anew);
  main.append(header, el("section", { class: "chat" }, list, typing, trouble, form));

  const shown = new Map();
  const working = new Set();
  const talk = new Talk(show);
  let thread = localStorage.getItem(place);
  let reading = Boolean(thread);
  let sending = false;
  let posting = null;
  let listening = null;

  function show(id, message) {
    const item = shown.get(id);
    shown.delete(id);
    if (!message) return item?.box.remove();
    const here = item || bubble(message.role);
    if (!item) list.append(here.box);
    shown.set(message.id, here);
    const text = message.points.join("");
    const streaming = message.role === "assistant" && !message.final;
    if (message.role === "user") here.words.textContent = text;
    else if (here.text !== text || here.streaming !== streaming) draw(here, text, streaming);
    here.small.textContent = message.pending ? "sending …" : message.status || "";
    here.box.classList.toggle("pending", Boolean(message.pending));
    here.box.setAttribute("aria-busy", String(message.role === "assistant" && !message.final));
    bottom();
  }

  // Once per frame while it streams: a long answer must not be parsed again for each word.
  function draw(here, text, streaming) {
    Object.assign(here, { text, streaming });
    if (!streaming) return renderMarkdown(here.words, text);
    if (here.due) return;
    here.due = true;
    soon(() => {
      here.due = false;
      renderMarkdown(here.words, here.text, here.streaming);
      bottom();
    });
  }

  function bubble(role) {
    const words = role === "user" ? el("p", {}) : el("div", { class: "markdown" });
    const small = el("small", {});
    const who = el("small", {}, role === "user" ? "you" : agent);
    return { box: el("li", { class: `said ${role}` }, who, words, small), words, small };
  }

  // Tool calls are shown in order, collapsed.
  function tool(call, running = false) {
    let item = shown.get(call.id);
    if (!item) {
      item = { box: el("li", { class: "said" }), call: {} };
      list.append(item.box);
      shown.set(call.id, item);
    }
    Object.assign(item.call, call);
    item.box.replaceChildren(toolCall(item.call, running));
    bottom();
  }

  function bottom() {
    list.scrollTop = list.scrollHeight;
  }

  function state() {
    // More messages may be sent during a turn: they wait in the thread.
    input.disabled = reading;
    send.disabled = sending || reading;
    anew.disabled = sending;
    stop.hidden = working.size === 0;
    typing.textContent = working.size ? `${agent} is working …` : "";
    typing.classList.toggle("on", working.size > 0);
  }

  function failed(words, again) {
    trouble.replaceChildren(`${words} `);
    if (again) trouble.append(el("button", { type: "button", onclick: again }, "Try again"));
  }

  async function hear({ kind, said }) {
    // The event may be about a message whose receipt has not arrived yet: wait for it.
    const about = kind === "turn" || said.status === "dropped" ? said.events : [];
    if (about.some((id) => !talk.messages.has(id))) await posting;
    if (kind === "turn") working.add(said.turn);
    if (kind === "tool_call" || kind === "tool_result") tool(said, kind === "tool_call");
    if (kind === "retry") failed(`The attempt failed (${said.reason}); retrying in ${Math.ceil(said.seconds)} s.`);
    if (kind === "text") trouble.replaceChildren();
    if (kind === "error") {
      const asked = said.events.map((id) => talk.messages.get(id)).find(Boolean);
      const text = asked ? asked.points.join("") : "";
      failed(`${agent} could not answer: ${said.reason}.`, text && (() => say(text, uuid())));
    }
    talk.hear(kind, said);
    if (kind === "done" || kind === "error") [said.turn, ...said.events].forEach((id) => working.delete(id));
    if (kind === "done") trouble.replaceChildren();
    if (kind === "gone") forget();
    if (kind === "forgotten") history();
    const wasDisabled = input.disabled;
    state();
    if (wasDisabled && !input.disabled && document.activeElement === document.body) input.focus();
  }

  async function history() {
    const wanted = thread;
    for (let cursor = ""; cursor !== null; ) {
      const query = cursor && `?cursor=${encodeURIComponent(cursor)}`;
      const page = await ask("GET", `/chat/threads/${wanted}/messages${query}`, { signal });
      if (thread !== wanted) return; // a new chat has begun meanwhile
      for (const message of page.messages) {
        message.tool_calls.forEach((call) => tool(call));
        talk.settle({ ...message, status: message.status === "completed" ? "" : message.status });
      }
      cursor = page.next_cursor;
    }
  }

  async function listen() {
    if (listening || !thread) return;
    listening = new AbortController();
    signal.addEventListener("abort", () => listening?.abort());
    await follow(`/chat/threads/${thread}/stream`, listening.signal, hear, { after: "0" });
  }

  function say(text, key) {
    posting = post(text, key);
  }

  async function post(text, key) {
    sending = true;
    trouble.replaceChildren();
    state();
    if (!talk.messages.has(key)) talk.write(key, text);
    try {
      if (!thread) {
        const headers = { "Idempotency-Key": `open-${key}` };
        thread = (await ask("POST", "/chat/threads", { body: { agent, title: text.slice(0, 80) }, headers })).id;
        localStorage.setItem(place, thread);
      }
      const headers = { "Idempotency-Key": key };
      const body = { content: text, wait: false };
      const receipt = await ask("POST", `/chat/threads/${thread}/messages`, { body, headers });
      talk.acknowledge(key, receipt.id);
      working.add(receipt.id);
      listen().catch(lost);
    } catch (error) {
      failed(`This was not sent: ${error.message}.`, () => say(text, key));
    }
    sending = false;
    state();
  }

  function lost(error) {
    if (error.status === 404) forget();
    else failed(`${error.message}.`, reading && resume);
    state();
  }

  // Forget the thread; the next message opens another one.
  function forget() {
    listening?.abort();
    listening = thread = null;
    reading = false;
    localStorage.removeItem(place);
    working.clear();
  }

  function restart() {
    forget();
    talk.messages.clear();
    shown.clear();
    list.replaceChildren();
    trouble.replaceChildren();
    state();
    input.focus();
  }

  async function cancel() {
    await ask("POST", `/chat/threads/${thread}/cancel`).catch((error) => failed(`${error.message}.`));
  }

  function submit(event) {
    event.preventDefault();
    const text = input.value.trim();
    if (!text || sending || reading) return;
    input.value = "";
    say(text, uuid());
  }

  function enter(event) {
    // In Safari, only the code tells the Enter that ends a composition: https://bugs.webkit.org/show_bug.cgi?id=165004
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    form.requestSubmit();
  }

  // Load the history first, so that nothing is inserted above new messages.
  async function resume() {
    trouble.replaceChildren();
    try {
      await history();
      reading = false;
      state();
      input.focus();
      await listen();
    } catch (error) {
      if (!signal.aborted) lost(error);
    }
  }

  state();
  input.focus();
  if (thread) await resume();
}
