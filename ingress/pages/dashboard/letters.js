// The dead letters: read, put back, forgotten, one or many.

import { ask } from "./api.js";
import { confirmed, el, notice, table } from "./dom.js";
import { ago, short } from "./words.js";

export async function letters(main, [shown], signal) {
  const list = el("div", {});
  const chosen = new Set();
  const replay = el("button", { type: "button", class: "main", disabled: true, onclick: () => each("replay") }, "Replay");
  const drop = el("button", { type: "button", class: "danger", disabled: true, onclick: () => each("drop") }, "Drop");
  const all = el("input", { type: "checkbox", "aria-label": "Choose all", onchange: () => choose(all.checked ? rows.map((row) => row.id) : []) });
  const total = el("span", { class: "faint", role: "status" });
  let rows = [];
  main.append(el("h1", {}, "Dead letters"), el("div", { class: "row" }, el("label", {}, "All", all), replay, drop, total), list);

  function choose(ids) {
    chosen.clear();
    ids.forEach((id) => chosen.add(id));
    list.querySelectorAll("input[data-id]").forEach((box) => (box.checked = chosen.has(box.dataset.id)));
    buttons();
  }

  function buttons() {
    replay.disabled = drop.disabled = chosen.size === 0;
    replay.textContent = chosen.size > 1 ? `Replay ${chosen.size}` : "Replay";
    drop.textContent = chosen.size > 1 ? `Drop ${chosen.size}` : "Drop";
  }

  async function each(action, ids = [...chosen]) {
    const what = ids.length === 1 ? "this dead letter" : `these ${ids.length} dead letters`;
    if (action === "drop" && !(await confirmed(`Forget ${what} for good?`, "Drop"))) return;
    let done = 0;
    let trouble = "";
    // The oldest first: they go back in the order in which they died.
    for (const id of rows.map((row) => row.id).filter((id) => ids.includes(id)).reverse()) {
      const path = `/admin/letters/${encodeURIComponent(id)}`;
      try {
        await (action === "drop" ? ask("DELETE", path) : ask("POST", `${path}/replay`, { body: {} }));
        done++;
      } catch (error) {
        trouble = `; ${error.message}`;
      }
    }
    notice(`${done} ${action === "drop" ? "dropped" : "put back"}${trouble}.`);
    chosen.clear();
    await load();
  }

  async function load() {
    const page = await ask("GET", "/admin/letters?limit=500", { signal });
    const before = JSON.stringify(rows);
    rows = page.letters;
    total.textContent = page.total ? `${page.total} in all` : "";
    if (JSON.stringify(rows) === before) return;
    const present = new Set(rows.map((row) => row.id));
    const cells = rows.map((row) => [
      el("input", {
        type: "checkbox",
        "data-id": row.id,
        "aria-label": `Choose ${row.id}`,
        onchange: (event) => {
          event.target.checked ? chosen.add(row.id) : chosen.delete(row.id);
          buttons();
        },
      }),
      el("a", { href: `#letters/${encodeURIComponent(row.id)}` }, short(row.reason, 120)),
      row.kind,
      el("a", { href: `#thread/${encodeURIComponent(row.thread)}` }, short(row.thread, 40)),
      String(row.attempts),
      ago(row.at),
    ]);
    list.replaceChildren(
      cells.length ? table(["", "reason", "kind", "thread", "attempts", "buried"], cells, { tight: [0, 5] }) : el("p", {}, "No dead letters."),
    );
    choose([...chosen].filter((id) => present.has(id)));
  }

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
