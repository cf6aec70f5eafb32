// Use the widget from the page's scripts: listen to messages, and send one.

const events = document.getElementById("events");

addEventListener("answerback:message", ({ detail }) => {
  const item = document.createElement("li");
  item.textContent = `${detail.role}: ${detail.text}`;
  events.append(item);
});

document.getElementById("ask").addEventListener("click", () => {
  Answerback.open();
  Answerback.send("How long does delivery take?");
});
