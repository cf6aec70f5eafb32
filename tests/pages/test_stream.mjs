// Server-sent events, read from bytes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readEvents } from "../../ingress/pages/stream.js";
import { streamOf } from "./server.mjs";

async function read(text, size = 1000) {
  let chunks = 0;
  const events = [];
  for await (const event of readEvents({ body: streamOf(text, size) }, () => chunks++)) events.push(event);
  return { events, chunks };
}

test("events are read from bytes that are split anywhere", async () => {
  for (let size = 1; size < 8; size++) {
    const { events } = await read(': hello\n\nid: 1-0\nevent: text\ndata: {"text":"grün 👍"}\n\ndata: a\r\ndata: b\r\n\r\n', size);
    assert.deepEqual(events, [
      { id: "1-0", kind: "text", data: '{"text":"grün 👍"}' },
      { id: "", kind: "message", data: "a\nb" },
    ]);
  }
});

test("a comment is no event, but it shows that the connection is alive", async () => {
  assert.deepEqual(await read(": keep-alive\n\n"), { events: [], chunks: 1 });
});

test("an event that is not complete is left out", async () => {
  assert.deepEqual((await read("data: whole\n\nid: 2\ndata: half")).events, [{ id: "", kind: "message", data: "whole" }]);
});

test("a reader that stops early closes the response", async () => {
  let cancelled = false;
  const body = new ReadableStream({
    pull: (controller) => controller.enqueue(new TextEncoder().encode("data: x\n\n")),
    cancel: () => (cancelled = true),
  });
  for await (const event of readEvents({ body }, () => {})) {
    assert.equal(event.data, "x");
    break;
  }
  assert.ok(cancelled);
});
