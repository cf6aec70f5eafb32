// Metric charts: small SVGs, each with a text alternative.

import { el } from "./dom.js";

const WIDTH = 300;
const HEIGHT = 100;

function svg(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function figure(title, words, shapes) {
  const axis = svg("line", { x1: 0, x2: WIDTH, y1: HEIGHT, y2: HEIGHT, class: "axis" });
  const attributes = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": `${title}: ${words}` };
  return el("figure", {}, el("figcaption", {}, el("span", {}, title), el("span", {}, words)), svg("svg", attributes, axis, ...shapes));
}

export function bars(title, values, { words, bad = false }) {
  const most = Math.max(...values, 0) || 1;
  const wide = WIDTH / values.length;
  const bar = (value, n) => {
    const high = (value / most) * (HEIGHT - 4);
    return svg("rect", { x: n * wide, y: HEIGHT - high, width: Math.max(0.5, wide - 1), height: high, class: bad ? "bars bad" : "bars" });
  };
  return figure(title, words, values.map(bar));
}

export function lines(title, low, high, { words }) {
  const most = Math.max(...high.map((value) => value ?? 0), 0) || 1;
  return figure(title, words, [path(high, most, "high"), path(low, most, "low")]);
}

// Missing values leave a gap; an isolated point is a short stroke.
function path(values, most, kind) {
  const step = WIDTH / values.length;
  let drawn = "";
  values.forEach((value, n) => {
    if (value === null) return;
    const y = HEIGHT - (value / most) * (HEIGHT - 4);
    const joins = n > 0 && values[n - 1] !== null;
    drawn += `${joins ? "L" : "M"}${n * step} ${y}H${(n + 0.9) * step}`;
  });
  return svg("path", { d: drawn, class: kind });
}
