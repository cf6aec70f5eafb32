// @ts-check
// Read server-sent events from a fetch response: EventSource cannot send an Authorization header.
// https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream

/** @typedef {{ id: string, kind: string, data: string }} ServerSentEvent `id` is "" if the event has none. */

/**
 * Yield the events of a response. `onData` is called whenever bytes arrive, comments included.
 *
 * @param {{ body: ReadableStream<Uint8Array> | null }} response
 * @param {() => void} onData
 * @returns {AsyncGenerator<ServerSentEvent, void>}
 */
export async function* readEvents(response, onData) {
  if (!response.body) return;
  const reader = response.body.getReader();
  const decoder = new TextDecoder(); // TextDecoderStream is not available everywhere
  let rest = "";
  /** @type {{ id: string, kind: string, data: string[] }} */
  let event = { id: "", kind: "message", data: [] };
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      onData();
      const text = decoder.decode(value, { stream: true });
      if (!text.includes("\n")) {
        rest += text; // part of a long line: split it once it is complete
        continue;
      }
      const lines = (rest + text).split(/\r?\n/);
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line === "") {
          if (event.data.length) yield { ...event, data: event.data.join("\n") };
          event = { id: "", kind: "message", data: [] };
          continue;
        }
        const colon = line.indexOf(":");
        const field = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
        if (field === "id") event.id = value;
        if (field === "event") event.kind = value;
        if (field === "data") event.data.push(value);
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
