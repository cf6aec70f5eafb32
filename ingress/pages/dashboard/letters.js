// The dead letters: filter, group by reason, read, replay and drop; one, several, or all that match.

import { ask } from "./api.js";
import { confirmed, el, notice, oneAtATime, replace, table } from "./dom.js";
import { filterForm } from "./filters.js";
import { liveness, polled } from "./live.js";
import { ago, short } from "./words.js";

const SHOWN = 200; // rows, at first
const MOST = 1000;
const EVERY = 3000; // ms
const STALE = 10000;

export async function letters(main, [opened], signal) {
  const detail = el("div", {});
  const list = el("div", {});
  const chosen = new Set();
  const replay = el("button", { type: "button", class: "main", onclick: () => act("replay") }, "Replay");
  const drop = el("button", { type: "button", class: "danger", onclick: () => act("delete") }, "Drop");
  const all = el("input", { type: "checkbox", "aria-label": "Select all", onchange: () => choose(all.checked ? rows.map((row) => row.id) : []) });
  const every = el("button", { type: "button", hidden: true, onclick: chooseEvery }, "");
  const total = el("span", { class: "faint", role: "status" });
  const more = el("button", { type: "button", hidden: true, onclick: () => ((limit = MOST), load()) }, "More");
  const reasons = el("select", { name: "reason" }, el("option", { value: "" }, "all"));
  const kind = (value) => el("option", { value }, value || "all");
  const fields = [
    el("label", {}, "Reason, thread or id", el("input", { name: "q", type: "search" })),
    el("label", {}, "Reason", reasons),
    el("label", {}, "Kind", el("select", { name: "kind" }, ...["", "event", "reply"].map(kind))),
    el("label", {}, "Agent", el("input", { name: "agent" })),
  ];
  // Use the reason of the URL before the server has listed it.
  const given = new URLSearchParams(location.hash.split("?")[1]).get("reason");
  if (given) reasons.append(el("option", { value: given }, short(given, 80)));
  const filters = filterForm("letters", fields, () => {
    choose([]);
    limit = SHOWN;
    load();
  });
  let rows = [];
  let page = { total: 0, all: 0, complete: true, newest: null };
  let limit = SHOWN;
  let everything = false; // all that match are selected, including those not shown
  let busy = false;
  const live = liveness(signal, STALE);
  main.append(el("h1", {}, "Dead letters"), live.shown, detail, filters.form, el("div", { class: "row" }, el("label", {}, "All", all), replay, drop, every, total), list, more);
  state();

  function choose(ids) {
    everything = false;
    chosen.clear();
    ids.forEach((id) => chosen.add(id));
    list.querySelectorAll("input[data-id]").forEach((box) => (box.checked = chosen.has(box.dataset.id)));
    state();
  }

  function chooseEvery() {
    everything = !everything;
    state();
  }

  // "All" follows the rows: unchecked before they load, and again when a new dead letter arrives.
  function state() {
    const count = everything ? page.total : chosen.size;
    all.disabled = rows.length === 0;
    all.checked = rows.length > 0 && chosen.size === rows.length;
    all.indeterminate = chosen.size > 0 && !all.checked;
    replay.disabled = drop.disabled = busy || count === 0;
    replay.textContent = count > 1 ? `Replay ${count}` : "Replay";
    drop.textContent = count > 1 ? `Drop ${count}` : "Drop";
    every.hidden = !(everything || (all.checked && page.total > rows.length));
    every.textContent = everything ? `All ${many(page.total)} matches are selected. Select only these ${rows.length}` : `Select all ${many(page.total)} matches`;
  }

  // More dead letters may exist than one request searches.
  function many(count) {
    return `${count}${page.complete ? "" : "+"}`;
  }

  // The selection for the server, without dead letters that arrive later.
  const wanted = () => (everything ? { where: filters.values(), before: page.newest } : { ids: [...chosen] });

  async function act(action) {
    const count = everything ? page.total : chosen.size;
    const what = count === 1 ? "this dead letter" : `these ${everything ? many(count) : count} dead letters`;
    if (action === "delete" && !(await confirmed(`Delete ${what} permanently?`, "Drop"))) return;
    busy = true;
    state();
    const ids = new Set(chosen);
    const body = wanted();
    const past = action === "delete" ? "dropped" : "replayed";
    let done = 0;
    let trouble = "";
    try {
      let failures = 0;
      for (let cursor = ""; cursor !== null; ) {
        const result = await ask("POST", `/admin/dead-letters/${action}`, { body: { ...body, cursor } });
        done += result.done;
        failures += result.failed;
        cursor = result.next_cursor;
        if (cursor) notice(`${done} ${past} so far …`);
        if (result.failed) trouble = `; ${failures} failed: ${result.reason}`;
      }
    } catch (error) {
      trouble = `; ${error.message}`;
    }
    notice(`${done} ${past}${trouble}.`);
    if (signal.aborted) return; // another page is shown by now
    busy = false;
    choose([]);
    if (opened && ids.has(opened) && !trouble) close();
    await load();
  }

  // Close the detail view: it is no longer a dead letter.
  function close() {
    opened = "";
    detail.replaceChildren();
    history.replaceState(null, "", location.hash.replace(/^#letters\/[^?]*/, "#letters"));
  }

  const load = oneAtATime(async () => {
    const query = new URLSearchParams({ limit, ...filters.values() });
    page = await ask("GET", `/admin/dead-letters?${query}`, { signal });
    rows = page.dead_letters;
    const shown = rows.length < page.total ? `, showing the newest ${rows.length}` : "";
    total.textContent = page.all ? `${page.total === page.all ? many(page.all) : `${page.total} of ${many(page.all)}`} in total${shown}` : "";
    more.hidden = rows.length >= page.total || limit === MOST;
    offer(page.reasons);
    const present = new Set(rows.map((row) => row.id));
    const cells = rows.map((row) => [
      el("input", {
        type: "checkbox",
        "data-id": row.id,
        "aria-label": `Select ${row.id}`,
        onchange: (event) => {
          everything = false;
          event.target.checked ? chosen.add(row.id) : chosen.delete(row.id);
          state();
        },
      }),
      el("a", { href: `#letters/${encodeURIComponent(row.id)}${location.hash.replace(/^[^?]*/, "")}` }, short(row.reason, 120)),
      row.kind,
      row.agent,
      threadLink(row.thread),
      String(row.attempts),
      ago(row.failed_at),
    ]);
    const heads = ["", "reason", "kind", "agent", "thread", "attempts", "failed"];
    const none = el("p", {}, !page.complete ? "No match among the newest dead letters." : page.all ? "No dead letter matches." : "No dead letters.");
    replace(list, cells.length ? table(heads, cells, { tight: [0, 6] }) : none);
    const kept = everything;
    choose([...chosen].filter((id) => present.has(id)));
    everything = kept && rows.length > 0;
    state();
  });

  // Offer the reasons with their counts.
  function offer(groups) {
    const now = reasons.value;
    const options = groups.map(({ reason, count }) => el("option", { value: reason }, `${count} × ${short(reason, 80)}`));
    if (now && !groups.some(({ reason }) => reason === now)) options.push(el("option", { value: now }, `0 × ${short(now, 80)}`));
    // Do not change an open menu.
    if (document.activeElement === reasons) return;
    replace(reasons, el("option", { value: "" }, "all"), ...options);
    reasons.value = now;
  }

  async function show(id) {
    const { dead_letter: letter, content, author, error, traceback, done, unknown } = await ask("GET", `/admin/dead-letters/${encodeURIComponent(id)}`, { signal });
    const attempts = letter.attempts === 1 ? "1 attempt" : `${letter.attempts} attempts`;
    const choices = unknown.map((step) => [step, fate(step)]);
    const run = async () => {
      const body = { again: pick("again"), done: Object.fromEntries(pick("done").map((step) => [step, null])) };
      await one("POST", `/admin/dead-letters/${encodeURIComponent(id)}/replay`, "replayed", { body });
    };
    const forget = async () => {
      if (await confirmed("Delete this dead letter permanently?", "Drop")) await one("DELETE", `/admin/dead-letters/${encodeURIComponent(id)}`, "dropped");
    };
    const pick = (value) => choices.filter(([, select]) => select.value === value).map(([step]) => step);
    const about = el("p", { class: "faint" }, `${letter.kind} ${letter.id} · ${letter.agent || "no agent"} · ${attempts} · in `);
    about.append(threadLink(letter.thread));
    detail.replaceChildren(
      el(
        "section",
        { "aria-label": "Dead letter", class: "card letter" },
        el("h2", {}, letter.reason),
        about,
        el("h3", {}, author ? `Message from ${author.name || author.id}` : "Text of the reply"),
        el("pre", {}, content),
        done.length > 0 && el("p", {}, `Finished steps, which a replay does not run again: ${done.join(", ")}.`),
        choices.map(([step, select]) => el("label", {}, `Outcome of “${step}” is unknown`, select)),
        el("div", { class: "row" }, button("Replay", "main", run), button("Drop", "danger", forget), el("a", { href: "#letters" }, "Close")),
        traceback && el("details", { open: true }, el("summary", {}, error || "Traceback"), el("pre", {}, traceback)),
      ),
    );
  }

  async function one(method, path, past, options) {
    await ask(method, path, options);
    notice(`1 ${past}.`);
    if (signal.aborted) return;
    close();
    await load();
  }

  await polled(async () => busy || (await load()), EVERY, signal, live);
  if (opened) await show(opened);
}

// Choose what a replay does about a step of unknown outcome.
function fate(step) {
  const options = [["", "undecided: the replay stops there"], ["again", "it had no effect: run it again"], ["done", "it took effect: do not run it again"]];
  return el("select", { name: step }, ...options.map(([value, text]) => el("option", { value }, text)));
}

function threadLink(id) {
  return el("a", { href: `#thread/${encodeURIComponent(id)}` }, short(id, 40));
}

function button(words, kind, run) {
  return el("button", { type: "button", class: kind, onclick: run }, words);
}
