// What the widget keeps in localStorage, and that it trusts nothing it finds there.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { FakeStorage } from "./server.mjs";
import { WidgetStorage, toJson } from "../../ingress/pages/widget/storage.js";

let storage;
beforeEach(() => {
  globalThis.localStorage = new FakeStorage();
  storage = new WidgetStorage("answerback:k:");
});

test("a session and the key of one that is being opened are kept", () => {
  assert.deepEqual(storage.loadSession(), { session: null, openingKey: "" });
  storage.saveSession(null, "key");
  assert.deepEqual(storage.loadSession(), { session: null, openingKey: "key" });
  storage.saveSession({ id: "th_1", token: "ab_ses_1" });
  assert.deepEqual(storage.loadSession(), { session: { id: "th_1", token: "ab_ses_1" }, openingKey: "" });
});

test("messages are kept one by one, oldest first, and removed one by one", ({ mock }) => {
  let now = 30;
  mock.method(Date, "now", () => now--);
  for (const key of ["c", "b", "a"]) storage.saveMessage({ key, text: `text ${key}` });
  new WidgetStorage("answerback:other:").saveMessage({ key: "x", text: "of another widget" });
  assert.deepEqual(storage.loadOutbox().map(({ key, text }) => [key, text]), [["a", "text a"], ["b", "text b"], ["c", "text c"]]);
  storage.removeMessage({ key: "b", text: "" });
  assert.deepEqual(storage.loadOutbox().map(({ key }) => key), ["a", "c"]);
});

test("nonsense of another script is ignored", () => {
  for (const nonsense of ["", "null", "7", '"text"', "[]", "{", '{"session": {"id": 7, "token": "x"}, "opening": {}}', '{"session": "x"}']) {
    localStorage.setItem("answerback:k:", nonsense);
    localStorage.setItem("answerback:k::out:m", nonsense);
    assert.deepEqual(storage.loadSession(), { session: null, openingKey: "" }, nonsense);
    assert.deepEqual(storage.loadOutbox(), [], nonsense);
  }
});

test("storage that is disabled or full changes nothing else", () => {
  const fail = () => {
    throw new DOMException("", "SecurityError");
  };
  globalThis.localStorage = { getItem: fail, setItem: fail, removeItem: fail, key: fail, length: 1 };
  storage.saveSession({ id: "th_1", token: "t" });
  storage.saveMessage({ key: "a", text: "b" });
  storage.removeMessage({ key: "a", text: "b" });
  assert.deepEqual(storage.loadSession(), { session: null, openingKey: "" });
  assert.deepEqual(storage.loadOutbox(), []);
});

test("JSON is the same as JSON.stringify's, also where a page has added toJSON methods", () => {
  const value = { a: [1, undefined, null, "x\n\"y\""], b: { c: true, d: undefined }, e: new Date(0), f: [] };
  assert.equal(toJson(value), JSON.stringify(value));
  const expected = toJson(value);
  Object.defineProperty(Array.prototype, "toJSON", { value: () => "patched", configurable: true });
  try {
    assert.equal(JSON.stringify([1]), '"patched"');
    assert.equal(toJson(value), expected);
  } finally {
    delete Array.prototype.toJSON;
  }
});
