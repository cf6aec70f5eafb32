// A session: opened once, found again after a reload, spoken to once a message, listened to without gap or repeat.

class Session {
  constructor({ line, key, agent, memory, talk, report }) {
    Object.assign(this, { line, key, agent, memory, talk, report });
    this.last = "0";
    this.busy = new Set();
    this.user = null;
  }

  get known() {
    return this.memory.read().session;
  }

  get waiting() {
    const { pending = [], awaited = [] } = this.memory.read();
    return pending.length + awaited.length + this.busy.size > 0;
  }

  // Show what was said, and go on where a reload or another page left it.
  async resume() {
    for (const { key, text } of this.memory.read().pending || []) this.talk.write(key, text);
    if (this.known) await this.history();
    if (this.waiting) this.flush();
  }

  say(text) {
    const message = { key: uuid(), text };
    this.memory.change({ pending: [...(this.memory.read().pending || []), message] });
    this.talk.write(message.key, text);
    return this.flush();
  }

  // Send what is written, in order, each until it is acknowledged. Its key makes a repeated request one message.
  flush() {
    this.flushing ||= this.sendAll().finally(() => (this.flushing = null));
    return this.flushing;
  }

  async sendAll() {
    let again = false;
    this.report("state");
    for (let next; (next = (this.memory.read().pending || [])[0]); ) {
      try {
        const { id, token } = await this.open();
        const headers = { "Idempotency-Key": next.key };
        const body = { content: next.text, wait: false };
        const receipt = await this.line.ask("POST", `/chat/sessions/${id}/messages`, token, { body, headers });
        const { pending = [], awaited = [] } = this.memory.read();
        const rest = pending.filter(({ key }) => key !== next.key);
        this.memory.change({ pending: rest, awaited: [...awaited, receipt.id] });
        this.talk.acknowledge(next.key, receipt.id);
        this.follow();
      } catch (error) {
        // A session ends, if only after a day: what was not taken is said in another one.
        if (this.known && !again && ([401, 404].includes(error.status) || error.code === "thread-ended")) {
          again = true;
          this.forget();
        } else {
          this.refuse(next, error);
        }
      }
    }
    this.report("state");
  }

  async open() {
    if (this.known) return this.known;
    const body = { ...(this.agent && { agentId: this.agent }), ...(this.user && { metadata: this.user }) };
    // Named, so that a session whose answer was lost on its way is not opened twice.
    const { opening = uuid() } = this.memory.read();
    this.memory.change({ opening });
    const headers = { "Idempotency-Key": opening };
    const { id, token } = await this.line.ask("POST", "/chat/sessions", this.key, { body, headers });
    this.memory.change({ session: { id, token }, opening: undefined });
    this.last = "0";
    this.report("session", { id });
    return this.known;
  }

  refuse(message, error) {
    const pending = (this.memory.read().pending || []).filter(({ key }) => key !== message.key);
    this.memory.change({ pending });
    this.talk.drop(message.key);
    this.report("refused", { text: message.text, error });
  }

  // The session is over: the next message opens another one.
  forget() {
    this.stop();
    this.busy.clear();
    this.last = "0";
    this.memory.change({ session: undefined, opening: undefined, awaited: [] });
  }

  async history() {
    try {
      const { id, token } = this.known;
      for (let cursor = ""; cursor !== null; ) {
        const query = cursor && `?cursor=${encodeURIComponent(cursor)}`;
        const page = await this.line.ask("GET", `/chat/sessions/${id}/messages${query}`, token);
        for (const message of page.messages) {
          this.talk.settle(message);
          if (message.role === "user") this.answered([message.id]);
        }
        cursor = page.next_cursor;
      }
      this.talk.torn = false;
      this.report("history");
    } catch (error) {
      this.forget();
    }
  }

  answered(ids) {
    const { awaited = [] } = this.memory.read();
    if (awaited.some((id) => ids.includes(id))) this.memory.change({ awaited: awaited.filter((id) => !ids.includes(id)) });
  }

  stop() {
    this.listening?.abort();
  }

  // Listen while an answer is on its way, or the panel is `watched`.
  async follow() {
    if (this.listening) return;
    const listening = (this.listening = new AbortController());
    for (let tries = 0; this.known && (this.waiting || this.watched) && !listening.signal.aborted; ) {
      try {
        const { id, token } = this.known;
        for await (const event of this.line.stream(`/chat/sessions/${id}/stream`, token, this.last, listening.signal)) {
          tries = 0;
          await this.hear(event);
          if (event.id) this.last = event.id;
          if (!this.waiting && !this.watched) break;
        }
      } catch (error) {
        if (listening.signal.aborted) break;
        if (!passing(error)) this.forget();
        else this.line.away(!(error instanceof Refused));
      }
      if (this.known && (this.waiting || this.watched)) await this.line.rest(tries++);
    }
    this.listening = null;
    this.report("state");
  }

  async hear({ kind, data }) {
    const said = JSON.parse(data);
    // It may be about what we have just sent: its receipt tells.
    const about = kind === "turn" || said.status === "dropped" ? said.events : [];
    if (this.flushing && about.some((id) => !this.talk.messages.has(id))) await this.flushing;
    if (kind === "forgotten") {
      this.last = "0";
      return this.history(); // it has what is not kept as events any more
    }
    if (kind === "gone") return this.forget();
    this.talk.hear(kind, said);
    if (kind === "turn") this.busy.add(said.turn);
    if (kind === "done" || kind === "error") {
      this.busy.delete(said.turn);
      this.answered(said.events);
      if (this.talk.torn) await this.history();
    }
    this.report(kind, said);
  }
}
