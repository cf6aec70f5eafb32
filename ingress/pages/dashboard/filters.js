// The filters of a list, kept in the URL, so that reloads, bookmarks and the back button restore them.

import { el } from "./dom.js";

// The filters of a URL hash: "#threads?state=idle" → {state: "idle"}.
export function filtersOf(hash) {
  const at = hash.indexOf("?");
  return Object.fromEntries(new URLSearchParams(at < 0 ? "" : hash.slice(at)));
}

// Write filters into the URL of a page, without a new history entry and without `hashchange`.
export function keepFilters(page, filters) {
  const place = location.hash.split("?")[0] || `#${page}`;
  const query = String(new URLSearchParams(Object.entries(filters).filter(([, value]) => value)));
  history.replaceState(history.state, "", `${place}${query ? `?${query}` : ""}`);
}

// A form of `fields`, filled from the URL; `changed` is called when a filter changes.
export function filterForm(page, fields, changed) {
  const given = filtersOf(location.hash);
  const form = el("form", { class: "row", role: "search", onsubmit: submit, onchange: apply }, ...fields, el("button", {}, "Search"));
  for (const [name, value] of Object.entries(given)) {
    const field = form.elements[name];
    if (!field) continue;
    field.value = value;
    // Ignore a value that the list does not offer.
    if (field.value !== value) field.value = "";
  }

  function values() {
    return Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value.trim()]).filter(([, value]) => value));
  }

  function apply() {
    keepFilters(page, values());
    changed();
  }

  function submit(event) {
    event.preventDefault();
    apply();
  }

  return { form, values };
}
