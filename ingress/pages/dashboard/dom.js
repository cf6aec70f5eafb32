// @ts-check
// DOM helpers without HTML strings: untrusted text can become nothing but text.

import { morphChildren } from "../markdown/render.js";

/** @typedef {Node | string | null | undefined | false} Child What is not a node or a text is left out. */

/**
 * Create an element. An attribute `onclick` adds a listener of `click`; one that is false, null or undefined is left out.
 *
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, any>} attributes
 * @param {...(Child | Child[])} children
 */
export function el(name, attributes = {}, ...children) {
  const created = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) created.addEventListener(key.slice(2), value);
    else if (value === true) created.setAttribute(key, "");
    else if (value !== undefined && value !== null && value !== false) created.setAttribute(key, value);
  }
  for (const child of children.flat()) if (child) created.append(child);
  return created;
}

/**
 * Replace the children of an element. Equal nodes stay in place, so that clicks, touches and the focus survive.
 *
 * @param {HTMLElement} parent
 * @param {...Child} children
 */
export function replace(parent, ...children) {
  const focused = parent.contains(document.activeElement) && accessibleName(document.activeElement);
  const before = [...parent.childNodes];
  const after = [...el("div", {}, ...children).childNodes];
  after.forEach((child, number) => {
    const old = before[number];
    if (!old) parent.append(child);
    else if (!old.isEqualNode(child)) old.replaceWith(child);
  });
  before.slice(after.length).forEach((old) => old.remove());
  if (!focused || parent.contains(document.activeElement)) return;
  const controls = /** @type {NodeListOf<HTMLElement>} */ (parent.querySelectorAll("a, button, input, select"));
  [...controls].find((control) => accessibleName(control) === focused)?.focus();
}

/**
 * Like `replace`, for elements without listeners: changes only the parts that differ. Open details stay open.
 *
 * @param {HTMLElement} parent
 * @param {...Child} children
 */
export function update(parent, ...children) {
  morphChildren(parent, el("div", {}, ...children));
}

/** @param {Element | null} element */
const accessibleName = (element) => element?.getAttribute("aria-label") || element?.textContent;

/**
 * Run `load` one at a time: calls during a run cause one more run after it, so that the last result is the newest.
 *
 * @param {() => Promise<unknown>} load
 * @returns {() => Promise<void>}
 */
export function oneAtATime(load) {
  /** @type {Promise<void> | null} */
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

/** @param {string} state */
export const badge = (state) => el("span", { class: `badge ${state.replaceAll(" ", "-")}` }, state);

/**
 * A table whose rows become blocks on a phone.
 *
 * @param {string[]} heads
 * @param {(Child | Child[])[][]} rows
 * @param {{ tight?: number[] }} options `tight`: columns that are not wrapped.
 */
export function table(heads, rows, { tight = [] } = {}) {
  /** @type {(content: Child | Child[], column: number) => HTMLElement} */
  const cell = (content, column) => el("td", { "data-label": heads[column] || undefined, class: tight.includes(column) && "tight" }, content);
  return el(
    "div",
    { class: "scroll" },
    el(
      "table",
      { class: "stack" },
      el("thead", {}, el("tr", {}, ...heads.map((head) => el("th", { scope: "col" }, head)))),
      el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map(cell)))),
    ),
  );
}

/**
 * Run with the next frame; a page in the background has none.
 *
 * @param {() => void} run
 */
export function onNextFrame(run) {
  if (document.hidden) setTimeout(run, 100);
  else requestAnimationFrame(run);
}

let noticeTimer = 0;

/**
 * Show a notice at the bottom of the page, for some seconds.
 *
 * @param {string} text
 */
export function notice(text) {
  const element = document.getElementById("notice");
  if (!element) return;
  element.textContent = text;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => (element.textContent = ""), 6000);
}

/**
 * Ask for confirmation. Resolves to whether the user confirmed.
 *
 * @param {string} question
 * @param {string} action What the confirming button says.
 * @returns {Promise<boolean>}
 */
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
