// The filters of a list, kept in the address: a reload, a bookmark and the back button find them again.

import { el } from "./dom.js";

// The part of the address behind the page's name: "#threads?state=idle" → {state: "idle"}.
export function filtersOf(hash) {
  const at = hash.indexOf("?");
  return Object.fromEntries(new URLSearchParams(at < 0 ? "" : hash.slice(at)));
}

// Write them into the address of a page. It is the same page: no new entry of the history, and no `hashchange`.
export function keepFilters(page, filters) {
  const place = location.hash.split("?")[0] || `#${page}`;
  const query = String(new URLSearchParams(Object.entries(filters).filter(([, value]) => value)));
  history.replaceState(history.state, "", `${place}${query ? `?${query}` : ""}`);
}

// A form of `fields`, filled from the address of a page; `changed` is called as soon as something else is asked for.
export function filterForm(page, fields, changed) {
  const given = filtersOf(location.hash);
  const form = el("form", { class: "row", role: "search", onsubmit: submit, onchange: apply }, ...fields, el("button", {}, "Search"));
  for (const [name, value] of Object.entries(given)) {
    const field = form.elements[name];
    if (!field) continue;
    field.value = value;
    // A value that the list does not offer is not asked for.
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
