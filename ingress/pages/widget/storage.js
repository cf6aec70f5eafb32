// @ts-check
// State that survives a reload, where the browser allows it: the session with its token, and unacknowledged messages.
// It is read only when a page loads and never used as the current state: storage may be full, disabled, cleared at any
// time, or written by another tab. Each message has its own item, so that tabs do not overwrite each other.

/** @typedef {{ id: string, token: string }} StoredSession */
/** @import { Press } from "../conversation.js" */

/** @typedef {{ key: string, text: string, press?: Press }} OutboxMessage An unacknowledged message with its Idempotency-Key. */

export class WidgetStorage {
  /** @param {string} name Prefix of the items. */
  constructor(name) {
    this.name = name;
  }

  /**
   * Return the session, and the Idempotency-Key of a session that is being opened, or "".
   *
   * @returns {{ session: StoredSession | null, openingKey: string }}
   */
  loadSession() {
    const { session, opening } = this.read(this.name);
    const valid = session && isText(session.id) && isText(session.token);
    return { session: valid ? { id: session.id, token: session.token } : null, openingKey: isText(opening) ? opening : "" };
  }

  /**
   * @param {StoredSession | null} session
   * @param {string} openingKey
   */
  saveSession(session, openingKey = "") {
    this.write(this.name, { ...(session && { session }), ...(openingKey && { opening: openingKey }) });
  }

  /**
   * Return the unacknowledged messages, oldest first.
   *
   * @returns {OutboxMessage[]}
   */
  loadOutbox() {
    const prefix = `${this.name}:out:`;
    const messages = [];
    try {
      for (let n = 0; n < localStorage.length; n++) {
        const item = localStorage.key(n);
        if (!item?.startsWith(prefix)) continue;
        const { text, press, at } = this.read(item);
        const valid = press && isText(press.message) && isText(press.name);
        if (isText(text)) messages.push({ key: item.slice(prefix.length), text, ...(valid && { press }), at: Number(at) || 0 });
      }
    } catch {
      return [];
    }
    return messages.sort((a, b) => a.at - b.at);
  }

  /** @param {OutboxMessage} message */
  saveMessage({ key, text, press }) {
    this.write(`${this.name}:out:${key}`, { text, ...(press && { press }), at: Date.now() });
  }

  /** @param {OutboxMessage} message */
  removeMessage({ key }) {
    try {
      localStorage.removeItem(`${this.name}:out:${key}`);
    } catch {
      // Storage is disabled, so nothing was stored.
    }
  }

  /**
   * @param {string} item
   * @returns {Record<string, any>}
   */
  read(item) {
    try {
      const value = JSON.parse(localStorage.getItem(item) ?? "null");
      return value && typeof value === "object" ? value : {};
    } catch {
      return {};
    }
  }

  /**
   * @param {string} item
   * @param {object} value
   */
  write(item, value) {
    try {
      localStorage.setItem(item, toJson(value) ?? "");
    } catch {
      // Not stored: it lasts as long as the page.
    }
  }
}

/**
 * @param {unknown} value
 * @returns {value is string}
 */
function isText(value) {
  return typeof value === "string" && value !== "";
}

/**
 * Return what JSON.stringify would, without `toJSON` methods added by scripts of the page (as Prototype.js did).
 *
 * @param {unknown} value
 * @returns {string | undefined}
 */
export function toJson(value) {
  if (value instanceof Date) return toJson(value.toISOString());
  if (Array.isArray(value)) return `[${value.map((each) => toJson(each) || "null").join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const fields = Object.entries(value).map(([name, each]) => [JSON.stringify(name), toJson(each)]);
  return `{${fields.filter(([, each]) => each !== undefined).map((field) => field.join(":")).join(",")}}`;
}
