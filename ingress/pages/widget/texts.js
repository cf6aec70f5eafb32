// What the widget says, in English. A page says it otherwise with data-title="…", or all of it with
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
  offline: "No connection. Your message is sent when it is back.",
  failed: "No answer came. Please try again.",
  refused: "This could not be sent.",
  unavailable: "The chat is not available here.",
  cancelled: "stopped",
  dropped: "not taken, for another answer was on its way",
  retry: "Try again",
  unread: "new message",
};

function textsOf(script) {
  const texts = { ...TEXTS };
  try {
    Object.assign(texts, JSON.parse(script.dataset.texts || "{}"));
  } catch (error) {
    console.error("answerback: data-texts is no JSON", error);
  }
  for (const name of Object.keys(TEXTS)) if (script.dataset[name] !== undefined) texts[name] = script.dataset[name];
  return texts;
}
