// @ts-check
// The accounts in which the app is installed: workspaces, organizations, installations.

import { request } from "./api.js";
import { badge, el, oneAtATime, table, update } from "./dom.js";
import { ago, sentence } from "./format.js";
import { liveStatus, poll } from "./live.js";

/** @import { AccountList, AccountView } from "../api.d.ts" */
/** @import { Child } from "./dom.js" */

const POLL_INTERVAL = 5000; // ms
const STALE_AFTER = 15000; // ms

/**
 * @param {HTMLElement} main
 * @param {string[]} _
 * @param {AbortSignal} signal
 */
export async function accountsPage(main, _, signal) {
  const list = el("div", {});
  const live = liveStatus(signal, STALE_AFTER);
  main.append(el("h1", {}, "Accounts"), live.element, list);

  const load = oneAtATime(async () => {
    /** @type {AccountList} */
    const { accounts } = await request("GET", "/admin/accounts", { signal });
    update(list, accounts.length ? table(["Platform", "Account", "Replies as", "State"], accounts.map(row)) : none());
  });

  await poll(load, POLL_INTERVAL, signal, live);
}

const none = () =>
  el("p", {}, "No workspace or organization has installed your app. The account that the settings configure is not listed here.");

/**
 * @param {AccountView} account
 * @returns {Child[]}
 */
function row({ platform, id, name, identity, state, since, error }) {
  const about = el("div", {}, name || id, name && el("small", { class: "faint" }, ` ${id}`));
  const when = el("small", { class: "faint" }, ` ${ago(since)}`);
  const shown = el("div", {}, badge(error && state === "installed" ? "broken" : state), when, error && el("p", { class: "bad" }, sentence(error)));
  return [platform, about, identity || "the app", shown];
}
