// The dashboard's modules that need no browser: filters, formats, charts, the liveness of a page, its API.

import assert from "node:assert/strict";
import { test } from "node:test";
import { install } from "./dom.mjs";
import { eventStream, installPage, instantTimers, serve } from "./server.mjs";

install();
installPage();
const { ApiError, follow, isTemporary, request, signIn } = await import("../../ingress/pages/dashboard/api.js");
const { HEIGHT, WIDTH, barRects, linePath } = await import("../../ingress/pages/dashboard/chart.js");
const { oneAtATime } = await import("../../ingress/pages/dashboard/dom.js");
const { parseFilters, withFilters } = await import("../../ingress/pages/dashboard/filters.js");
const { ago, duration, plural, sentence, truncate } = await import("../../ingress/pages/dashboard/format.js");
const { liveStatus, poll } = await import("../../ingress/pages/dashboard/live.js");
const { linkToken } = await import("../../ingress/pages/dashboard/sign_in.js");

test("durations are short and have a unit", () => {
  const pairs = [[-5, "0 ms"], [0, "0 ms"], [999, "999 ms"], [1000, "1.0 s"], [9900, "9.9 s"], [10000, "10 s"], [119000, "119 s"], [120000, "2 min"], [7200000, "2 h"], [172800000, "2 d"]];
  for (const [ms, text] of pairs) assert.equal(duration(ms), text);
  assert.equal(ago(0), "–");
  assert.equal(ago(Date.now() - 180_000), "3 min ago");
});

test("texts are shortened, counted and ended", () => {
  assert.equal(truncate("abcdef", 6), "abcdef");
  assert.equal(truncate("abcdefg", 6), "abcde…");
  assert.deepEqual([plural(0, "worker"), plural(1, "worker"), plural(2, "worker")], ["0 workers", "1 worker", "2 workers"]);
  assert.deepEqual([sentence("it failed"), sentence("it failed."), sentence("why?")], ["it failed.", "it failed.", "why?"]);
});

test("filters survive the URL, and empty ones are left out", () => {
  const filters = { q: "a&b=c #1 ü", state: "idle" };
  const hash = withFilters("#threads?old=1", { ...filters, agent: "" });
  assert.equal(hash.split("?")[0], "#threads");
  assert.deepEqual(parseFilters(hash), filters);
  assert.equal(withFilters("#threads?q=x", {}), "#threads");
  assert.deepEqual(parseFilters("#threads"), {});
});

test("the bars of a chart fill its width, and the highest reaches the top", () => {
  const rects = barRects([0, 5, 10]);
  assert.deepEqual(rects.map(({ x }) => x), [0, WIDTH / 3, (WIDTH * 2) / 3]);
  assert.deepEqual(rects.map(({ height }) => height), [0, (HEIGHT - 4) / 2, HEIGHT - 4]);
  for (const { y, height } of rects) assert.equal(y + height, HEIGHT);
  assert.ok(barRects(Array(1000).fill(1)).every(({ width }) => width >= 0.5));
  assert.deepEqual(barRects([0, 0]).map(({ height }) => height), [0, 0], "without values there are no bars");
});

test("a line has a gap where values are missing", () => {
  assert.equal(linePath([null, null], 1), "");
  assert.equal(linePath([1, null, 1], 1).match(/M/g).length, 2);
  assert.equal(linePath([1, 1, 1], 1).match(/M/g).length, 1);
  assert.match(linePath([1], 1), /^M0 4H270$/);
});

test("loads do not overlap, and one more follows the calls during a run", async () => {
  const runs = [];
  const load = oneAtATime(() => new Promise((resolve) => runs.push(resolve)));
  const first = load();
  load();
  load();
  assert.equal(runs.length, 1);
  runs[0]();
  await new Promise(setImmediate);
  assert.equal(runs.length, 2);
  runs[1]();
  await first;
  load();
  assert.equal(runs.length, 3);
});

test("a page counts as stale when updates stop, although nothing failed", ({ mock }) => {
  mock.timers.enable({ apis: ["setInterval", "Date"] });
  const leaving = new AbortController();
  const live = liveStatus(leaving.signal, 5000);
  const shows = () => live.element.textContent;
  assert.equal(shows(), "connecting");
  live.updated();
  assert.equal(shows(), "live");
  mock.timers.tick(4000);
  live.updated();
  mock.timers.tick(5000);
  assert.equal(shows(), "live");
  mock.timers.tick(1000);
  assert.equal(shows(), "not live: no updates for 6.0 s");
  live.updated();
  assert.equal(shows(), "live");
  live.disconnected();
  assert.match(shows(), /^disconnected/);
  live.updated();
  leaving.abort();
  mock.timers.tick(60000);
  assert.equal(shows(), "live", "a page that is gone is not updated");
});

test("a failed poll shows that the page is not live, and the next one that it is", async ({ mock }) => {
  mock.timers.enable({ apis: ["setInterval", "Date"] });
  const leaving = new AbortController();
  const live = liveStatus(leaving.signal, 10000);
  let fails = false;
  const load = async () => {
    if (fails) throw new Error("away");
  };
  const tick = async () => {
    mock.timers.tick(3000);
    await Promise.resolve().then(() => {}).then(() => {});
  };
  await poll(load, 3000, leaving.signal, live);
  assert.equal(live.element.textContent, "live");
  fails = true;
  await tick();
  assert.match(live.element.textContent, /^disconnected/);
  fails = false;
  await tick();
  assert.equal(live.element.textContent, "live");
  leaving.abort();
  await assert.rejects(poll(() => Promise.reject(new Error("first")), 3000, leaving.signal, live), /first/);
});

test("changes carry the CSRF token of the sign-in, reads do not", async () => {
  const requests = serve({ "POST /api/v1/admin/session": { workspace: "default", csrf: "token" }, "POST /api/v1/x": { done: true }, "GET /v1/agents": { agents: [] }, "DELETE /api/v1/x": new Response(null, { status: 204 }) });
  await signIn("ab_live_1");
  await request("POST", "/x", { body: { a: 1 } });
  await request("GET", "/v1/agents");
  assert.equal(await request("DELETE", "/x"), null);
  assert.equal(requests[0].headers.Authorization, "Bearer ab_live_1");
  assert.deepEqual(requests.slice(1).map(({ headers }) => headers["X-CSRF-Token"]), ["token", undefined, "token"]);
});

test("a refused request says why, and a lost sign-in is announced", async () => {
  let signedOut = 0;
  addEventListener("signed-out", () => signedOut++);
  serve({ "GET /api/v1/x": Response.json({ title: "Unauthorized", detail: "the key was revoked" }, { status: 401 }), "GET /api/v1/y": new TypeError("network"), "GET /api/v1/z": new Response("<html>", { status: 502 }) });
  await assert.rejects(request("GET", "/x"), { status: 401, message: "the key was revoked" });
  assert.equal(signedOut, 1);
  await assert.rejects(request("GET", "/y"), { status: 0, message: "the server cannot be reached" });
  await assert.rejects(request("GET", "/z"), { status: 502, message: "status 502" });
});

test("a stream is followed across failures, from its last event", async ({ mock }) => {
  instantTimers(mock);
  const requests = serve({
    "GET /api/v1/s": [
      new Response(eventStream(["turn", { n: 1 }, "5"])),
      new TypeError("network"),
      Response.json({}, { status: 503 }),
      new Response(eventStream(["forgotten", {}], ["done", { n: 2 }, "9"])),
    ],
  });
  const events = [];
  const connected = [];
  await follow("/s", new AbortController().signal, ({ kind, data }) => events.push([kind, data]) < 3, { after: "0", onConnection: (now) => connected.push(now) });
  assert.deepEqual(events, [["turn", { n: 1 }], ["forgotten", {}], ["done", { n: 2 }]]);
  assert.deepEqual(requests.map(({ headers }) => headers["Last-Event-ID"]), ["0", "5", "5", "5"]);
  assert.deepEqual(connected, [true, false, false, true]);
});

test("a stream that the server refuses for good is not asked for again", async () => {
  const requests = serve({ "GET /api/v1/s": Response.json({}, { status: 404 }) });
  await assert.rejects(follow("/s", new AbortController().signal, () => {}), ApiError);
  assert.equal(requests.length, 1);
  for (const status of [0, 429, 500, 503]) assert.ok(isTemporary(new ApiError(status, {})), String(status));
  for (const status of [400, 401, 403, 404, 422]) assert.ok(!isTemporary(new ApiError(status, {})), String(status));
  assert.ok(isTemporary(new TypeError("network")));
  assert.ok(!isTemporary(new RangeError("a bug")));
});

test("only a link's fragment is taken for a token", () => {
  assert.equal(linkToken("#link=abc"), "abc");
  assert.equal(linkToken("#threads?q=link=abc"), "");
});
