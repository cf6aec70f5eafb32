// The widget's texts in English. A page replaces one with data-title="…", or several with
// data-texts='{"title": "…"}'.

const TEXTS = {
  title: "Chat with us",
  launcher: "Open the chat",
  close: "Close the chat",
  greeting: "Hello! How can we help?",
  placeholder: "Write a message",
  send: "Send",
  you: "You",
  agent: "Assistant",
  typing: "is writing",
  sending: "sending …",
  offline: "No connection. Your message will be sent when you are back online.",
  failed: "There was no answer. Please try again.",
  refused: "This could not be sent.",
  unavailable: "The chat is not available here.",
  cancelled: "stopped",
  interrupted: "stopped",
  dropped: "not delivered: the assistant was busy",
  retry: "Try again",
  unread: "new message",
};
// Attributes that configure the widget: never texts.
const OPTIONS = ["key", "agent", "position", "theme", "open", "texts"];

function textsOf({ dataset }) {
  let given = {};
  try {
    given = JSON.parse(dataset.texts || "{}") || {};
  } catch (error) {
    console.error("answerback: data-texts is not JSON", error);
  }
  const texts = { ...TEXTS };
  for (const name of Object.keys(TEXTS)) {
    if (typeof given[name] === "string") texts[name] = given[name];
    if (!OPTIONS.includes(name) && dataset[name] !== undefined) texts[name] = dataset[name];
  }
  return texts;
}
