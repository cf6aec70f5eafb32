// The messages of a chat, as stream events change them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Conversation, uuid } from "../../ingress/pages/conversation.js";

const create = () => new Conversation(() => {});
const texts = (conversation) =>
  [...conversation.messages.values()].map(({ role, points, status, pending }) => `${role}: ${points.join("")}${pending ? " (pending)" : ""}${status ? ` (${status})` : ""}`);
const turn = (id, events, messages = []) => ({ kind: "turn", data: { turn: id, events, messages } });
const text = (id, at, words, message = `${id}.1`) => ({ kind: "text", data: { turn: id, message, at, text: words } });
const done = (id, events, messages, status = "completed") => ({ kind: "done", data: { turn: id, events, messages, status } });

test("a message counts as sent once its receipt has arrived", () => {
  const conversation = create();
  conversation.addPending("k1", "hello");
  assert.deepEqual(texts(conversation), ["user: hello (pending)"]);
  conversation.acknowledge("k1", "m1");
  assert.deepEqual(texts(conversation), ["user: hello"]);
  conversation.addPending("k2", "again");
  conversation.markRefused("k2");
  assert.deepEqual(texts(conversation), ["user: hello", "user: again (refused)"]);
});

test("a turn's event that arrives before the receipt does not double the message", () => {
  const conversation = create();
  conversation.addPending("k3", "quick");
  conversation.apply(turn("t", ["m3"], [{ id: "m3", text: "quick" }]));
  conversation.acknowledge("k3", "m3");
  assert.deepEqual(texts(conversation), ["user: quick"]);
});

test("the partial answer of a failed turn is removed, and a replay answers the message", () => {
  const conversation = create();
  conversation.addStored({ id: "m1", role: "user", content: "price?", status: "waiting" });
  conversation.apply(turn("t", ["m1"], [{ id: "m1", text: "price?" }]));
  assert.deepEqual(texts(conversation), ["user: price?"], "it no longer waits");
  conversation.apply(text("t", 0, "It is"));
  conversation.apply({ kind: "error", data: { turn: "t", events: ["m1"], reason: "away" } });
  assert.deepEqual(texts(conversation), ["user: price? (failed)"]);
  conversation.apply(turn("t2", ["m1"], [{ id: "m1", text: "price?" }]));
  assert.deepEqual(texts(conversation), ["user: price?"]);
});

test("text is assembled by code points, without gap or repeat", () => {
  const conversation = create();
  conversation.apply(text("t", 0, "a👍"));
  conversation.apply(text("t", 2, "b"));
  conversation.apply(text("t", 2, "b"));
  assert.deepEqual(texts(conversation), ["assistant: a👍b"]);
  conversation.apply(text("t", 0, "c"));
  conversation.apply(done("t", [], ["t.1"]));
  assert.deepEqual(texts(conversation), ["assistant: c"]);
  conversation.apply(text("t", 1, "late"));
  assert.deepEqual(texts(conversation), ["assistant: c"], "a committed message does not change");
  assert.equal(conversation.incomplete, false);
});

test("text after a gap is marked as incomplete", () => {
  const conversation = create();
  conversation.apply(text("t", 5, "world"));
  assert.equal(conversation.incomplete, true);
});

test("a cancelled turn keeps the text that was committed, and drops the rest", () => {
  const conversation = create();
  conversation.addStored({ id: "m1", role: "user", content: "go", status: "completed" });
  conversation.apply(turn("t", ["m1"]));
  conversation.apply(text("t", 0, "kept"));
  conversation.apply(text("t", 0, "not kept", "t.2"));
  conversation.apply(done("t", ["m1"], ["t.1"], "cancelled"));
  assert.deepEqual(texts(conversation), ["user: go", "assistant: kept (cancelled)"]);
});

test("a message that was dropped, ignored or cancelled without an answer says so", () => {
  const conversation = create();
  for (const id of ["m1", "m2", "m3", "m4"]) conversation.addStored({ id, role: "user", content: id });
  conversation.apply(done("t1", ["m1"], [], "dropped"));
  conversation.apply(done("t2", ["m2"], [], "cancelled"));
  conversation.apply(done("t3", ["m3"], [], "interrupted"));
  conversation.apply(done("t4", ["m4"], [], "ignored"));
  assert.deepEqual(texts(conversation), ["user: m1 (dropped)", "user: m2 (cancelled)", "user: m3", "user: m4 (ignored)"]);
});

test("each change is reported with the id under which the message was known", () => {
  const changes = [];
  const conversation = new Conversation((id, message) => changes.push([id, message && message.id]));
  conversation.addPending("k", "hello");
  conversation.acknowledge("k", "m");
  conversation.remove("m");
  conversation.remove("m");
  assert.deepEqual(changes, [["k", "k"], ["k", "m"], ["m", null]]);
});

test("keys are 32 hex digits, and differ", () => {
  const keys = new Set(Array.from({ length: 100 }, uuid));
  assert.equal(keys.size, 100);
  for (const key of keys) assert.match(key, /^[0-9a-f]{32}$/);
});
