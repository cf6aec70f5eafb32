// @ts-check
// The connection to the server: requests that are retried until they succeed, and the event stream of a session.

import { readEvents } from "../stream.js";
import { toJson } from "./storage.js";

/** @import { ProblemDetails } from "../api.d.ts" */
/** @import { ServerSentEvent } from "../stream.js" */
/** @typedef {{ body?: object, headers?: Record<string, string>, signal?: AbortSignal }} RequestOptions */

const SILENCE_TIMEOUT = 45000; // ms without a byte after which a stream counts as dead; the server sends a comment every 15 s
const REQUEST_TIMEOUT = 30000; // ms
const FIRST_DELAY = 400; // ms
const MAX_DELAY = 15000; // ms
const RETRYABLE = [408, 425, 429, 502, 503, 504];

/** The server refused a request. */
export class RequestRefused extends Error {
  /**
   * @param {number} status
   * @param {Partial<ProblemDetails>} problem
   * @param {boolean} final The key cannot be used on this page at all.
   * @param {number} retryAfter ms
   */
  constructor(status, problem, final = false, retryAfter = 0) {
    super(problem.detail || problem.title || String(status));
    this.status = status;
    this.code = problem.code || (problem.type || "").split("#")[1] || "";
    this.final = final;
    this.retryAfter = retryAfter;
  }

  /** Whether a later attempt may succeed. */
  get retryable() {
    return RETRYABLE.includes(this.status) || this.code === "still-running";
  }
}

/** No response: a network error, or a response that the browser hides from this page. */
export class ConnectionLost extends Error {}

/** The browser cannot stream response bodies. */
export class StreamingUnsupported extends Error {}

export class Connection {
  /**
   * @param {string} base URL of the server.
   * @param {string} key The publishable key.
   */
  constructor(base, key) {
    this.base = base;
    this.key = key;
    /** @type {(offline: boolean) => void} Called when a request has succeeded or failed. */
    this.onOffline = () => {};
    this.blocked = false;
    // A request blocked by the page's own policy also looks like a network error.
    addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) => {
      if (effectiveDirective === "connect-src" && blockedURI.startsWith(new URL(base).origin)) this.blocked = true;
    });
  }

  /**
   * Send a request once. Throws `RequestRefused` or `ConnectionLost`.
   *
   * @param {string} method
   * @param {string} path
   * @param {string} bearer
   * @param {RequestOptions} options
   */
  async send(method, path, bearer, { body, headers = {}, signal } = {}) {
    const response = await orLost(
      fetch(`${this.base}/api/v1${path}`, {
        method,
        signal,
        credentials: "omit",
        headers: { Authorization: `Bearer ${bearer}`, ...(body && { "Content-Type": "application/json" }), ...headers },
        body: body && toJson(body),
      }),
    );
    if (response.ok) return response;
    const retryAfter = 1000 * Number(response.headers.get("Retry-After"));
    throw new RequestRefused(response.status, await response.json().catch(() => ({})), false, retryAfter);
  }

  /**
   * Retry until there is a response; return its JSON. Throws `RequestRefused` if a retry cannot help.
   *
   * @param {string} method
   * @param {string} path
   * @param {string} bearer
   * @param {RequestOptions} options
   * @returns {Promise<any>}
   */
  async request(method, path, bearer, options = {}) {
    for (let attempts = 0; ; attempts++) {
      try {
        const result = await withTimeout(async (signal) => {
          const response = await this.send(method, path, bearer, { ...options, signal });
          return orLost(response.json());
        });
        this.onOffline(false);
        return result;
      } catch (error) {
        await this.waitToRetry(error, attempts);
      }
    }
  }

  /**
   * Yield the events of a stream after `lastEventId`, until it closes.
   *
   * @param {string} path
   * @param {string} bearer
   * @param {string} lastEventId
   * @param {AbortSignal} signal
   * @returns {AsyncGenerator<ServerSentEvent, void>}
   */
  async *stream(path, bearer, lastEventId, signal) {
    const silence = new AbortController();
    const stop = () => silence.abort();
    signal.addEventListener("abort", stop);
    let timer = 0;
    const onData = () => {
      clearTimeout(timer);
      timer = setTimeout(stop, SILENCE_TIMEOUT);
    };
    onData();
    try {
      const headers = { Accept: "text/event-stream", "Last-Event-ID": lastEventId };
      const response = await this.send("GET", path, bearer, { headers, signal: silence.signal });
      if (!response.body || !response.body.getReader) throw new StreamingUnsupported();
      this.onOffline(false);
      const events = readEvents(response, onData);
      for (;;) {
        const { done, value } = await orLost(events.next());
        if (done) return;
        yield value;
      }
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      stop();
    }
  }

  /**
   * Wait, if another attempt may succeed after this error; else throw.
   *
   * @param {unknown} error
   * @param {number} attempts How many have failed before this one.
   */
  async waitToRetry(error, attempts) {
    let least = 0;
    if (error instanceof ConnectionLost) {
      // A browser hides responses to an origin that is not allowed: the page sees a network error.
      const refused = await this.keyProblem();
      if (refused) throw refused;
      this.onOffline(true);
    } else if (error instanceof RequestRefused && error.retryable) {
      this.onOffline(false);
      least = error.retryAfter;
    } else {
      throw error;
    }
    await this.pause(attempts, least);
  }

  /** Return why the key cannot be used on this page; null if it can, or if the server is unreachable. */
  async keyProblem() {
    if (this.blocked) return new RequestRefused(403, { code: "connect-src", detail: `the page's Content-Security-Policy needs connect-src ${this.base}` }, true);
    try {
      const result = await withTimeout(async (signal) => {
        // A simple request, without a preflight: https://fetch.spec.whatwg.org/#simple-requests.
        const response = await fetch(`${this.base}/widget/check`, { method: "POST", body: this.key, credentials: "omit", signal });
        return response.json();
      });
      return result.usable === false ? new RequestRefused(403, result, true) : null;
    } catch {
      return null;
    }
  }

  /**
   * Wait with exponential backoff and jitter; end early when the network comes back.
   *
   * @param {number} attempts How many have failed before this one.
   * @param {number} least ms
   * @returns {Promise<void>}
   */
  pause(attempts, least = 0) {
    return new Promise((resolve) => {
      const end = () => {
        removeEventListener("online", end);
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(end, backoffDelay(attempts, least));
      addEventListener("online", end);
    });
  }
}

/**
 * Return the delay before the next attempt, in ms: exponential with jitter, and at least `least`.
 *
 * @param {number} attempts
 * @param {number} least
 * @param {number} random From 0 to 1.
 */
export function backoffDelay(attempts, least = 0, random = Math.random()) {
  return Math.max(least || 0, Math.min(MAX_DELAY, FIRST_DELAY * 2 ** attempts) * (0.5 + random / 2));
}

/**
 * Turn network failures into `ConnectionLost`; other errors are bugs and are not retried.
 *
 * @template T
 * @param {Promise<T>} promise
 * @returns {Promise<T>}
 */
async function orLost(promise) {
  try {
    return await promise;
  } catch (error) {
    throw new ConnectionLost(String(error));
  }
}

/**
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} run
 * @returns {Promise<T>}
 */
async function withTimeout(run) {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), REQUEST_TIMEOUT);
  try {
    return await run(timeout.signal);
  } finally {
    clearTimeout(timer);
  }
}
