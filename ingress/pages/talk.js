// The messages of a chat, in order. Text is stored as code points, because the server counts those.

export class Talk {
  constructor(changed) {
    this.messages = new Map();
    this.changed = changed;
  }

  // Apply a message from the history: final.
  settle({ id, role, content, text, status }) {
    this.put(id, { role, points: Array.from(content ?? text ?? ""), final: true, status: status || "" });
  }

  // Add a message written here. Until it has an id, its Idempotency-Key identifies it.
  write(key, text) {
    this.put(key, { role: "user", points: Array.from(text), pending: true });
  }

  // Mark a message as refused; it is not retried automatically.
  refuse(key) {
    if (this.messages.has(key)) this.put(key, { pending: false, status: "refused" });
  }

  // Replace the key of a stored message by its id.
  acknowledge(key, id) {
    const message = this.messages.get(key);
    if (!message) return;
    this.messages.delete(key);
    if (this.messages.has(id)) {
      this.changed(key, null);
      return;
    }
    message.pending = false;
    message.id = id;
    this.messages.set(id, message);
    this.changed(key, message);
  }

  drop(id) {
    if (this.messages.delete(id)) this.changed(id, null);
  }

  hear(kind, said) {
    if (kind === "turn") this.begin(said);
    if (kind === "text") this.grow(said);
    if (kind === "done") this.end(said);
    if (kind === "error") this.fail(said);
  }

  begin({ turn, events, messages }) {
    // Waiting messages, and replayed ones that had failed, are in progress now.
    for (const id of events) {
      const known = this.messages.get(id);
      if (known && ["waiting", "failed"].includes(known.status)) this.put(id, { status: "" });
    }
    for (const { id, text } of messages) if (!this.messages.has(id)) this.put(id, { role: "user", points: Array.from(text), turn });
  }

  grow({ turn, message: id, at, text }) {
    const known = this.messages.get(id);
    if (known?.final) return;
    const points = known ? known.points : [];
    if (at > points.length) this.torn = true; // earlier events have expired: reload the text from the history at the end
    points.length = Math.min(at, points.length);
    for (const point of text) points.push(point);
    this.put(id, { role: "assistant", points, turn });
  }

  end({ turn, events, messages, status }) {
    // Dropped because the agent was working, or cancelled before any answer.
    const mine = status === "dropped" || (status === "cancelled" && !messages.length);
    if (mine) for (const id of events) if (this.messages.has(id)) this.put(id, { status });
    for (const [id, message] of this.messages) {
      if (message.turn !== turn || message.role !== "assistant") continue;
      if (messages.includes(id)) this.put(id, { ...message, final: true, status: status === "cancelled" ? status : "" });
      else if (!message.final) this.drop(id);
    }
  }

  // The turn failed for good: remove its partial answer.
  fail({ turn, events }) {
    for (const id of events) if (this.messages.has(id)) this.put(id, { status: "failed" });
    for (const [id, message] of this.messages) if (message.turn === turn && message.role === "assistant" && !message.final) this.drop(id);
  }

  put(id, fields) {
    const message = this.messages.get(id) || { id };
    Object.assign(message, fields);
    this.messages.set(id, message);
    this.changed(id, message);
  }
}

export function uuid() {
  // crypto.randomUUID exists only in secure contexts.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
