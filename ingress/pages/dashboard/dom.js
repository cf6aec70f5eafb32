// DOM helpers without HTML strings: untrusted text can become nothing but text.

import { morphChildren } from "../markdown/render.js";

export function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== undefined && value !== null && value !== false) made.setAttribute(key, value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false && child !== ""));
  return made;
}

// Replace the children of a place. Equal nodes stay in place, so that clicks, touches and the focus survive.
export function replace(place, ...children) {
  const focused = place.contains(document.activeElement) && nameOf(document.activeElement);
  const made = el("div", {}, ...children);
  const before = [...place.childNodes];
  const after = [...made.childNodes];
  after.forEach((child, number) => {
    const old = before[number];
    if (!old) place.append(child);
    else if (!old.isEqualNode(child)) old.replaceWith(child);
  });
  before.slice(after.length).forEach((old) => old.remove());
  if (!focused || place.contains(document.activeElement)) return;
  [...place.querySelectorAll("a, button, input")].find((one) => nameOf(one) === focused)?.focus();
}

// Like `replace`, for places without listeners: changes only the parts that differ. Open details stay open.
export function update(place, ...children) {
  const made = el("div", {}, ...children);
  morphChildren(place, made);
}

const nameOf = (one) => one.getAttribute("aria-label") || one.textContent;

// Run `load` one at a time: calls during a run cause one more run after it, so that the last result is the newest.
export function oneAtATime(load) {
  let running = null;
  let again = false;
  const run = async () => {
    try {
      do {
        again = false;
        await load();
      } while (again);
    } finally {
      running = null;
    }
  };
  return () => {
    if (running) again = true;
    else running = run();
    return running;
  };
}

export const badge = (state) => el("span", { class: `badge ${state}` }, state);

// A table whose rows become blocks on a phone. Cells are text or elements; `tight` columns are not wrapped.
export function table(heads, rows, { tight = [], caption } = {}) {
  const cell = (content, number) =>
    el("td", { "data-label": heads[number] || undefined, class: tight.includes(number) ? "tight" : undefined }, content);
  return el(
    "div",
    { class: "scroll" },
    el(
      "table",
      { class: "stack" },
      caption && el("caption", { class: "faint" }, caption),
      el("thead", {}, el("tr", {}, ...heads.map((head) => el("th", { scope: "col" }, head)))),
      el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map(cell)))),
    ),
  );
}

// Run with the next frame; a page in the background has none.
export function soon(run) {
  if (document.hidden) setTimeout(run, 100);
  else requestAnimationFrame(run);
}

export function notice(text) {
  const place = document.getElementById("notice");
  place.textContent = text;
  clearTimeout(notice.timer);
  notice.timer = setTimeout(() => (place.textContent = ""), 6000);
}

// Ask for confirmation. Resolves to whether the user confirmed.
export function confirmed(question, action) {
  return new Promise((resolve) => {
    const no = el("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
    const yes = el("button", { type: "button", class: "danger", onclick: () => dialog.close("yes") }, action);
    const dialog = el("dialog", { "aria-label": action }, el("p", {}, question), el("div", { class: "row" }, no, yes));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
