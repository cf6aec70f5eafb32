// @ts-check
// The dashboard: the sign-in and the current page. A page is a function of its element, the rest of the URL and a
// signal that aborts when another page is shown.

import { accountsPage } from "./accounts.js";
import { ApiError, currentSession, signOut } from "./api.js";
import { agentsPage } from "./agents.js";
import { chatPage } from "./chat.js";
import { deadLettersPage } from "./dead_letters.js";
import { el, notice } from "./dom.js";
import { sentence } from "./format.js";
import { overviewPage } from "./overview.js";
import { linkToken, signInPage } from "./sign_in.js";
import { threadPage } from "./thread.js";
import { threadsPage } from "./threads.js";

/** @import { Session } from "../api.d.ts" */
/** @typedef {(main: HTMLElement, path: string[], signal: AbortSignal) => Promise<void>} Page */

/** @type {Record<string, Page>} */
const PAGES = {
  overview: overviewPage,
  agents: agentsPage,
  chat: chatPage,
  threads: threadsPage,
  thread: threadPage,
  "dead-letters": deadLettersPage,
  accounts: accountsPage,
};
/** @type {Record<string, string>} */
const TITLES = { overview: "Overview", agents: "Agents", threads: "Threads", "dead-letters": "Dead letters", accounts: "Accounts" };
/** @type {Record<string, string>} */
const PARENTS = { chat: "agents", thread: "threads" };
const main = /** @type {HTMLElement} */ (document.getElementById("main"));
const header = /** @type {HTMLElement} */ (document.getElementById("header"));
let leaving = new AbortController();
/** @type {Session | null} */
let session = null;

async function start() {
  try {
    session = linkToken(location.hash) ? null : await currentSession();
  } catch (error) {
    session = null;
    if (error instanceof ApiError && error.status !== 401) notice(`Something went wrong: ${sentence(error.message)}`);
  }
  show();
}

function show() {
  leaving.abort();
  leaving = new AbortController();
  header.hidden = !session;
  main.replaceChildren();
  if (!session) {
    document.title = "Sign in · Answerback";
    signInPage(main, (opened) => {
      session = opened;
      show();
    });
    return;
  }
  const [name, ...path] = location.hash.slice(1).split("?")[0].split("/");
  const page = Object.hasOwn(PAGES, name) ? name : session.workspace === "default" ? "overview" : "threads";
  const current = PARENTS[page] || page;
  document.title = `${TITLES[current]} · Answerback`;
  /** @param {string} key */
  const link = (key) => el("a", { href: `#${key}`, "aria-current": key === current && "page" }, TITLES[key]);
  header.replaceChildren(
    el("strong", {}, "Answerback"),
    el("nav", { "aria-label": "Pages" }, ...Object.keys(TITLES).map(link)),
    el("span", { class: "faint" }, session.workspace),
    el("button", { type: "button", onclick: leave }, "Sign out"),
  );
  const signal = leaving.signal;
  PAGES[page](main, path.map(decodeURIComponent), signal).catch((error) => {
    if (signal.aborted) return;
    main.querySelector(".live")?.remove(); // nothing will arrive
    main.append(el("p", { class: "bad", role: "alert" }, `Something went wrong: ${sentence(error.message)}`));
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
  notice("You have been signed out.");
  show();
});
// Show errors of actions that the server refused; ignore what was aborted with its page.
addEventListener("unhandledrejection", (event) => {
  const refused = event.reason instanceof ApiError;
  if (refused) notice(`Something went wrong: ${sentence(event.reason.message)}`);
  if (refused || event.reason?.name === "AbortError") event.preventDefault();
});
start();
