// @ts-check
// The filters of a list, kept in the URL, so that reloads, bookmarks and the back button restore them.

import { el } from "./dom.js";

/**
 * Return the filters of a URL hash: "#threads?state=idle" → {state: "idle"}.
 *
 * @param {string} hash
 * @returns {Record<string, string>}
 */
export function parseFilters(hash) {
  const start = hash.indexOf("?");
  return Object.fromEntries(new URLSearchParams(start < 0 ? "" : hash.slice(start)));
}

/**
 * Return a URL hash with these filters in place of its own; empty ones are left out.
 *
 * @param {string} hash
 * @param {Record<string, string>} filters
 */
export function withFilters(hash, filters) {
  const query = String(new URLSearchParams(Object.entries(filters).filter(([, value]) => value)));
  return `${hash.split("?")[0]}${query ? `?${query}` : ""}`;
}

/**
 * Write filters into the URL of a page, without a new history entry and without `hashchange`.
 *
 * @param {string} page
 * @param {Record<string, string>} filters
 */
export function saveFilters(page, filters) {
  history.replaceState(history.state, "", withFilters(location.hash || `#${page}`, filters));
}

/**
 * A form of `fields`, filled from the URL; `onChange` is called when a filter changes.
 *
 * @param {string} page
 * @param {HTMLElement[]} fields
 * @param {() => void} onChange
 */
export function filterForm(page, fields, onChange) {
  const form = el("form", { class: "row", role: "search", onsubmit: submit, onchange: apply }, ...fields, el("button", {}, "Search"));
  for (const [name, value] of Object.entries(parseFilters(location.hash))) {
    const field = form.elements.namedItem(name);
    if (!(field instanceof HTMLInputElement || field instanceof HTMLSelectElement)) continue;
    field.value = value;
    // Ignore a value that the list does not offer.
    if (field.value !== value) field.value = "";
  }

  /** @returns {Record<string, string>} */
  function values() {
    return Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value).trim()]).filter(([, value]) => value));
  }

  function apply() {
    saveFilters(page, values());
    onChange();
  }

  /** @param {Event} event */
  function submit(event) {
    event.preventDefault();
    apply();
  }

  return { form, values };
}
