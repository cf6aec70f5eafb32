// The widget's requests: what is retried, when, and what is not.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { installPage, instantTimers, serve } from "./server.mjs";

installPage();
const { Connection, ConnectionLost, RequestRefused, backoffDelay } = await import("../../ingress/pages/widget/connection.js");

let connection;
let offline;
beforeEach(() => {
  connection = new Connection("https://api.example", "ab_pub_1_2");
  offline = [];
  connection.onOffline = (now) => offline.push(now);
});
const problem = (status, fields = {}, headers = {}) => Response.json({ detail: `status ${status}`, ...fields }, { status, headers });

test("delays grow exponentially up to a limit, with jitter, and are never shorter than asked", () => {
  assert.deepEqual([0, 1, 2, 3].map((attempts) => backoffDelay(attempts, 0, 1)), [400, 800, 1600, 3200]);
  assert.equal(backoffDelay(0, 0, 0), 200);
  assert.equal(backoffDelay(50, 0, 1), 15000);
  assert.equal(backoffDelay(0, 3000, 1), 3000);
  assert.equal(backoffDelay(0, Number.NaN, 1), 400, "a Retry-After that is a date is ignored");
});

test("a request is repeated until there is a response, with the same Idempotency-Key", async ({ mock }) => {
  const delays = instantTimers(mock);
  const requests = serve({
    "POST /api/v1/chat/sessions": [new TypeError("network"), problem(503, {}, { "Retry-After": "7" }), { id: "th_1" }],
    "POST /widget/check": new TypeError("network"),
  });
  const result = await connection.request("POST", "/chat/sessions", "token", { body: { a: 1 }, headers: { "Idempotency-Key": "k" } });
  assert.deepEqual(result, { id: "th_1" });
  const posts = requests.filter(({ path }) => path === "/api/v1/chat/sessions");
  assert.deepEqual(posts.map(({ headers }) => [headers["Idempotency-Key"], headers.Authorization]), Array(3).fill(["k", "Bearer token"]));
  assert.deepEqual(posts[0].body, { a: 1 });
  assert.deepEqual(offline, [true, false, false]);
  assert.ok(delays.includes(7000), "it waits as long as the server asks");
});

test("a request that still runs is asked for again; other conflicts are final", async ({ mock }) => {
  instantTimers(mock);
  const path = "/api/v1/chat/sessions";
  serve({ [`POST ${path}`]: [problem(409, { type: "https://x/#still-running" }), { id: "th_1" }] });
  assert.deepEqual(await connection.request("POST", "/chat/sessions", "t"), { id: "th_1" });
  for (const status of [400, 401, 403, 404, 409, 413, 422, 500]) {
    const requests = serve({ [`POST ${path}`]: problem(status) });
    await assert.rejects(connection.request("POST", "/chat/sessions", "t"), (error) => error instanceof RequestRefused && error.status === status && !error.final);
    assert.equal(requests.length, 1, `${status} is not retried`);
  }
});

test("a key that this page may not use is no lost connection", async ({ mock }) => {
  instantTimers(mock);
  serve({ "GET /api/v1/x": new TypeError("CORS"), "POST /widget/check": { usable: false, code: "wrong-origin", detail: "not for this origin" } });
  await assert.rejects(connection.request("GET", "/x", "t"), (error) => error instanceof RequestRefused && error.final && error.code === "wrong-origin");
  assert.deepEqual(offline, []);
});

test("a request that the page's own policy blocks names the policy", async ({ mock }) => {
  instantTimers(mock);
  serve({ "GET /api/v1/x": new TypeError("blocked") });
  dispatchEvent(Object.assign(new Event("securitypolicyviolation"), { effectiveDirective: "connect-src", blockedURI: "https://api.example/api/v1/x" }));
  await assert.rejects(connection.request("GET", "/x", "t"), (error) => error.final && error.code === "connect-src" && /connect-src https:\/\/api\.example/.test(error.message));
});

test("a wait ends early when the network comes back", async () => {
  const pause = connection.pause(20);
  dispatchEvent(new Event("online"));
  await pause;
});

test("a stream is resumed after the last event, and its loss is told from a bug", async () => {
  const requests = serve({ "GET /api/v1/s": new Response('id: 8\nevent: turn\ndata: {}\n\n') });
  const events = [];
  for await (const event of connection.stream("/s", "t", "7", new AbortController().signal)) events.push(event);
  assert.deepEqual(events, [{ id: "8", kind: "turn", data: "{}" }]);
  assert.equal(requests[0].headers["Last-Event-ID"], "7");
  serve({ "GET /api/v1/s": new TypeError("network") });
  await assert.rejects(connection.stream("/s", "t", "7", new AbortController().signal).next(), ConnectionLost);
});

test("a stream that is aborted aborts its request", async () => {
  const [request] = await new Promise((resolve) => {
    const requests = serve({ "GET /api/v1/s": ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))) });
    const leaving = new AbortController();
    const pending = connection.stream("/s", "t", "0", leaving.signal).next();
    pending.catch(() => resolve(requests));
    setTimeout(() => leaving.abort());
  });
  assert.ok(request.signal.aborted);
});
