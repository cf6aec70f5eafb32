// @ts-check
// The overview: queues and workers, updated each second; charts, every ten seconds.

import { follow } from "./api.js";
import { barChart, lineChart } from "./chart.js";
import { badge, el, replace, table } from "./dom.js";
import { parseFilters, saveFilters } from "./filters.js";
import { ago, duration } from "./format.js";
import { liveStatus } from "./live.js";

/** @import { Overview } from "../api.d.ts" */

/**
 * Metrics, one value per minute (the last hour) or per ten minutes (the last day). Times in seconds.
 *
 * @typedef {{ at: number[], events: number[], failed: number[], p50: (number | null)[], p95: (number | null)[] }} Measures
 */

const STALE_AFTER = 5000; // ms; an update comes each second
const LONG_QUEUE = 100; // threads
const LONG_WAIT = 60000; // ms

/**
 * @param {HTMLElement} main
 * @param {string[]} _
 * @param {AbortSignal} signal
 */
export async function overviewPage(main, _, signal) {
  const live = liveStatus(signal, STALE_AFTER);
  const tiles = el("dl", { class: "tiles" });
  const charts = el("div", { class: "charts" });
  const workers = el("div", {});
  const paused = el("div", { role: "status" });
  /** @type {"hour" | "day"} */
  let span = parseFilters(location.hash).span === "day" ? "day" : "hour";
  /** @type {Record<"hour" | "day", Measures> | null} */
  let measures = null;
  const choose = () => {
    span = spans.value === "day" ? "day" : "hour";
    saveFilters("overview", { span: span === "day" ? span : "" });
    drawCharts();
  };
  const spans = el("select", { onchange: choose }, el("option", { value: "hour" }, "Last hour"), el("option", { value: "day" }, "Last 24 hours"));
  spans.value = span;
  main.append(
    el("h1", {}, "Overview"),
    paused,
    live.element,
    tiles,
    el("div", { class: "row" }, el("label", {}, "Charts", spans)),
    charts,
    el("h2", {}, "Workers"),
    workers,
  );

  function drawCharts() {
    if (!measures) return;
    const { at, events, failed, p50, p95 } = measures[span];
    const period = span === "hour" ? "in the last hour" : "in the last 24 hours";
    const bucket = span === "hour" ? 60 : 600; // seconds
    const last = p50.findLastIndex((value) => value !== null);
    charts.replaceChildren(
      barChart("Events per second", events.map((count) => count / bucket), { summary: `${sum(events)} ${period}` }),
      lineChart("Turn duration, p50 and p95", p50, p95, { summary: last < 0 ? "no turns yet" : `${seconds(p50[last])}, ${seconds(p95[last])} latest` }),
      barChart("Failed attempts", failed, { bad: true, summary: `${sum(failed)} ${period}` }),
    );
    charts.dataset.since = String(at[0]);
  }

  /** @param {Overview} overview */
  function show(overview) {
    live.updated();
    const alive = overview.workers.filter((worker) => worker.state === "working").length;
    replace(
      tiles,
      tile("Waiting", overview.waiting, overview.waiting > LONG_QUEUE && "warn"),
      tile("In flight", overview.in_flight),
      tile("Longest wait", overview.waiting ? duration(overview.oldest) : "–", overview.waiting > 0 && overview.oldest > LONG_WAIT && "warn"),
      tile("Retrying", overview.retrying, overview.retrying > 0 && "warn"),
      tile("Dead letters", overview.dead, overview.dead > 0 && "bad", "#dead-letters"),
      tile("Workers", alive, !alive && "bad"),
    );
    replace(
      paused,
      ...overview.paused.map(({ scope, by, at, reason }) =>
        el("p", { class: "bad" }, `Paused: ${scope}, by ${by}, ${ago(at)}${reason ? `: ${reason}` : ""}`),
      ),
    );
    const rows = overview.workers.map((worker) => [
      worker.id,
      badge(worker.state),
      `${worker.turns}/${worker.concurrency}`,
      String(worker.done),
      String(worker.failed),
      ago(worker.started),
      worker.version || "–",
      worker.agents.map((agent) => agent.name).join(", "),
    ]);
    const none = el("p", { class: "bad" }, "No worker is running. Events wait until one starts.");
    replace(workers, rows.length ? table(["Worker", "State", "Turns", "Completed", "Failed", "Started", "Version", "Agents"], rows, { tight: [5] }) : none);
  }

  await follow(
    "/admin/overview/stream",
    signal,
    ({ kind, data }) => {
      if (kind === "overview") show(data);
      if (kind === "measures") {
        measures = data;
        drawCharts();
      }
    },
    { onConnection: (connected) => connected || live.disconnected() },
  );
}

/**
 * @param {string} name
 * @param {number | string} value
 * @param {string | false} kind
 * @param {string} href
 */
function tile(name, value, kind = "", href = "") {
  const content = href ? el("a", { href }, String(value)) : String(value);
  return el("div", { class: `tile ${kind || ""}` }, el("dt", {}, name), el("dd", {}, content));
}

/** @param {number | null} value */
const seconds = (value) => (value === null ? "–" : value < 1 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(1)} s`);

/** @param {number[]} values */
const sum = (values) => values.reduce((a, b) => a + b, 0);
