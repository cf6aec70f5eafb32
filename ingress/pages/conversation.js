// @ts-check
// The messages of a chat, in order: built from the history and from stream events.

/** @import { ActionsEvent, DoneEvent, ErrorEvent, StreamAction, StreamEvent, TextEvent, TurnEvent } from "./stream-events.d.ts" */

/**
 * @typedef {object} ChatMessage
 * @property {string} id The message's id; its Idempotency-Key until the server has acknowledged it.
 * @property {"user" | "assistant"} role
 * @property {string[]} points The text as code points, because the server counts those.
 * @property {string} [turn] The turn that writes or answers it.
 * @property {boolean} [pending] Not acknowledged by the server yet.
 * @property {boolean} [final] Committed: it does not change any more.
 * @property {string} [status] "", "waiting", "refused", "failed", "cancelled", "interrupted" or "dropped".
 * @property {StreamAction[]} [actions] The buttons and menus below it.
 * @property {Press} [press] What was pressed, in a message written here.
 * @property {boolean} [announced] The widget has dispatched its event.
 */

/**
 * A pressed button, or a chosen option, as the API takes it.
 *
 * @typedef {{ message: string, name: string, option?: string }} Press
 */

export class Conversation {
  /**
   * @param {(id: string, message: ChatMessage | null) => void} onChange Called for each message that has changed, with the
   *   id under which it was known before; with null if it was removed.
   */
  constructor(onChange) {
    /** @type {Map<string, ChatMessage>} */
    this.messages = new Map();
    this.onChange = onChange;
    /** Events of a text have expired: its message must be loaded from the history. */
    this.incomplete = false;
  }

  /**
   * Add or replace a message of the history: final.
   *
   * @param {{ id: string, role: "user" | "assistant", content: string, status?: string, actions?: StreamAction[] }} stored
   */
  addStored({ id, role, content, status, actions }) {
    this.put(id, { role, points: Array.from(content), final: true, status: status === "completed" ? "" : status || "", actions });
  }

  /**
   * Add a message written here. Until it has an id, its Idempotency-Key identifies it.
   *
   * @param {string} key
   * @param {string} text
   * @param {Press} [press]
   */
  addPending(key, text, press) {
    this.put(key, { role: "user", points: Array.from(text), pending: true, press });
  }

  /**
   * Mark a message as refused; it is not retried automatically.
   *
   * @param {string} key
   */
  markRefused(key) {
    if (this.messages.has(key)) this.put(key, { pending: false, status: "refused" });
  }

  /**
   * Replace the key of a stored message by its id.
   *
   * @param {string} key
   * @param {string} id
   */
  acknowledge(key, id) {
    const message = this.messages.get(key);
    if (!message) return;
    this.messages.delete(key);
    if (this.messages.has(id)) {
      this.onChange(key, null);
      return;
    }
    message.pending = false;
    message.id = id;
    this.messages.set(id, message);
    this.onChange(key, message);
  }

  /** @param {string} id */
  remove(id) {
    if (this.messages.delete(id)) this.onChange(id, null);
  }

  /**
   * Apply a stream event. Events that concern no message are ignored.
   *
   * @param {StreamEvent} event
   */
  apply(event) {
    if (event.kind === "turn") this.applyTurn(event.data);
    if (event.kind === "text") this.applyText(event.data);
    if (event.kind === "actions") this.applyActions(event.data);
    if (event.kind === "done") this.applyDone(event.data);
    if (event.kind === "error") this.applyError(event.data);
  }

  /** @param {TurnEvent} event */
  applyTurn({ turn, events, messages }) {
    // Waiting messages, and replayed ones that had failed, are in progress now.
    for (const id of events) {
      const message = this.messages.get(id);
      if (message && ["waiting", "failed"].includes(message.status ?? "")) this.put(id, { status: "" });
    }
    for (const { id, text } of messages) if (!this.messages.has(id)) this.put(id, { role: "user", points: Array.from(text), turn });
  }

  /** @param {TextEvent} event */
  applyText({ turn, message: id, at, text }) {
    const message = this.messages.get(id);
    if (message?.final) return;
    const points = message ? message.points : [];
    if (at > points.length) this.incomplete = true;
    points.length = Math.min(at, points.length);
    for (const point of text) points.push(point);
    this.put(id, { role: "assistant", points, turn });
  }

  /** @param {ActionsEvent} event */
  applyActions({ message: id, actions }) {
    const message = this.messages.get(id);
    if (message && !message.final) this.put(id, { actions });
  }

  /** @param {DoneEvent} event */
  applyDone({ turn, events, messages, status }) {
    // Dropped because the agent was working, ignored by all agents, or cancelled before any text was written.
    const unanswered = ["dropped", "ignored"].includes(status) || (status === "cancelled" && !messages.length);
    if (unanswered) for (const id of events) if (this.messages.has(id)) this.put(id, { status });
    for (const [id, message] of this.messages) {
      if (message.turn !== turn || message.role !== "assistant") continue;
      if (messages.includes(id)) this.put(id, { ...message, final: true, status: status === "cancelled" ? status : "" });
      else if (!message.final) this.remove(id);
    }
  }

  /**
   * The turn failed for good: remove its partial answer.
   *
   * @param {ErrorEvent} event
   */
  applyError({ turn, events }) {
    for (const id of events) if (this.messages.has(id)) this.put(id, { status: "failed" });
    for (const [id, message] of this.messages) if (message.turn === turn && message.role === "assistant" && !message.final) this.remove(id);
  }

  /**
   * Change fields of a message, or add it.
   *
   * @param {string} id
   * @param {Partial<ChatMessage>} fields
   */
  put(id, fields) {
    const message = Object.assign(this.messages.get(id) || { id, role: /** @type {const} */ ("user"), points: [] }, fields);
    this.messages.set(id, message);
    this.onChange(id, message);
  }
}

/**
 * Return what is pressed by a button or an option, and its words. null: a button that opens a page.
 *
 * @param {string} message The id of the message that has it.
 * @param {StreamAction} action
 * @param {string} [option] The value of the chosen option.
 * @returns {{ press: Press, text: string } | null}
 */
export function pressOf(message, action, option) {
  if (action.url) return null;
  if (action.type === "button") return { press: { message, name: action.name || action.label }, text: action.label };
  const chosen = action.options?.find(({ value }) => value === option);
  return chosen ? { press: { message, name: action.name, option }, text: chosen.label } : null;
}

/** Return a random Idempotency-Key: 32 hex digits. */
export function uuid() {
  // crypto.randomUUID exists only in secure contexts.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
