// @ts-check
// The widget's texts in English. A page replaces one with data-title="…", or several with
// data-texts='{"title": "…"}'.

const TEXTS = {
  title: "Chat with us",
  launcher: "Open chat",
  close: "Close chat",
  greeting: "Hello! How can we help?",
  placeholder: "Write a message",
  send: "Send",
  you: "You",
  agent: "Assistant",
  typing: "is typing",
  sending: "Sending…",
  offline: "No connection. Your message will be sent when you are back online.",
  failed: "Something went wrong. Please try again.",
  refused: "This message could not be sent.",
  unavailable: "Chat is not available right now.",
  cancelled: "Stopped",
  interrupted: "Stopped",
  dropped: "Not delivered: the assistant was busy.",
  ignored: "No one is available to answer this.",
  retry: "Try again",
  choose: "Choose…",
  unread: "New message",
};

/** @typedef {typeof TEXTS} Texts */

// Attributes that configure the widget: never texts.
const OPTIONS = ["key", "agent", "position", "theme", "open", "texts"];

/**
 * Return the texts of a script tag: its own where it has any, else those above.
 *
 * @param {{ dataset: DOMStringMap }} script
 * @returns {Texts}
 */
export function textsOf({ dataset }) {
  /** @type {Record<string, unknown>} */
  let custom = {};
  try {
    custom = JSON.parse(dataset.texts || "{}") || {};
  } catch (error) {
    console.error("answerback: data-texts is not JSON", error);
  }
  const texts = { ...TEXTS };
  for (const name of /** @type {(keyof Texts)[]} */ (Object.keys(TEXTS))) {
    const text = custom[name];
    if (typeof text === "string") texts[name] = text;
    const attribute = dataset[name];
    if (!OPTIONS.includes(name) && attribute !== undefined) texts[name] = attribute;
  }
  return texts;
}
