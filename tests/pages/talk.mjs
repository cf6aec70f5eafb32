// What was said, as the events of a thread change it: run by tests/unit/test_pages_scripts.py.

import assert from "node:assert/strict";
import { test } from "node:test";

const { Talk } = await import(`${process.env.PAGES}/talk.js`);
const { eventsOf } = await import(`${process.env.PAGES}/stream.js`);

const talk = () => new Talk(() => {});
const said = (one) => [...one.messages.values()].map(({ role, points, status, pending }) => `${role}: ${points.join("")}${pending ? " (pending)" : ""}${status ? ` (${status})` : ""}`);

test("a message counts as sent when its receipt came", () => {
  const one = talk();
  one.write("k1", "hello");
  assert.deepEqual(said(one), ["user: hello (pending)"]);
  one.acknowledge("k1", "m1");
  assert.deepEqual(said(one), ["user: hello"]);
  one.write("k2", "again");
  one.refuse("k2");
  assert.deepEqual(said(one), ["user: hello", "user: again (refused)"]);
  // The turn's event was faster than the receipt.
  one.write("k3", "quick");
  one.hear("turn", { turn: "t", events: ["m3"], messages: [{ id: "m3", text: "quick" }] });
  one.acknowledge("k3", "m3");
  assert.deepEqual(said(one), ["user: hello", "user: again (refused)", "user: quick"]);
});

test("what was written of an answer that failed is no answer", () => {
  const one = talk();
  one.settle({ id: "m1", role: "user", content: "price?", status: "waiting" });
  one.hear("turn", { turn: "t", events: ["m1"], messages: [{ id: "m1", text: "price?" }] });
  assert.deepEqual(said(one), ["user: price?"], "it waits no more");
  one.hear("text", { turn: "t", message: "t.1", at: 0, text: "It is" });
  one.hear("error", { turn: "t", events: ["m1"], reason: "away" });
  assert.deepEqual(said(one), ["user: price? (failed)"]);
  one.hear("turn", { turn: "t2", events: ["m1"], messages: [{ id: "m1", text: "price?" }] });
  assert.deepEqual(said(one), ["user: price?"], "an operator put it back");
});

test("text is put together by code points, without gap or repeat", () => {
  const one = talk();
  one.hear("text", { turn: "t", message: "t.1", at: 0, text: "a👍" });
  one.hear("text", { turn: "t", message: "t.1", at: 2, text: "b" });
  one.hear("text", { turn: "t", message: "t.1", at: 2, text: "b" });
  assert.deepEqual(said(one), ["assistant: a👍b"]);
  one.hear("text", { turn: "t", message: "t.1", at: 0, text: "c" });
  one.hear("done", { turn: "t", events: [], messages: ["t.1"], status: "completed" });
  assert.deepEqual(said(one), ["assistant: c"]);
});

test("events are read from bytes that are cut anywhere", async () => {
  const bytes = new TextEncoder().encode(': hello\n\nid: 1-0\nevent: text\ndata: {"text":"grün 👍"}\n\ndata: a\r\ndata: b\r\n\r\n');
  for (let size = 1; size < 8; size++) {
    const body = new ReadableStream({
      start(controller) {
        for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
        controller.close();
      },
    });
    const found = [];
    for await (const event of eventsOf({ body }, () => {})) found.push(event);
    assert.deepEqual(found, [
      { id: "1-0", kind: "text", data: '{"text":"grün 👍"}' },
      { id: "", kind: "message", data: "a\nb" },
    ]);
  }
});
