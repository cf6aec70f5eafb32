// Calls of the API with the dashboard session: the browser sends the cookie, this module the CSRF token.

import { eventsOf } from "../stream.js";

export const BASE = "/api/v1";
export let platforms = []; // of the session: {name, title, markdown}
let csrf = "";

export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `status ${status}`);
    this.status = status;
  }
}

export async function call(method, path, { body, signal, headers = {} } = {}) {
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
    if (error.name === "AbortError") throw error;
    throw new Refused(0, { detail: "the server cannot be reached" });
  }
  if (response.ok) return response;
  const refused = new Refused(response.status, await response.json().catch(() => ({})));
  if (refused.status === 401) dispatchEvent(new Event("signed-out"));
  throw refused;
}

export async function ask(method, path, options) {
  const response = await call(method, path, options);
  return response.status === 204 ? null : response.json();
}

const QUIET = 45000; // ms without a byte after which a stream counts as dead; the server sends a comment every 15 s

// Follow a stream until `signal` aborts, reconnecting as needed. `hear` gets {id, kind, said} and ends it by returning
// false. `state` is called when the connection opens or is lost, `news` for all data, heartbeats included.
export async function follow(path, signal, hear, { after = "", state = () => {}, news = () => {} } = {}) {
  let last = after;
  for (let tries = 0; !signal.aborted; tries++) {
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
      const headers = { Accept: "text/event-stream", ...(last && { "Last-Event-ID": last }) };
      const response = await call("GET", path, { signal: quiet.signal, headers });
      state(true);
      const beat = () => {
        news();
        tries = 0;
        alive();
      };
      for await (const { id, kind, data } of eventsOf(response, beat)) {
        if (signal.aborted) return;
        if (id) last = id;
        if (kind === "forgotten") last = "0";
        if ((await hear({ id, kind, said: JSON.parse(data) })) === false) return;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refused && error.status >= 400 && error.status < 500 && error.status !== 429) throw error;
      const lost = error instanceof Refused || error instanceof TypeError || ["NetworkError", "AbortError"].includes(error.name);
      if (!lost) throw error;
      state(false);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      stop();
    }
    await new Promise((resume) => setTimeout(resume, Math.min(10000, 300 * 2 ** tries)));
  }
}

// Sign in with a key, or with the token of a link.
export async function signIn(shown) {
  return keep(await ask("POST", "/admin/session", { headers: { Authorization: `Bearer ${shown}` } }));
}

export async function signedIn() {
  return keep(await ask("GET", "/admin/session"));
}

export async function signOut() {
  await ask("DELETE", "/admin/session");
}

function keep(session) {
  csrf = session.csrf;
  platforms = session.platforms;
  return session;
}

export function platformOf(name) {
  return platforms.find((platform) => platform.name === name) || { name, title: name, markdown: false };
}
