// State that survives a reload, where the browser allows it: the session with its token, and unacknowledged messages.
// It is read only when a page loads and never used as the current state: storage may be full, disabled, cleared at any
// time, or written by another tab. Each message has its own item, so that tabs do not overwrite each other.

class Memory {
  constructor(name) {
    this.name = name;
  }

  // { session: { id, token } or null, opening: the Idempotency-Key of a session being opened, or "" }
  session() {
    const { session, opening } = this.read(this.name);
    const whole = session && isText(session.id) && isText(session.token);
    return { session: whole ? { id: session.id, token: session.token } : null, opening: isText(opening) ? opening : "" };
  }

  keepSession(session, opening = "") {
    this.write(this.name, { ...(session && { session }), ...(opening && { opening }) });
  }

  // The unacknowledged messages, oldest first: [{ key, text }].
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
      // Storage is disabled, so nothing was stored.
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
      // Not stored: it lasts as long as the page.
    }
  }
}

const isText = (value) => typeof value === "string" && value !== "";

// JSON.stringify that ignores `toJSON` methods added by scripts of the page (as Prototype.js did).
function json(value) {
  if (value instanceof Date) return json(value.toISOString());
  if (Array.isArray(value)) return `[${value.map((each) => json(each) || "null").join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const fields = Object.entries(value).map(([name, each]) => [JSON.stringify(name), json(each)]);
  return `{${fields.filter(([, each]) => each !== undefined).map((field) => field.join(":")).join(",")}}`;
}
