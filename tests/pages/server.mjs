// What the modules expect of a browser, and a server that responds from a list.

export class FakeStorage {
  constructor() {
    this.items = new Map();
  }
  get length() {
    return this.items.size;
  }
  key(number) {
    return [...this.items.keys()][number] ?? null;
  }
  getItem(name) {
    return this.items.get(name) ?? null;
  }
  setItem(name, value) {
    this.items.set(name, String(value));
  }
  removeItem(name) {
    this.items.delete(name);
  }
}

// A body that arrives in pieces of `size` bytes.
export function streamOf(text, size = 1000) {
  const bytes = new TextEncoder().encode(text);
  return new ReadableStream({
    start(controller) {
      for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
      controller.close();
    },
  });
}

// The text of a stream with these events: [type, data, id].
export const eventStream = (...events) => events.map(([type, data, id]) => `${id ? `id: ${id}\n` : ""}event: ${type}\ndata: ${JSON.stringify(data)}\n\n`).join("");

// Answer each request with the first response of `routes` that fits "METHOD /path"; returns the requests. A response is
// JSON, a Response, an Error, or a function of the request that returns one of them; a list is used up, up to its last.
export function serve(routes) {
  const requests = [];
  globalThis.fetch = async (url, { method = "GET", headers = {}, body, signal } = {}) => {
    const path = new URL(url, "http://localhost").pathname;
    const request = { method, path, url, headers, body: headers["Content-Type"] ? JSON.parse(body) : body, signal };
    requests.push(request);
    const route = routes[`${method} ${path}`];
    let response = Array.isArray(route) ? (route.length > 1 ? route.shift() : route[0]) : route;
    if (typeof response === "function") response = await response(request);
    if (response === undefined) throw new TypeError(`no route: ${method} ${path}`);
    if (response instanceof Error) throw response;
    return response instanceof Response ? response.clone() : Response.json(response);
  };
  return requests;
}

// Let all timers fire at once, in the order of their times; returns the delays that were asked for.
export function instantTimers(mock) {
  const delays = [];
  const original = globalThis.setTimeout;
  mock.method(globalThis, "setTimeout", (run, ms = 0, ...rest) => {
    delays.push(ms);
    // Timeouts of requests and streams never pass here.
    return ms >= 20000 ? 0 : original(run, 0, ...rest);
  });
  return delays;
}

// Stand-ins for the globals of a page.
export function installPage() {
  globalThis.localStorage = new FakeStorage();
  const events = new EventTarget();
  globalThis.addEventListener = events.addEventListener.bind(events);
  globalThis.removeEventListener = events.removeEventListener.bind(events);
  globalThis.dispatchEvent = events.dispatchEvent.bind(events);
  return events;
}
