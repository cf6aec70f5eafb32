// A session: opened once, resumed after a reload; each message is sent once, and events have no gaps or duplicates.
//
// This object is the state of this page; the server has the state of all pages. A message counts as sent when its
// receipt has arrived, whatever the browser's storage says.

const POLL = 2000; // ms between two polls in a browser that cannot read a stream
const CALM = 400; // ms without events after which the state is queried

class Session {
  constructor({ line, key, agent, memory, talk, report }) {
    Object.assign(this, { line, key, agent, memory, talk, report });
    this.opened = null; // { id, token }
    this.opening = "";
    this.outbox = []; // unacknowledged messages: { key, text }
    this.awaited = new Set(); // ids of messages that are not answered yet
    this.busy = new Set(); // running turns
    this.unsettled = false; // the server reported waiting or running work
    this.last = "0";
    this.user = null;
    this.over = false;
  }

  get waiting() {
    return this.unsettled || this.outbox.length + this.awaited.size + this.busy.size > 0;
  }

  // Show the history, and continue where a reload or another page left off.
  async resume() {
    this.outbox = this.memory.outbox();
    ({ session: this.opened, opening: this.opening } = this.memory.session());
    for (const { key, text } of this.outbox) this.talk.write(key, text);
    if (this.opened) await this.refresh();
    if (this.outbox.length) this.flush();
  }

  // Another tab changed the storage: adopt its session and show its messages.
  async changedElsewhere() {
    const { session } = this.memory.session();
    if (this.opened ? !session || session.id !== this.opened.id : !session) return;
    this.opened = session;
    await this.refresh();
    this.follow();
  }

  say(text) {
    this.over = false;
    const message = { key: uuid(), text };
    this.outbox.push(message);
    this.memory.keep(message);
    this.talk.write(message.key, text);
    this.flush();
    return message.key;
  }

  // Send the outbox in order, each message until it is acknowledged. Its key makes retries idempotent.
  flush() {
    if (!this.flushing) {
      this.flushing = this.sendAll().finally(() => {
        this.flushing = null;
        this.report("state");
      });
    }
    return this.flushing;
  }

  async sendAll() {
    let again = false;
    this.report("state");
    while (this.outbox.length && !this.over) {
      const next = this.outbox[0];
      try {
        const { id, token } = await this.open();
        const headers = { "Idempotency-Key": next.key };
        const body = { content: next.text, wait: false };
        const receipt = await this.line.ask("POST", `/chat/sessions/${id}/messages`, token, { body, headers });
        this.sent(next);
        this.awaited.add(receipt.id);
        this.talk.acknowledge(next.key, receipt.id);
        this.follow();
      } catch (error) {
        // The session has ended or expired (after a day): send the message in a new one.
        if (this.opened && !again && !error.final && ([401, 404].includes(error.status) || error.code === "thread-ended")) {
          again = true;
          this.forget();
        } else {
          this.sent(next);
          this.talk.refuse(next.key);
          this.report("refused", { error });
        }
      }
    }
  }

  sent(message) {
    this.outbox = this.outbox.filter(({ key }) => key !== message.key);
    this.memory.drop(message);
  }

  async open() {
    if (this.opened) return this.opened;
    const body = { ...(this.agent && { agentId: this.agent }), ...(this.user && { metadata: this.user }) };
    // With an Idempotency-Key, so that a lost response does not open a second session.
    this.opening = this.opening || this.memory.session().opening || uuid();
    this.memory.keepSession(null, this.opening);
    const headers = { "Idempotency-Key": this.opening };
    const { id, token } = await this.line.ask("POST", "/chat/sessions", this.key, { body, headers });
    this.opened = { id, token };
    this.opening = "";
    this.memory.keepSession(this.opened);
    this.last = "0";
    this.report("session", { id });
    return this.opened;
  }

  // Forget the session; the next message opens another one.
  forget() {
    if (this.listening) this.listening.abort();
    this.listening = null;
    this.busy.clear();
    this.awaited.clear();
    this.unsettled = false;
    this.last = "0";
    this.opened = null;
    this.opening = "";
    this.memory.keepSession(null);
  }

  // Stop for good: refuse what is in the outbox.
  end() {
    this.over = true;
    if (this.listening) this.listening.abort();
    clearTimeout(this.calm);
    for (const message of this.outbox) {
      this.sent(message);
      this.talk.refuse(message.key);
    }
  }

  // Load the state and the messages. The state first: a turn that ends in between is then in the messages.
  async refresh() {
    const before = [...this.awaited];
    try {
      const { id, token } = this.opened;
      const { state } = await this.line.ask("GET", `/chat/sessions/${id}`, token);
      for (let cursor = ""; cursor !== null; ) {
        const query = cursor && `?cursor=${encodeURIComponent(cursor)}`;
        const page = await this.line.ask("GET", `/chat/sessions/${id}/messages${query}`, token);
        for (const message of page.messages) {
          if (message.role === "user") this.acknowledged(message);
          this.talk.settle(message);
        }
        cursor = page.next_cursor;
      }
      this.unsettled = state !== "idle";
      if (!this.unsettled) for (const one of before) this.awaited.delete(one);
      this.talk.torn = false;
      this.report("history");
    } catch (error) {
      this.lost(error);
    }
  }

  // A message of the history that is neither waiting nor running has been answered.
  acknowledged({ id, status }) {
    if (!["waiting", "running"].includes(status)) this.awaited.delete(id);
  }

  lost(error) {
    if (error instanceof Refused && !error.final) this.forget();
    else this.end();
    if (!(error instanceof Refused) || error.final) this.report("broken", { error });
  }

  // Follow the event stream while an answer is expected.
  async follow() {
    if (this.listening || this.over) return;
    const listening = (this.listening = new AbortController());
    const on = () => this.opened && this.waiting && !this.over && !listening.signal.aborted;
    for (let tries = 0; on(); ) {
      try {
        const { id, token } = this.opened;
        for await (const event of this.line.stream(`/chat/sessions/${id}/stream`, token, this.last, listening.signal)) {
          tries = 0;
          await this.hear(event);
          if (event.id) this.last = event.id;
          if (!on()) break;
        }
        if (on()) await this.line.rest(tries++);
      } catch (error) {
        if (listening.signal.aborted) break;
        if (error instanceof Unstreamed) await this.poll(on);
        else await this.line.endure(error, tries++).catch((final) => this.lost(final));
      }
    }
    if (this.listening === listening) this.listening = null;
    this.report("state");
  }

  async poll(on) {
    this.busy.clear();
    while (on()) {
      await this.refresh();
      if (on()) await new Promise((resume) => setTimeout(resume, POLL));
    }
  }

  async hear({ kind, data }) {
    const said = JSON.parse(data);
    // The event may be about a message whose receipt has not arrived yet: wait for it.
    const about = kind === "turn" || said.status === "dropped" ? said.events : [];
    if (this.flushing && about.some((id) => !this.talk.messages.has(id))) await this.flushing;
    if (kind === "forgotten") {
      this.last = "0";
      return this.refresh(); // events have expired: the history has their messages
    }
    if (kind === "gone") return this.forget();
    this.talk.hear(kind, said);
    if (kind === "turn") this.busy.add(said.turn);
    if (kind === "done" || kind === "error") {
      this.busy.delete(said.turn);
      // The messages of an interrupted turn are answered by another one.
      if (said.status !== "interrupted") for (const id of said.events) this.awaited.delete(id);
      if (this.talk.torn) await this.refresh();
    }
    clearTimeout(this.calm);
    if (this.unsettled && !this.busy.size) this.calm = setTimeout(() => this.settled(), CALM);
    this.report(kind, said);
  }

  // Work that was in progress at the reload may have finished.
  async settled() {
    if (!this.opened || this.over) return;
    await this.refresh();
    if (!this.waiting && this.listening) this.listening.abort();
    this.report("state");
  }
}
