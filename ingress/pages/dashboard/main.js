// The dashboard: who is signed in, and which page is shown. A page is a function that gets its place, the rest of the
// address and a signal that ends with it.

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
    if (!signal.aborted) main.append(el("p", { class: "bad", role: "alert" }, `This did not work: ${error.message}.`));
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
  notice("You are not signed in any more.");
  show();
});
// What a button began and the server refused is told; what ended with its page is nothing.
addEventListener("unhandledrejection", (event) => {
  const refused = event.reason instanceof Refused;
  if (refused) notice(`This did not work: ${event.reason.message}.`);
  if (refused || event.reason?.name === "AbortError") event.preventDefault();
});
begin();
