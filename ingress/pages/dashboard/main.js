// The dashboard: the session and the current page. A page is a function of its element, the rest of the URL and a
// signal that aborts when another page is shown.

import { Refused, signedIn, signOut } from "./api.js";
import { agents } from "./agents.js";
import { chat } from "./chat.js";
import { el, notice } from "./dom.js";
import { letters } from "./letters.js";
import { overview } from "./overview.js";
import { signInPage, linkOf } from "./signin.js";
import { thread } from "./thread.js";
import { threads } from "./threads.js";

const PAGES = { overview, agents, chat, threads, thread, letters };
const NAMES = { overview: "Overview", agents: "Agents", threads: "Threads", letters: "Dead letters" };
const UNDER = { chat: "agents", thread: "threads" };
const main = document.getElementById("main");
const header = document.getElementById("header");
let ending = new AbortController();
let session = null;

async function begin() {
  try {
    session = linkOf(location.hash) ? null : await signedIn();
  } catch (error) {
    session = null;
    if (error.status !== 401) notice(error.message);
  }
  show();
}

function show() {
  ending.abort();
  ending = new AbortController();
  header.hidden = !session;
  main.replaceChildren();
  if (!session) {
    document.title = "Sign in · Answerback";
    return signInPage(main, (opened) => {
      session = opened;
      show();
    });
  }
  const [name, ...rest] = location.hash.slice(1).split("?")[0].split("/");
  const page = Object.hasOwn(PAGES, name) ? name : session.workspace === "default" ? "overview" : "threads";
  const current = UNDER[page] || page;
  document.title = `${NAMES[current]} · Answerback`;
  const link = (key) => el("a", { href: `#${key}`, "aria-current": key === current && "page" }, NAMES[key]);
  header.replaceChildren(
    el("strong", {}, "Answerback"),
    el("nav", { "aria-label": "Pages" }, ...Object.keys(NAMES).map(link)),
    el("span", { class: "faint" }, session.workspace),
    el("button", { type: "button", onclick: leave }, "Sign out"),
  );
  const signal = ending.signal;
  Promise.resolve(PAGES[page](main, rest.map(decodeURIComponent), signal)).catch((error) => {
    if (!signal.aborted) main.append(el("p", { class: "bad", role: "alert" }, `Something went wrong: ${error.message}.`));
  });
}

async function leave() {
  await signOut().catch(() => {});
  session = null;
  location.hash = "";
  show();
}

addEventListener("hashchange", () => {
  show();
  main.focus();
});
addEventListener("signed-out", () => {
  if (!session) return;
  session = null;
  notice("You are no longer signed in.");
  show();
});
// Show errors of actions that the server refused; ignore what was aborted with its page.
addEventListener("unhandledrejection", (event) => {
  const refused = event.reason instanceof Refused;
  if (refused) notice(`Something went wrong: ${event.reason.message}.`);
  if (refused || event.reason?.name === "AbortError") event.preventDefault();
});
begin();
