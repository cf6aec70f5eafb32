// The filters of a list, kept in the address: a reload, a bookmark and the back button find them again.

import { el } from "./dom.js";

// The part of the address behind the page's name: "#threads?state=idle" → {state: "idle"}.
export function filtersOf(hash) {
  const at = hash.indexOf("?");
  return Object.fromEntries(new URLSearchParams(at < 0 ? "" : hash.slice(at)));
}

// Write them into the address. It is the same page: no new entry of the history, and no `hashchange`.
export function keepFilters(filters) {
  const [place] = location.hash.split("?");
  const query = new URLSearchParams(Object.entries(filters).filter(([, value]) => value));
  history.replaceState(history.state, "", `${place}${query.size ? `?${query}` : ""}`);
}

// A form of `fields`, filled from the address; `changed` is called with what is asked for, as soon as it changes.
export function filterForm(fields, changed) {
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
    keepFilters(values());
    changed(values());
  }

  function submit(event) {
    event.preventDefault();
    apply();
  }

  return { form, values, apply };
}
