// @ts-check
// Calls of the API with the dashboard's sign-in: the browser sends the cookie, this module the CSRF token.

import { readEvents } from "../stream.js";

/** @import { PlatformView, ProblemDetails, Session } from "../api.d.ts" */

/** @typedef {{ body?: object, signal?: AbortSignal, headers?: Record<string, string> }} RequestOptions */

export const BASE = "/api/v1";
const SILENCE_TIMEOUT = 45000; // ms without a byte after which a stream counts as dead; the server sends a comment every 15 s
const FIRST_DELAY = 300; // ms
const MAX_DELAY = 10000; // ms
/** @type {PlatformView[]} */
export let platforms = []; // of the session's workspace
let csrf = "";

/** The server refused a request. `status` is 0 if it could not be reached. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {Partial<ProblemDetails>} problem
   */
  constructor(status, problem) {
    super(problem.detail || problem.title || `status ${status}`);
    this.status = status;
  }
}

/**
 * Send a request; return the response. Throws `ApiError`.
 *
 * @param {string} method
 * @param {string} path
 * @param {RequestOptions} options
 */
async function send(method, path, { body, signal, headers = {} } = {}) {
  let response;
  try {
    response = await fetch(path.startsWith("/v1/") ? path : BASE + path, {
      method,
      signal,
      headers: {
        ...(method !== "GET" && { "X-CSRF-Token": csrf }),
        ...(body && { "Content-Type": "application/json" }),
        ...headers,
      },
      body: body && JSON.stringify(body),
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, { detail: "the server cannot be reached" });
  }
  if (response.ok) return response;
  const refused = new ApiError(response.status, await response.json().catch(() => ({})));
  if (refused.status === 401) dispatchEvent(new Event("signed-out"));
  throw refused;
}

/**
 * Send a request; return the JSON of the response, or null. Throws `ApiError`.
 *
 * @param {string} method
 * @param {string} path
 * @param {RequestOptions} [options]
 * @returns {Promise<any>}
 */
export async function request(method, path, options) {
  const response = await send(method, path, options);
  return response.status === 204 ? null : response.json();
}

/**
 * Follow a stream until `signal` aborts, reconnecting as needed. `onEvent` ends it by returning false. `onConnection` is
 * called when the connection opens or is lost, `onData` for all data, heartbeats included.
 *
 * @param {string} path
 * @param {AbortSignal} signal
 * @param {(event: { id: string, kind: any, data: any }) => unknown} onEvent
 * @param {{ after?: string, onConnection?: (connected: boolean) => void, onData?: () => void }} options `after`: the id of the
 *   last event that is known.
 */
export async function follow(path, signal, onEvent, { after = "", onConnection = () => {}, onData = () => {} } = {}) {
  let lastEventId = after;
  for (let attempts = 0; !signal.aborted; attempts++) {
    const silence = new AbortController();
    const stop = () => silence.abort();
    signal.addEventListener("abort", stop);
    let timer = 0;
    const restartTimer = () => {
      clearTimeout(timer);
      timer = setTimeout(stop, SILENCE_TIMEOUT);
    };
    restartTimer();
    try {
      const headers = { Accept: "text/event-stream", ...(lastEventId && { "Last-Event-ID": lastEventId }) };
      const response = await send("GET", path, { signal: silence.signal, headers });
      onConnection(true);
      const received = () => {
        onData();
        attempts = 0;
        restartTimer();
      };
      for await (const { id, kind, data } of readEvents(response, received)) {
        if (signal.aborted) return;
        if (id) lastEventId = id;
        if (kind === "forgotten") lastEventId = "0";
        if ((await onEvent({ id, kind, data: JSON.parse(data) })) === false) return;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!isTemporary(error)) throw error;
      onConnection(false);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      stop();
    }
    await new Promise((resolve) => setTimeout(resolve, Math.min(MAX_DELAY, FIRST_DELAY * 2 ** attempts)));
  }
}

/**
 * Whether a stream may be continued after this error.
 *
 * @param {unknown} error
 */
export function isTemporary(error) {
  if (error instanceof ApiError) return error.status < 400 || error.status >= 500 || error.status === 429;
  return error instanceof TypeError || (error instanceof DOMException && ["NetworkError", "AbortError"].includes(error.name));
}

/**
 * Sign in with a key, or with the token of a link.
 *
 * @param {string} credential
 */
export async function signIn(credential) {
  return remember(await request("POST", "/admin/session", { headers: { Authorization: `Bearer ${credential}` } }));
}

/** Return the sign-in of this browser. Throws `ApiError` with status 401 if there is none. */
export async function currentSession() {
  return remember(await request("GET", "/admin/session"));
}

export async function signOut() {
  await request("DELETE", "/admin/session");
}

/** @param {Session} session */
function remember(session) {
  csrf = session.csrf;
  platforms = session.platforms;
  return session;
}

/**
 * Return what is known of a platform.
 *
 * @param {string} name
 */
export function platformOf(name) {
  return platforms.find((platform) => platform.name === name) || { name, title: name, markdown: false };
}
