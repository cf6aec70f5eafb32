// The threads: search, filter and paging.

import { ask, platformOf, platforms } from "./api.js";
import { badge, el, table } from "./dom.js";
import { filterForm } from "./filters.js";
import { ago, short } from "./words.js";

const STATES = ["", "idle", "waiting", "running", "retrying"];

export async function threads(main, _, signal) {
  const option = (value, title = value) => el("option", { value }, title || "all");
  const list = el("div", { "aria-live": "polite" });
  const more = el("button", { type: "button", hidden: true, onclick: () => load(cursor) }, "More");
  let rows = [];
  let cursor = null;
  let asked = 0;

  const fields = [
    el("label", {}, "Title, channel, user or id", el("input", { name: "q", type: "search" })),
    el("label", {}, "Platform", el("select", { name: "platform" }, option(""), ...platforms.map(({ name, title }) => option(name, title)))),
    el("label", {}, "State", el("select", { name: "state" }, ...STATES.map((state) => option(state)))),
    el("label", {}, "Agent", el("input", { name: "agent" })),
  ];
  const filters = filterForm("threads", fields, () => load());
  main.append(el("h1", {}, "Threads"), filters.form, list, more);

  async function load(after = "") {
    const query = new URLSearchParams({ limit: 50, ...filters.values(), ...(after && { cursor: after }) });
    const mine = ++asked;
    const page = await ask("GET", `/admin/threads?${query}`, { signal });
    if (mine !== asked) return; // a newer request has been made
    rows = [...(after ? rows : []), ...page.threads];
    cursor = page.next_cursor;
    more.hidden = !cursor;
    const cells = rows.map((row) => [
      el("a", { href: `#thread/${encodeURIComponent(row.id)}` }, short(row.title || row.id)),
      platformOf(row.platform).title,
      row.agent,
      [badge(row.state), row.dead_letter_count > 0 && " ", row.dead_letter_count > 0 && badge("dead")],
      row.waiting_count ? `${row.message_count} + ${row.waiting_count}` : String(row.message_count),
      ago(row.updated_at),
    ]);
    const none = el("p", { class: "faint" }, cursor ? "No match among the newest threads. More searches older ones." : "No thread matches.");
    const heads = ["thread", "platform", "agent", "state", "messages", "last"];
    list.replaceChildren(cells.length ? table(heads, cells, { tight: [5] }) : none);
  }

  await load();
}
