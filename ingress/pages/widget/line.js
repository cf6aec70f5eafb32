// The connection to the server: requests that are retried until they succeed, and the event stream of a session.

const QUIET = 45000; // ms without a byte after which a stream counts as dead; the server sends a comment every 15 s
const PATIENCE = 30000; // request timeout, ms
const FIRST = 400;
const LONGEST = 15000;

// The server refused. `code` is the problem code; `final`: the key cannot be used on this page at all.
class Refused extends Error {
  constructor(status, problem, final = false) {
    super(problem.detail || problem.title || String(status));
    this.status = status;
    this.code = problem.code || (problem.type || "").split("#")[1] || "";
    this.final = final;
  }
}

// No response: a network error, or a response that the browser hides from this page.
class Lost extends Error {}

// The browser cannot stream response bodies.
class Unstreamed extends Error {}

class Line {
  constructor(base, key) {
    this.base = base;
    this.key = key;
    this.away = () => {};
    // A request blocked by the page's own policy also looks like a network error.
    addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) => {
      if (effectiveDirective === "connect-src" && blockedURI.startsWith(new URL(base).origin)) this.forbidden = true;
    });
  }

  async once(method, path, bearer, { body, headers = {}, signal } = {}) {
    const options = {
      method,
      signal,
      credentials: "omit",
      headers: { Authorization: `Bearer ${bearer}`, ...(body && { "Content-Type": "application/json" }), ...headers },
      body: body && json(body),
    };
    const response = await answerOf(fetch(`${this.base}/api/v1${path}`, options));
    if (response.ok) return response;
    const refused = new Refused(response.status, await response.json().catch(() => ({})));
    refused.wait = 1000 * Number(response.headers.get("Retry-After"));
    throw refused;
  }

  // Retry until there is a response. Throws `Refused` for errors that a retry cannot fix.
  async ask(method, path, bearer, options = {}) {
    for (let tries = 0; ; tries++) {
      try {
        const found = await withTimeout(async (signal) => {
          const response = await this.once(method, path, bearer, { ...options, signal });
          return answerOf(response.json());
        });
        this.away(false);
        return found;
      } catch (error) {
        await this.endure(error, tries);
      }
    }
  }

  // Yield the events of a stream after `last`, until it closes.
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
      if (!response.body || !response.body.getReader) throw new Unstreamed();
      this.away(false);
      const events = eventsOf(response, alive);
      for (;;) {
        const { done, value } = await answerOf(events.next());
        if (done) return;
        yield value;
      }
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      stop();
    }
  }

  // After an error: wait and return if another attempt may succeed, else throw.
  async endure(error, tries) {
    if (error instanceof Lost) {
      // A browser hides responses to an origin that is not allowed: the page sees a network error.
      const refused = await this.refusal();
      if (refused) throw refused;
      this.away(true);
    } else if (error instanceof Refused && passing(error)) {
      this.away(false);
    } else {
      throw error;
    }
    await this.rest(tries, error.wait);
  }

  // Why the key cannot be used on this page; null if it can, or if the server is unreachable.
  async refusal() {
    if (this.forbidden) return new Refused(403, { code: "connect-src", detail: `the page's Content-Security-Policy needs connect-src ${this.base}` }, true);
    try {
      const found = await withTimeout(async (signal) => {
        // A simple request, without a preflight: https://fetch.spec.whatwg.org/#simple-requests.
        const response = await fetch(`${this.base}/widget/check`, { method: "POST", body: this.key, credentials: "omit", signal });
        return response.json();
      });
      return found.usable === false ? new Refused(403, found, true) : null;
    } catch {
      return null;
    }
  }

  // Wait with exponential backoff and jitter; end early when the network comes back.
  rest(tries, least = 0) {
    const ms = Math.max(least || 0, Math.min(LONGEST, FIRST * 2 ** tries) * (0.5 + Math.random() / 2));
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

function passing({ status, code }) {
  return [408, 425, 429, 502, 503, 504].includes(status) || code === "still-running";
}

// Turn network failures into `Lost`; other errors are bugs and are not retried.
async function answerOf(promise) {
  try {
    return await promise;
  } catch (error) {
    throw new Lost(String(error));
  }
}

async function withTimeout(run) {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), PATIENCE);
  try {
    return await run(late.signal);
  } finally {
    clearTimeout(timer);
  }
}
