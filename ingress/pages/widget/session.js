// @ts-check
// A session: opened once, resumed after a reload; each message is sent once, and events have no gaps or duplicates.
//
// This object is the state of this page; the server has the state of all pages. A message counts as sent when its
// receipt has arrived, whatever the browser's storage says.

import { uuid } from "../conversation.js";
import { RequestRefused, StreamingUnsupported } from "./connection.js";

/** @import { MessagePage, MessageView, OpenedSession, ReceiptView, SessionView } from "../api.d.ts" */
/** @import { Conversation, Press } from "../conversation.js" */
/** @import { StreamEvent } from "../stream-events.d.ts" */
/** @import { ServerSentEvent } from "../stream.js" */
/** @import { Connection } from "./connection.js" */
/** @import { OutboxMessage, StoredSession, WidgetStorage } from "./storage.js" */

/**
 * What a session reports: a stream event; the session was opened; the history was loaded; a message was refused; the
 * session failed; or its state changed.
 *
 * @typedef {StreamEvent
 *   | { kind: "session", data: { id: string } }
 *   | { kind: "refused" | "broken", data: { error: any } }
 *   | { kind: "history" | "state" }} SessionEvent
 */

const POLL_INTERVAL = 2000; // ms; in a browser that cannot read a stream
const SETTLE_DELAY = 400; // ms without events after which the state is queried

export class Session {
  /**
   * @param {object} options
   * @param {Connection} options.connection
   * @param {string} options.key The publishable key.
   * @param {string} options.agent "" for the default agent.
   * @param {WidgetStorage} options.storage
   * @param {Conversation} options.conversation
   * @param {(event: SessionEvent) => void} options.onEvent
   */
  constructor({ connection, key, agent, storage, conversation, onEvent }) {
    this.connection = connection;
    this.key = key;
    this.agent = agent;
    this.storage = storage;
    this.conversation = conversation;
    this.onEvent = onEvent;
    /** @type {StoredSession | null} */
    this.opened = null;
    this.openingKey = ""; // the Idempotency-Key of a session that is being opened
    /** @type {OutboxMessage[]} */
    this.outbox = []; // unacknowledged messages
    /** @type {Set<string>} */
    this.unanswered = new Set(); // ids of messages
    /** @type {Set<string>} */
    this.runningTurns = new Set();
    this.serverBusy = false; // the server reported waiting or running work
    this.progress = ""; // what the agent says that it is doing
    this.lastEventId = "0";
    /** @type {object | null} */
    this.metadata = null;
    this.ended = false;
    /** @type {Promise<void> | null} */
    this.flushing = null;
    /** @type {AbortController | null} */
    this.following = null;
    this.settleTimer = 0;
  }

  /** Whether a message is to be sent, or an answer expected. */
  get waiting() {
    return this.serverBusy || this.outbox.length + this.unanswered.size + this.runningTurns.size > 0;
  }

  /** Show the history, and continue where a reload or another page left off. */
  async resume() {
    this.outbox = this.storage.loadOutbox();
    ({ session: this.opened, openingKey: this.openingKey } = this.storage.loadSession());
    for (const { key, text, press } of this.outbox) this.conversation.addPending(key, text, press);
    if (this.opened) await this.refresh();
    if (this.outbox.length) this.flush();
  }

  /** Another tab changed the storage: adopt its session and show its messages. */
  async adoptStoredSession() {
    const { session } = this.storage.loadSession();
    if (this.opened ? !session || session.id !== this.opened.id : !session) return;
    this.opened = session;
    await this.refresh();
    this.follow();
  }

  /**
   * Send a message; return its Idempotency-Key.
   *
   * @param {string} text
   * @param {Press} [press] What was pressed, instead of a text; `text` then shows it.
   */
  send(text, press) {
    this.ended = false;
    const message = { key: uuid(), text, ...(press && { press }) };
    this.outbox.push(message);
    this.storage.saveMessage(message);
    this.conversation.addPending(message.key, text, press);
    this.flush();
    return message.key;
  }

  /** Send the outbox in order, each message until it is acknowledged. Its key makes retries idempotent. */
  flush() {
    if (!this.flushing) {
      this.flushing = this.sendOutbox().finally(() => {
        this.flushing = null;
        this.onEvent({ kind: "state" });
      });
    }
    return this.flushing;
  }

  async sendOutbox() {
    let reopened = false;
    this.onEvent({ kind: "state" });
    while (this.outbox.length && !this.ended) {
      const message = this.outbox[0];
      try {
        const { id, token } = await this.open();
        const headers = { "Idempotency-Key": message.key };
        const body = { ...(message.press ? { action: message.press } : { content: message.text }), wait: false };
        /** @type {ReceiptView} */
        const receipt = await this.connection.request("POST", `/chat/sessions/${id}/messages`, token, { body, headers });
        this.removeFromOutbox(message);
        this.unanswered.add(receipt.id);
        this.conversation.acknowledge(message.key, receipt.id);
        this.follow();
      } catch (error) {
        // The session has ended or expired (after a day): send the message in a new one.
        if (this.opened && !reopened && hasEnded(error)) {
          reopened = true;
          this.forget();
        } else {
          this.removeFromOutbox(message);
          this.conversation.markRefused(message.key);
          this.onEvent({ kind: "refused", data: { error } });
        }
      }
    }
  }

  /** @param {OutboxMessage} message */
  removeFromOutbox(message) {
    this.outbox = this.outbox.filter(({ key }) => key !== message.key);
    this.storage.removeMessage(message);
  }

  /** Return the session; open it first if there is none. */
  async open() {
    if (this.opened) return this.opened;
    const body = { ...(this.agent && { agentId: this.agent }), ...(this.metadata && { metadata: this.metadata }) };
    // With an Idempotency-Key, so that a lost response does not open a second session.
    this.openingKey = this.openingKey || this.storage.loadSession().openingKey || uuid();
    this.storage.saveSession(null, this.openingKey);
    const headers = { "Idempotency-Key": this.openingKey };
    /** @type {OpenedSession} */
    const { id, token } = await this.connection.request("POST", "/chat/sessions", this.key, { body, headers });
    const opened = { id, token: token ?? "" };
    this.opened = opened;
    this.openingKey = "";
    this.storage.saveSession(opened);
    this.lastEventId = "0";
    this.onEvent({ kind: "session", data: { id } });
    return opened;
  }

  /** Forget the session; the next message opens another one. */
  forget() {
    if (this.following) this.following.abort();
    this.following = null;
    this.runningTurns.clear();
    this.unanswered.clear();
    this.serverBusy = false;
    this.lastEventId = "0";
    this.opened = null;
    this.openingKey = "";
    this.storage.saveSession(null);
  }

  /** Stop: refuse what is in the outbox. */
  end() {
    this.ended = true;
    if (this.following) this.following.abort();
    clearTimeout(this.settleTimer);
    for (const message of this.outbox) {
      this.removeFromOutbox(message);
      this.conversation.markRefused(message.key);
    }
  }

  /** Load the state and the messages. The state first: a turn that ends in between is then in the messages. */
  async refresh() {
    if (!this.opened) return;
    const before = [...this.unanswered];
    try {
      const { id, token } = this.opened;
      /** @type {SessionView} */
      const { state } = await this.connection.request("GET", `/chat/sessions/${id}`, token);
      for (let cursor = /** @type {string | null} */ (""); cursor !== null; ) {
        const query = cursor && `?cursor=${encodeURIComponent(cursor)}`;
        /** @type {MessagePage} */
        const page = await this.connection.request("GET", `/chat/sessions/${id}/messages${query}`, token);
        for (const message of page.messages) this.addStored(message);
        cursor = page.next_cursor;
      }
      this.serverBusy = state !== "idle";
      if (!this.serverBusy) for (const message of before) this.unanswered.delete(message);
      this.conversation.incomplete = false;
      this.onEvent({ kind: "history" });
    } catch (error) {
      this.fail(error);
    }
  }

  /** @param {MessageView} message */
  addStored(message) {
    // A message of the history that is neither waiting nor running has been answered.
    if (message.role === "user" && message.status !== "waiting") this.unanswered.delete(message.id);
    this.conversation.addStored(message);
  }

  /**
   * The session cannot be read any more.
   *
   * @param {unknown} error
   */
  fail(error) {
    if (error instanceof RequestRefused && !error.final) return this.forget();
    this.end();
    this.onEvent({ kind: "broken", data: { error } });
  }

  /** Follow the event stream while an answer is expected. */
  async follow() {
    if (this.following || this.ended) return;
    const following = (this.following = new AbortController());
    const active = () => this.waiting && !this.ended && !following.signal.aborted;
    for (let attempts = 0; this.opened && active(); ) {
      try {
        const { id, token } = this.opened;
        for await (const event of this.connection.stream(`/chat/sessions/${id}/stream`, token, this.lastEventId, following.signal)) {
          attempts = 0;
          await this.handle(event);
          if (event.id) this.lastEventId = event.id;
          if (!active()) break;
        }
        if (active()) await this.connection.pause(attempts++);
      } catch (error) {
        if (following.signal.aborted) break;
        if (error instanceof StreamingUnsupported) await this.poll(active);
        else await this.connection.waitToRetry(error, attempts++).catch((final) => this.fail(final));
      }
    }
    if (this.following === following) this.following = null;
    this.onEvent({ kind: "state" });
  }

  /** @param {() => boolean} active */
  async poll(active) {
    this.runningTurns.clear();
    while (this.opened && active()) {
      await this.refresh();
      if (active()) await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL));
    }
  }

  /** @param {ServerSentEvent} received */
  async handle({ id, kind, data }) {
    const event = /** @type {StreamEvent} */ ({ id, kind, data: JSON.parse(data) });
    // The event may be about a message whose receipt has not arrived yet: wait for it.
    const about = event.kind === "turn" || (event.kind === "done" && ["dropped", "ignored"].includes(event.data.status)) ? event.data.events : [];
    if (this.flushing && about.some((id) => !this.conversation.messages.has(id))) await this.flushing;
    if (event.kind === "forgotten") {
      this.lastEventId = "0";
      return this.refresh(); // events have expired: the history has their messages
    }
    if (event.kind === "gone") return this.forget();
    this.conversation.apply(event);
    if (event.kind === "turn") this.runningTurns.add(event.data.turn);
    if (event.kind === "progress") this.progress = event.data.text;
    if (["turn", "text", "done", "error"].includes(event.kind)) this.progress = "";
    if (event.kind === "done" || event.kind === "error") {
      this.runningTurns.delete(event.data.turn);
      // The messages of an interrupted turn are answered by another one.
      const interrupted = event.kind === "done" && event.data.status === "interrupted";
      if (!interrupted) for (const id of event.data.events) this.unanswered.delete(id);
      if (this.conversation.incomplete) await this.refresh();
    }
    clearTimeout(this.settleTimer);
    if (this.serverBusy && !this.runningTurns.size) this.settleTimer = setTimeout(() => this.settle(), SETTLE_DELAY);
    this.onEvent(event);
  }

  /** Work that was in progress at the reload may have finished. */
  async settle() {
    if (!this.opened || this.ended) return;
    await this.refresh();
    if (!this.waiting && this.following) this.following.abort();
    this.onEvent({ kind: "state" });
  }
}

/**
 * Whether an error means that the session has ended or expired.
 *
 * @param {unknown} error
 */
function hasEnded(error) {
  return error instanceof RequestRefused && !error.final && ([401, 404].includes(error.status) || error.code === "thread-ended");
}
