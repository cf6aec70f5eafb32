// @ts-check
// The dead letters: filter, group by reason, read, replay and drop; one, several, or all that match.

import { request } from "./api.js";
import { deadLetterCard, threadLink } from "./dead_letter.js";
import { confirmed, el, notice, oneAtATime, replace, table } from "./dom.js";
import { filterForm, parseFilters } from "./filters.js";
import { ago, sentence, truncate } from "./format.js";
import { liveStatus, poll } from "./live.js";

/** @import { DeadLetterPage, DeadLetterSummary, ReasonCount, Result } from "../api.d.ts" */

const FIRST_LIMIT = 200; // rows
const MAX_LIMIT = 1000;
const POLL_INTERVAL = 3000; // ms
const STALE_AFTER = 10000; // ms

/**
 * @param {HTMLElement} main
 * @param {string[]} path The id of the dead letter that is shown in full, if any.
 * @param {AbortSignal} signal
 */
export async function deadLettersPage(main, [opened], signal) {
  const detail = el("div", {});
  const list = el("div", {});
  /** @type {Set<string>} */
  const selected = new Set();
  const replayButton = el("button", { type: "button", class: "main", onclick: () => act("replay") }, "Replay");
  const dropButton = el("button", { type: "button", class: "danger", onclick: () => act("delete") }, "Drop");
  const selectShown = el("input", { type: "checkbox", "aria-label": "Select all", onchange: () => select(selectShown.checked ? rows.map((row) => row.id) : []) });
  const selectMatches = el("button", { type: "button", hidden: true, onclick: toggleAllMatches }, "");
  const total = el("span", { class: "faint", role: "status" });
  const more = el("button", { type: "button", hidden: true, onclick: loadMore }, "Load more");
  const reasons = el("select", { name: "reason" }, el("option", { value: "" }, "all"));
  const kinds = el("select", { name: "kind" }, ...["", "event", "reply"].map((value) => el("option", { value }, value || "all")));
  const fields = [
    el("label", {}, "Reason, thread or ID", el("input", { name: "q", type: "search" })),
    el("label", {}, "Reason", reasons),
    el("label", {}, "Kind", kinds),
    el("label", {}, "Agent", el("input", { name: "agent" })),
  ];
  // Use the reason of the URL before the server has listed it.
  const { reason } = parseFilters(location.hash);
  if (reason) reasons.append(el("option", { value: reason }, truncate(reason, 80)));
  const filters = filterForm("dead-letters", fields, () => {
    select([]);
    limit = FIRST_LIMIT;
    load();
  });
  /** @type {DeadLetterSummary[]} */
  let rows = [];
  /** @type {DeadLetterPage} */
  let page = { dead_letters: [], next_cursor: null, total: 0, all: 0, complete: true, newest: null, reasons: [] };
  let limit = FIRST_LIMIT;
  let allMatches = false; // all that match are selected, including those not shown
  let busy = false;
  const live = liveStatus(signal, STALE_AFTER);
  const actions = el("div", { class: "row middle" }, el("label", { class: "check" }, selectShown, "All"), replayButton, dropButton, selectMatches, total);
  main.append(el("h1", {}, "Dead letters"), live.element, detail, filters.form, actions, list, more);
  updateControls();

  /** @param {string[]} ids */
  function select(ids) {
    allMatches = false;
    selected.clear();
    ids.forEach((id) => selected.add(id));
    const boxes = /** @type {NodeListOf<HTMLInputElement>} */ (list.querySelectorAll("input[data-id]"));
    boxes.forEach((box) => (box.checked = selected.has(box.dataset.id ?? "")));
    updateControls();
  }

  function toggleAllMatches() {
    allMatches = !allMatches;
    updateControls();
  }

  // "All" follows the rows: unchecked before they load, and again when a new dead letter arrives.
  function updateControls() {
    const count = allMatches ? page.total : selected.size;
    selectShown.disabled = rows.length === 0;
    selectShown.checked = rows.length > 0 && selected.size === rows.length;
    selectShown.indeterminate = selected.size > 0 && !selectShown.checked;
    replayButton.disabled = dropButton.disabled = busy || count === 0;
    replayButton.textContent = count > 1 ? `Replay ${count}` : "Replay";
    dropButton.textContent = count > 1 ? `Drop ${count}` : "Drop";
    selectMatches.hidden = !(allMatches || (selectShown.checked && page.total > rows.length));
    selectMatches.textContent = allMatches ? `All ${atLeast(page.total)} matches are selected. Select only these ${rows.length}` : `Select all ${atLeast(page.total)} matches`;
  }

  /**
   * A count of dead letters: more may exist than one request searches.
   *
   * @param {number} count
   */
  function atLeast(count) {
    return `${count}${page.complete ? "" : "+"}`;
  }

  /** The selection for the server, without dead letters that arrive later. */
  const selection = () => (allMatches ? { where: filters.values(), before: page.newest } : { ids: [...selected] });

  /** @param {"replay" | "delete"} action */
  async function act(action) {
    const count = allMatches ? page.total : selected.size;
    const what = count === 1 ? "this dead letter" : `these ${allMatches ? atLeast(count) : count} dead letters`;
    if (action === "delete" && !(await confirmed(`Delete ${what} permanently?`, "Drop"))) return;
    busy = true;
    updateControls();
    const ids = new Set(selected);
    const body = selection();
    const participle = action === "delete" ? "dropped" : "replayed";
    let done = 0;
    let problem = "";
    try {
      let failures = 0;
      for (let cursor = /** @type {string | null} */ (""); cursor !== null; ) {
        /** @type {Result} */
        const result = await request("POST", `/admin/dead-letters/${action}`, { body: { ...body, cursor } });
        done += result.done;
        failures += result.failed;
        cursor = result.next_cursor;
        if (cursor) notice(`${done} ${participle} so far…`);
        if (result.failed) problem = `; ${failures} failed: ${result.reason}`;
      }
    } catch (error) {
      problem = `; ${/** @type {Error} */ (error).message}`;
    }
    notice(sentence(`${done} ${participle}${problem}`));
    if (signal.aborted) return; // another page is shown by now
    busy = false;
    select([]);
    if (opened && ids.has(opened) && !problem) closeDetail();
    await load();
  }

  /** Close the detail view: it is no longer a dead letter. */
  function closeDetail() {
    opened = "";
    detail.replaceChildren();
    history.replaceState(null, "", location.hash.replace(/^#dead-letters\/[^?]*/, "#dead-letters"));
  }

  const load = oneAtATime(async () => {
    const query = new URLSearchParams({ limit: String(limit), ...filters.values() });
    page = await request("GET", `/admin/dead-letters?${query}`, { signal });
    rows = page.dead_letters;
    total.textContent = totals();
    more.hidden = rows.length >= page.total || limit === MAX_LIMIT;
    showReasons(page.reasons);
    const present = new Set(rows.map((row) => row.id));
    const heads = ["", "Reason", "Kind", "Agent", "Thread", "Attempts", "Failed"];
    const none = el("p", {}, !page.complete ? "No matches among the newest dead letters." : page.all ? "No dead letters match." : "No dead letters.");
    replace(list, rows.length ? table(heads, rows.map(cells), { tight: [0, 2, 5, 6] }) : none);
    const kept = allMatches;
    select([...selected].filter((id) => present.has(id)));
    allMatches = kept && rows.length > 0;
    updateControls();
  });

  function loadMore() {
    limit = MAX_LIMIT;
    load();
  }

  function totals() {
    if (!page.all) return "";
    const shown = rows.length < page.total ? `, showing the newest ${rows.length}` : "";
    return `${page.total === page.all ? "" : `${page.total} of `}${atLeast(page.all)} in total${shown}`;
  }

  /** @param {DeadLetterSummary} row */
  function cells(row) {
    const box = el("input", {
      type: "checkbox",
      "data-id": row.id,
      "aria-label": `Select ${row.id}`,
      onchange: () => {
        allMatches = false;
        box.checked ? selected.add(row.id) : selected.delete(row.id);
        updateControls();
      },
    });
    const href = `#dead-letters/${encodeURIComponent(row.id)}${location.hash.replace(/^[^?]*/, "")}`;
    return [box, el("a", { href }, truncate(row.reason, 120)), row.kind, row.agent, threadLink(row.thread), String(row.attempts), ago(row.failed_at)];
  }

  /**
   * Offer the reasons with their counts.
   *
   * @param {ReasonCount[]} groups
   */
  function showReasons(groups) {
    const now = reasons.value;
    const options = groups.map(({ reason, count }) => el("option", { value: reason }, `${count} × ${truncate(reason, 80)}`));
    if (now && !groups.some(({ reason }) => reason === now)) options.push(el("option", { value: now }, `0 × ${truncate(now, 80)}`));
    // Do not change an open menu.
    if (document.activeElement === reasons) return;
    replace(reasons, el("option", { value: "" }, "all"), ...options);
    reasons.value = now;
  }

  await poll(async () => busy || (await load()), POLL_INTERVAL, signal, live);
  if (!opened) return;
  const card = await deadLetterCard(opened, signal, (outcome) => {
    notice(`1 ${outcome}.`);
    if (signal.aborted) return;
    closeDetail();
    load();
  });
  detail.replaceChildren(card);
}
