// The widget's texts, and what a script tag may replace.

import assert from "node:assert/strict";
import { test } from "node:test";
import { textsOf } from "../../ingress/pages/widget/texts.js";

test("a script tag replaces texts one by one, or several at once", () => {
  const texts = textsOf({ dataset: { title: "Fragen?", greeting: "", texts: '{"send": "Senden", "title": "overruled", "nothing": "x", "close": 7}' } });
  assert.equal(texts.title, "Fragen?");
  assert.equal(texts.send, "Senden");
  assert.equal(texts.greeting, "");
  assert.equal(texts.close, "Close chat");
  assert.ok(!("nothing" in texts));
});

test("options are not texts: data-agent chooses the agent, and does not name it", () => {
  assert.equal(textsOf({ dataset: { agent: "support-2" } }).agent, "Assistant");
  assert.equal(textsOf({ dataset: { agent: "support-2", texts: '{"agent": "Ada"}' } }).agent, "Ada");
});

test("data-texts that is not JSON is reported, and the defaults are used", ({ mock }) => {
  const report = mock.method(console, "error", () => {});
  assert.equal(textsOf({ dataset: { texts: "{" } }).send, "Send");
  assert.equal(textsOf({ dataset: { texts: "null" } }).send, "Send");
  assert.equal(report.mock.callCount(), 1);
});
