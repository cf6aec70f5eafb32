// What outlives a reload, as far as the browser lets it: the session with its token, and each message that the server
// has not acknowledged. It is written here and read when a page begins, never to learn how things stand: storage may be
// full, off, cleared at any time, or written by another tab. Each message has an item of its own, so that two tabs
// overwrite nothing of each other.

class Memory {
  constructor(name) {
    this.name = name;
  }

  // { session: { id, token } or null, opening: the Idempotency-Key of a session that is being opened, or "" }
  session() {
    const { session, opening } = this.read(this.name);
    const whole = session && isText(session.id) && isText(session.token);
    return { session: whole ? { id: session.id, token: session.token } : null, opening: isText(opening) ? opening : "" };
  }

  keepSession(session, opening = "") {
    this.write(this.name, { ...(session && { session }), ...(opening && { opening }) });
  }

  // What was written and not acknowledged, oldest first: [{ key, text }].
  outbox() {
    const prefix = `${this.name}:out:`;
    const found = [];
    try {
      for (let n = 0; n < localStorage.length; n++) {
        const item = localStorage.key(n);
        if (!item.startsWith(prefix)) continue;
        const { text, at } = this.read(item);
        if (isText(text)) found.push({ key: item.slice(prefix.length), text, at: Number(at) || 0 });
      }
    } catch {
      return [];
    }
    return found.sort((a, b) => a.at - b.at);
  }

  keep({ key, text }) {
    this.write(`${this.name}:out:${key}`, { text, at: Date.now() });
  }

  drop({ key }) {
    try {
      localStorage.removeItem(`${this.name}:out:${key}`);
    } catch {
      // Then nothing was stored either.
    }
  }

  read(item) {
    try {
      const found = JSON.parse(localStorage.getItem(item));
      return found && typeof found === "object" ? found : {};
    } catch {
      return {};
    }
  }

  write(item, value) {
    try {
      localStorage.setItem(item, json(value));
    } catch {
      // It lasts as long as the page.
    }
  }
}

const isText = (value) => typeof value === "string" && value !== "";

// JSON.stringify, but for `toJSON` methods that a page's scripts put on arrays and objects (Prototype.js did).
function json(value) {
  if (value instanceof Date) return json(value.toISOString());
  if (Array.isArray(value)) return `[${value.map((each) => json(each) || "null").join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const fields = Object.entries(value).map(([name, each]) => [JSON.stringify(name), json(each)]);
  return `{${fields.filter(([, each]) => each !== undefined).map((field) => field.join(":")).join(",")}}`;
}
