// The overview: queues and workers, updated each second; charts, every ten.

import { follow } from "./api.js";
import { bars, lines } from "./chart.js";
import { badge, el, replace, table } from "./dom.js";
import { filtersOf, keepFilters } from "./filters.js";
import { liveness } from "./live.js";
import { ago, duration } from "./words.js";

const seconds = (value) => (value === null ? "–" : value < 1 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(1)} s`);
const sum = (values) => values.reduce((a, b) => a + b, 0);

const STALE = 5000; // ms without updates, which come each second, after which the page counts as stale

export async function overview(main, _, signal) {
  const live = liveness(signal, STALE);
  const tiles = el("dl", { class: "tiles" });
  const charts = el("div", { class: "charts" });
  const workers = el("div", {});
  let span = filtersOf(location.hash).span === "day" ? "day" : "hour";
  let measures = null;
  const choose = (event) => {
    span = event.target.value;
    keepFilters("overview", { span: span === "day" && span });
    draw();
  };
  const spans = el("select", { onchange: choose }, el("option", { value: "hour" }, "last hour"), el("option", { value: "day" }, "last day"));
  spans.value = span;
  main.append(
    el("h1", {}, "Overview"),
    live.shown,
    tiles,
    el("div", { class: "row" }, el("label", {}, "Charts", spans)),
    charts,
    el("h2", {}, "Workers"),
    workers,
  );

  function draw() {
    if (!measures) return;
    const { at, events, failed, p50, p95 } = measures[span];
    const rate = span === "hour" ? 60 : 600;
    const last = p50.findLastIndex((value) => value !== null);
    charts.replaceChildren(
      bars("Events per second", events.map((count) => count / rate), { words: `${sum(events)} in the ${span}` }),
      lines("Turn time p50, p95", p50, p95, { words: last < 0 ? "no turn yet" : `${seconds(p50[last])}, ${seconds(p95[last])} last` }),
      bars("Failed attempts", failed, { bad: true, words: `${sum(failed)} in the ${span}` }),
    );
    charts.dataset.since = at[0];
  }

  function count(now) {
    if (now.away) return live.news("the store is unavailable");
    live.news();
    const alive = now.workers.filter((worker) => worker.state === "working");
    const tile = (name, value, kind = "", href = "") => {
      const shown = href ? el("a", { href }, String(value)) : String(value);
      return el("div", { class: `tile ${kind}` }, el("dt", {}, name), el("dd", {}, shown));
    };
    replace(
      tiles,
      tile("waiting", now.waiting, now.waiting > 100 && "warn"),
      tile("in flight", now.in_flight),
      tile("oldest waits", now.waiting ? duration(now.oldest) : "–", now.oldest > 60000 && "warn"),
      tile("retrying", now.retrying, now.retrying && "warn"),
      tile("dead", now.dead, now.dead && "bad", "#letters"),
      tile("workers", alive.length, !alive.length && "bad"),
    );
    const rows = now.workers.map((worker) => [
      worker.id,
      badge(worker.state),
      `${worker.turns}/${worker.concurrency}`,
      String(worker.done),
      String(worker.failed),
      ago(worker.started),
      worker.agents.map((agent) => agent.name).join(", "),
    ]);
    const none = el("p", { class: "bad" }, "No worker is running. Events wait until one starts.");
    replace(workers, rows.length ? table(["worker", "state", "turns", "done", "failed", "started", "agents"], rows) : none);
  }

  await follow(
    "/admin/overview/stream",
    signal,
    ({ kind, said }) => {
      if (kind === "overview") count(said);
      if (kind === "measures") {
        measures = said;
        draw();
      }
    },
    { state: (connected) => connected || live.lost() },
  );
}
