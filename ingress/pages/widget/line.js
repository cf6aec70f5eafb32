// The line to the server: requests that are repeated until they are answered, and the stream of a session.

const QUIET = 45000; // ms without a byte after which a stream counts as dead; the server sends a comment every 15 s
const PATIENCE = 30000; // ms for an answer, after which it counts as lost
const FIRST = 400;
const LONGEST = 15000;

class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || String(status));
    this.status = status;
    this.code = (problem.type || "").split("#")[1] || "";
  }
}

class Line {
  constructor(base) {
    this.base = base;
    this.away = () => {};
  }

  async once(method, path, bearer, { body, headers = {}, signal } = {}) {
    const response = await fetch(this.base + path, {
      method,
      signal,
      credentials: "omit",
      headers: { Authorization: `Bearer ${bearer}`, ...(body && { "Content-Type": "application/json" }), ...headers },
      body: body && JSON.stringify(body),
    });
    if (response.ok) return response;
    const refused = new Refused(response.status, await response.json().catch(() => ({})));
    refused.wait = 1000 * Number(response.headers.get("Retry-After"));
    throw refused;
  }

  // Until it is answered. Throws `Refused` when another try would be refused as well.
  async ask(method, path, bearer, options = {}) {
    for (let tries = 0; ; tries++) {
      try {
        const signal = AbortSignal.timeout(PATIENCE);
        const found = await this.once(method, path, bearer, { ...options, signal });
        this.away(false);
        return await found.json();
      } catch (error) {
        if (!passing(error)) throw error;
        this.away(!(error instanceof Refused));
        await this.rest(tries, error.wait);
      }
    }
  }

  // The events of a stream that came after `last`, as long as it is open.
  async *stream(path, bearer, last, signal) {
    const quiet = new AbortController();
    const stop = () => quiet.abort();
    signal.addEventListener("abort", stop);
    let timer;
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(stop, QUIET);
    };
    alive();
    try {
      const headers = { Accept: "text/event-stream", "Last-Event-ID": last };
      const response = await this.once("GET", path, bearer, { headers, signal: quiet.signal });
      this.away(false);
      yield* eventsOf(response, alive);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
    }
  }

  // Longer each time; shorter when the network comes back.
  rest(tries, least = 0) {
    const ms = Math.max(least, Math.min(LONGEST, FIRST * 2 ** tries) * (0.5 + Math.random() / 2));
    return new Promise((resume) => {
      const end = () => {
        removeEventListener("online", end);
        clearTimeout(timer);
        resume();
      };
      const timer = setTimeout(end, ms);
      addEventListener("online", end);
    });
  }
}

function passing(error) {
  if (!(error instanceof Refused)) return true;
  return [408, 425, 429, 502, 503, 504].includes(error.status) || error.code === "still-running";
}
