// Read server-sent events from a fetch response: EventSource cannot send an Authorization header.
// https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream

export async function* eventsOf(response, alive) {
  const reader = response.body.getReader();
  const decoder = new TextDecoder(); // TextDecoderStream is not available everywhere
  let rest = "";
  let event = { id: "", kind: "message", data: [] };
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      alive();
      const text = decoder.decode(value, { stream: true });
      if (!text.includes("\n")) {
        rest += text; // part of a long line: split it once it is complete
        continue;
      }
      const lines = (rest + text).split(/\r?\n/);
      rest = lines.pop();
      for (const line of lines) {
        if (line === "") {
          if (event.data.length) yield { ...event, data: event.data.join("\n") };
          event = { id: "", kind: "message", data: [] };
          continue;
        }
        const at = line.indexOf(":");
        const name = at < 0 ? line : line.slice(0, at);
        const said = at < 0 ? "" : line.slice(at + 1).replace(/^ /, "");
        if (name === "id") event.id = said;
        if (name === "event") event.kind = said;
        if (name === "data") event.data.push(said);
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
