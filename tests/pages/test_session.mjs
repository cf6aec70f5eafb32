// A session of the widget: opened once, each message sent once, its stream resumed.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { eventStream, installPage, instantTimers, serve } from "./server.mjs";

installPage();
const { Connection } = await import("../../ingress/pages/widget/connection.js");
const { Conversation } = await import("../../ingress/pages/conversation.js");
const { Session } = await import("../../ingress/pages/widget/session.js");
const { WidgetStorage } = await import("../../ingress/pages/widget/storage.js");

const SESSIONS = "/api/v1/chat/sessions";
const MESSAGES = `${SESSIONS}/th_1/messages`;
const STREAM = `${SESSIONS}/th_1/stream`;
const OPENED = { id: "th_1", token: "ab_ses_1", state: "idle" };
const problem = (status, fields = {}) => Response.json({ detail: `status ${status}`, ...fields }, { status });
const stream = (...events) => new Response(eventStream(...events));
const answer = (event, text, n = 1) =>
  stream(
    ["turn", { turn: `t${n}`, events: [event], messages: [] }, `${n}-0`],
    ["text", { turn: `t${n}`, message: `t${n}.1`, at: 0, text }, `${n}-1`],
    ["done", { turn: `t${n}`, events: [event], messages: [`t${n}.1`], status: "completed" }, `${n}-2`],
  );

beforeEach(() => localStorage.items.clear());

function create() {
  const events = [];
  const conversation = new Conversation(() => {});
  const storage = new WidgetStorage("answerback:k:");
  const connection = new Connection("https://api.example", "ab_pub_1_2");
  const session = new Session({ connection, key: "ab_pub_1_2", agent: "support", storage, conversation, onEvent: (event) => events.push(event) });
  const texts = () => [...conversation.messages.values()].map(({ role, points, status }) => `${role}: ${points.join("")}${status ? ` (${status})` : ""}`);
  // Until nothing is to be sent and no answer is expected.
  const settled = async () => {
    for (let n = 0; n < 200 && (session.waiting || session.flushing || session.following); n++) await new Promise(setImmediate);
    assert.equal(session.waiting, false, "it settles");
  };
  return { session, events, conversation, storage, texts, settled };
}

test("the first message opens a session, and its answer is streamed", async ({ mock }) => {
  instantTimers(mock);
  const requests = serve({ [`POST ${SESSIONS}`]: OPENED, [`POST ${MESSAGES}`]: { id: "m1" }, [`GET ${STREAM}`]: answer("m1", "hi") });
  const { session, storage, texts, settled, events } = create();
  session.metadata = { name: "Ada" };
  const key = session.send("hello");
  await settled();
  assert.deepEqual(texts(), ["user: hello", "assistant: hi"]);
  assert.deepEqual(requests.map(({ method, path }) => `${method} ${path}`), [`POST ${SESSIONS}`, `POST ${MESSAGES}`, `GET ${STREAM}`]);
  assert.deepEqual(requests[0].body, { agentId: "support", metadata: { name: "Ada" } });
  assert.equal(requests[1].headers["Idempotency-Key"], key);
  assert.equal(requests[1].headers.Authorization, "Bearer ab_ses_1");
  assert.deepEqual(storage.loadSession(), { session: { id: "th_1", token: "ab_ses_1" }, openingKey: "" });
  assert.deepEqual(storage.loadOutbox(), []);
  assert.deepEqual(events.filter(({ kind }) => ["session", "turn", "done"].includes(kind)).map(({ kind }) => kind), ["session", "turn", "done"]);
});

test("a stream that breaks is resumed after its last event", async ({ mock }) => {
  instantTimers(mock);
  const requests = serve({
    [`POST ${SESSIONS}`]: OPENED,
    [`POST ${MESSAGES}`]: { id: "m1" },
    [`GET ${STREAM}`]: [
      stream(["turn", { turn: "t1", events: ["m1"], messages: [] }, "1-0"], ["text", { turn: "t1", message: "t1.1", at: 0, text: "on" }, "1-1"]),
      problem(503),
      stream(["text", { turn: "t1", message: "t1.1", at: 2, text: "ce" }, "1-2"], ["done", { turn: "t1", events: ["m1"], messages: ["t1.1"], status: "completed" }, "1-3"]),
    ],
  });
  const { session, texts, settled } = create();
  session.send("hello");
  await settled();
  assert.deepEqual(texts(), ["user: hello", "assistant: once"]);
  assert.deepEqual(requests.filter(({ path }) => path === STREAM).map(({ headers }) => headers["Last-Event-ID"]), ["0", "1-1", "1-1"]);
});

test("a message that waits for an interrupted turn is still answered", async ({ mock }) => {
  instantTimers(mock);
  serve({
    [`POST ${SESSIONS}`]: OPENED,
    [`POST ${MESSAGES}`]: { id: "m1" },
    [`GET ${STREAM}`]: [stream(["turn", { turn: "t0", events: ["m1"], messages: [] }, "0-1"], ["done", { turn: "t0", events: ["m1"], messages: [], status: "interrupted" }, "0-2"]), answer("m1", "hi")],
  });
  const { session, texts, settled } = create();
  session.send("hello");
  await settled();
  assert.deepEqual(texts(), ["user: hello", "assistant: hi"]);
});

test("events that have expired are replaced by the history", async ({ mock }) => {
  instantTimers(mock);
  const requests = serve({
    [`POST ${SESSIONS}`]: OPENED,
    [`POST ${MESSAGES}`]: { id: "m1" },
    [`GET ${STREAM}`]: stream(["forgotten", {}]),
    [`GET ${SESSIONS}/th_1`]: OPENED,
    [`GET ${MESSAGES}`]: [
      { messages: [{ id: "m1", role: "user", content: "hello", status: "completed" }], next_cursor: "c" },
      { messages: [{ id: "t1.1", role: "assistant", content: "hi", status: "completed" }], next_cursor: null },
    ],
  });
  const { session, texts, settled } = create();
  session.send("hello");
  await settled();
  assert.deepEqual(texts(), ["user: hello", "assistant: hi"]);
  assert.ok(requests.some(({ url }) => url.endsWith("/messages?cursor=c")));
});

test("a reload continues: unacknowledged messages are sent with their keys, and the history is shown", async ({ mock }) => {
  instantTimers(mock);
  const { session, storage, texts, settled } = create();
  storage.saveSession({ id: "th_1", token: "ab_ses_1" });
  storage.saveMessage({ key: "k2", text: "second" });
  const requests = serve({
    [`GET ${SESSIONS}/th_1`]: OPENED,
    [`GET ${MESSAGES}`]: { messages: [{ id: "m1", role: "user", content: "first", status: "completed" }, { id: "t1.1", role: "assistant", content: "one", status: "completed" }], next_cursor: null },
    [`POST ${MESSAGES}`]: { id: "m2" },
    [`GET ${STREAM}`]: answer("m2", "two", 2),
  });
  await session.resume();
  await settled();
  assert.deepEqual(texts().sort(), ["assistant: one", "assistant: two", "user: first", "user: second"]);
  assert.equal(requests.find(({ method }) => method === "POST").headers["Idempotency-Key"], "k2");
});

test("a session that has ended is replaced once, and the message is sent in the new one", async ({ mock }) => {
  instantTimers(mock);
  for (const ended of [problem(401), problem(404), problem(409, { type: "https://x/#thread-ended" })]) {
    localStorage.items.clear();
    const { session, storage, texts, settled } = create();
    storage.saveSession({ id: "th_0", token: "ab_ses_0" });
    session.opened = { id: "th_0", token: "ab_ses_0" };
    serve({ [`POST ${SESSIONS}/th_0/messages`]: ended, [`POST ${SESSIONS}`]: OPENED, [`POST ${MESSAGES}`]: { id: "m1" }, [`GET ${STREAM}`]: answer("m1", "hi") });
    session.send("hello");
    await settled();
    assert.deepEqual(texts(), ["user: hello", "assistant: hi"]);
    assert.equal(storage.loadSession().session.id, "th_1");
  }
});

test("a message that the server refuses is marked, and the next one is sent", async ({ mock }) => {
  instantTimers(mock);
  serve({ [`POST ${SESSIONS}`]: OPENED, [`POST ${MESSAGES}`]: [problem(422), { id: "m2" }], [`GET ${STREAM}`]: answer("m2", "hi") });
  const { session, storage, texts, settled, events } = create();
  session.send("bad");
  session.send("good");
  await settled();
  assert.deepEqual(texts().sort(), ["assistant: hi", "user: bad (refused)", "user: good"]);
  assert.deepEqual(storage.loadOutbox(), []);
  assert.equal(events.filter(({ kind }) => kind === "refused").length, 1);
});

test("a lost response does not open a second session", async ({ mock }) => {
  instantTimers(mock);
  const requests = serve({ [`POST ${SESSIONS}`]: [new TypeError("network"), OPENED], "POST /widget/check": { usable: true }, [`POST ${MESSAGES}`]: { id: "m1" }, [`GET ${STREAM}`]: answer("m1", "hi") });
  const { session, settled } = create();
  session.send("hello");
  await settled();
  const keys = requests.filter(({ path }) => path === SESSIONS).map(({ headers }) => headers["Idempotency-Key"]);
  assert.equal(keys.length, 2);
  assert.equal(keys[0], keys[1]);
});

test("a browser that cannot stream polls the history", async ({ mock }) => {
  instantTimers(mock);
  serve({
    [`POST ${SESSIONS}`]: OPENED,
    [`POST ${MESSAGES}`]: { id: "m1" },
    [`GET ${STREAM}`]: () => new Response(null),
    [`GET ${SESSIONS}/th_1`]: [{ ...OPENED, state: "running" }, OPENED],
    [`GET ${MESSAGES}`]: [
      { messages: [{ id: "m1", role: "user", content: "hello", status: "waiting" }], next_cursor: null },
      { messages: [{ id: "m1", role: "user", content: "hello", status: "completed" }, { id: "t1.1", role: "assistant", content: "hi", status: "completed" }], next_cursor: null },
    ],
  });
  const { session, texts, settled } = create();
  session.send("hello");
  await settled();
  assert.deepEqual(texts(), ["user: hello", "assistant: hi"]);
});

test("an ended session refuses what it could not send, and sends again on demand", async ({ mock }) => {
  instantTimers(mock);
  serve({ [`POST ${SESSIONS}`]: () => new Promise(() => {}) });
  const { session, texts } = create();
  session.send("late");
  session.end();
  assert.deepEqual(texts(), ["user: late (refused)"]);
  assert.equal(session.waiting, false);
});
