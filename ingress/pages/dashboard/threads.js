// @ts-check
// The threads: search, filter and paging.

import { platformOf, platforms, request } from "./api.js";
import { badge, el, table } from "./dom.js";
import { filterForm } from "./filters.js";
import { ago, truncate } from "./format.js";

/** @import { ThreadPage, ThreadSummary } from "../api.d.ts" */

const STATES = ["", "idle", "waiting", "running", "retrying"];

/**
 * @param {HTMLElement} main
 * @param {string[]} _
 * @param {AbortSignal} signal
 */
export async function threadsPage(main, _, signal) {
  /** @type {(value: string, title?: string) => HTMLElement} */
  const option = (value, title = value) => el("option", { value }, title || "all");
  const list = el("div", { "aria-live": "polite" });
  const more = el("button", { type: "button", hidden: true, onclick: () => load(cursor ?? "") }, "Load more");
  /** @type {ThreadSummary[]} */
  let rows = [];
  /** @type {string | null} */
  let cursor = null;
  let requests = 0;

  const fields = [
    el("label", {}, "Title, channel, user or ID", el("input", { name: "q", type: "search" })),
    el("label", {}, "Platform", el("select", { name: "platform" }, option(""), ...platforms.map(({ name, title }) => option(name, title)))),
    el("label", {}, "State", el("select", { name: "state" }, ...STATES.map((state) => option(state)))),
    el("label", {}, "Agent", el("input", { name: "agent" })),
  ];
  const filters = filterForm("threads", fields, () => load());
  main.append(el("h1", {}, "Threads"), filters.form, list, more);

  async function load(after = "") {
    const query = new URLSearchParams({ limit: "50", ...filters.values(), ...(after && { cursor: after }) });
    const number = ++requests;
    /** @type {ThreadPage} */
    const page = await request("GET", `/admin/threads?${query}`, { signal });
    if (number !== requests) return; // a newer request has been made
    rows = [...(after ? rows : []), ...page.threads];
    cursor = page.next_cursor;
    more.hidden = !cursor;
    const cells = rows.map((row) => [
      el("a", { href: `#thread/${encodeURIComponent(row.id)}` }, truncate(row.title || row.id)),
      platformOf(row.platform).title,
      row.agent,
      [badge(row.state), row.dead_letter_count > 0 && " ", row.dead_letter_count > 0 && badge("dead")],
      row.waiting_count ? `${row.message_count} + ${row.waiting_count} waiting` : String(row.message_count),
      ago(row.updated_at),
    ]);
    const none = el("p", { class: "faint" }, cursor ? "No matches among the newest threads. Load more to search older ones." : "No threads match.");
    const heads = ["Thread", "Platform", "Agent", "State", "Messages", "Last activity"];
    list.replaceChildren(cells.length ? table(heads, cells, { tight: [5] }) : none);
  }

  await load();
}
