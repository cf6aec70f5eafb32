// The dead letters: read, put back, forgotten, one or many.

import { ask } from "./api.js";
import { confirmed, el, notice, oneAtATime, replace, table } from "./dom.js";
import { ago, short } from "./words.js";

export async function letters(main, [shown], signal) {
  const list = el("div", {});
  const chosen = new Set();
  const replay = el("button", { type: "button", class: "main", onclick: () => each("replay") }, "Replay");
  const drop = el("button", { type: "button", class: "danger", onclick: () => each("drop") }, "Drop");
  const all = el("input", { type: "checkbox", "aria-label": "Choose all", onchange: () => choose(all.checked ? rows.map((row) => row.id) : []) });
  const total = el("span", { class: "faint", role: "status" });
  let rows = [];
  let busy = false;
  main.append(el("h1", {}, "Dead letters"), el("div", { class: "row" }, el("label", {}, "All", all), replay, drop, total), list);
  state();

  function choose(ids) {
    chosen.clear();
    ids.forEach((id) => chosen.add(id));
    list.querySelectorAll("input[data-id]").forEach((box) => (box.checked = chosen.has(box.dataset.id)));
    state();
  }

  // "All" is what the rows say: nothing before they are there, and not all any more when another one died.
  function state() {
    all.disabled = rows.length === 0;
    all.checked = rows.length > 0 && chosen.size === rows.length;
    all.indeterminate = chosen.size > 0 && !all.checked;
    replay.disabled = drop.disabled = busy || chosen.size === 0;
    replay.textContent = chosen.size > 1 ? `Replay ${chosen.size}` : "Replay";
    drop.textContent = chosen.size > 1 ? `Drop ${chosen.size}` : "Drop";
  }

  async function each(action, ids = [...chosen]) {
    const what = ids.length === 1 ? "this dead letter" : `these ${ids.length} dead letters`;
    if (action === "drop" && !(await confirmed(`Forget ${what} for good?`, "Drop"))) return;
    busy = true;
    state();
    let done = 0;
    let trouble = "";
    // The oldest first: they go back in the order in which they died.
    const age = new Map(rows.map((row, number) => [row.id, number]));
    for (const id of ids.toSorted((a, b) => age.get(b) - age.get(a))) {
      const path = `/admin/letters/${encodeURIComponent(id)}`;
      try {
        await (action === "drop" ? ask("DELETE", path) : ask("POST", `${path}/replay`, { body: {} }));
        done++;
      } catch (error) {
        trouble = `; ${error.message}`;
      }
    }
    notice(`${done} ${action === "drop" ? "dropped" : "put back"}${trouble}.`);
    if (signal.aborted) return; // another page is shown by now
    busy = false;
    chosen.clear();
    // What was read here is no dead letter any more.
    if (ids.includes(shown) && !trouble) location.hash = "#letters";
    else await load();
  }

  const load = oneAtATime(async () => {
    const page = await ask("GET", "/admin/letters?limit=500", { signal });
    rows = page.letters;
    total.textContent = page.total ? `${page.total} in all` : "";
    const present = new Set(rows.map((row) => row.id));
    const cells = rows.map((row) => [
      el("input", {
        type: "checkbox",
        "data-id": row.id,
        "aria-label": `Choose ${row.id}`,
        onchange: (event) => {
          event.target.checked ? chosen.add(row.id) : chosen.delete(row.id);
          state();
        },
      }),
      el("a", { href: `#letters/${encodeURIComponent(row.id)}` }, short(row.reason, 120)),
      row.kind,
      el("a", { href: `#thread/${encodeURIComponent(row.thread)}` }, short(row.thread, 40)),
      String(row.attempts),
      ago(row.at),
    ]);
    replace(
      list,
      cells.length ? table(["", "reason", "kind", "thread", "attempts", "buried"], cells, { tight: [0, 5] }) : el("p", {}, "No dead letters."),
    );
    choose([...chosen].filter((id) => present.has(id)));
  });

  async function show(id) {
    const { letter, text, author, error, traceback, done } = await ask("GET", `/admin/letters/${encodeURIComponent(id)}`, { signal });
    const attempts = letter.attempts === 1 ? "1 attempt" : `${letter.attempts} attempts`;
    const place = el(
      "section",
      { "aria-label": "Dead letter" },
      el("h2", {}, letter.reason),
      el("p", { class: "faint" }, `${letter.kind} ${letter.id} · ${letter.agent || "no agent"} · ${attempts}`),
      el("div", { class: "row" }, button("Replay", "main", () => each("replay", [id])), button("Drop", "danger", () => each("drop", [id]))),
      el("h2", {}, author ? `What ${author} said` : "What was to be said"),
      el("pre", {}, text),
      done.length > 0 && el("p", {}, `Done before it failed, and not done again: ${done.join(", ")}.`),
      traceback && [el("h2", {}, error || "Traceback"), el("pre", {}, traceback)],
    );
    main.append(place);
    place.scrollIntoView();
  }

  await load();
  const timer = setInterval(() => load().catch(() => {}), 2000);
  signal.addEventListener("abort", () => clearInterval(timer));
  if (shown) await show(shown);
}

function button(words, kind, run) {
  return el("button", { type: "button", class: kind, onclick: run }, words);
}
