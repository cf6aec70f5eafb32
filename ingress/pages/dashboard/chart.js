// @ts-check
// Metric charts: small SVGs, each with a text alternative.

import { el } from "./dom.js";

export const WIDTH = 300;
export const HEIGHT = 100;
const PADDING = 4; // above the highest value

/**
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 * @param {...Node} children
 */
function svg(name, attributes, ...children) {
  const created = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) created.setAttribute(key, String(value));
  created.append(...children);
  return created;
}

/**
 * @param {string} title
 * @param {string} summary
 * @param {Node[]} shapes
 */
function figure(title, summary, shapes) {
  const axis = svg("line", { x1: 0, x2: WIDTH, y1: HEIGHT, y2: HEIGHT, class: "axis" });
  const attributes = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": `${title}: ${summary}` };
  return el("figure", {}, el("figcaption", {}, el("span", {}, title), el("span", {}, summary)), svg("svg", attributes, axis, ...shapes));
}

/**
 * @param {string} title
 * @param {number[]} values
 * @param {{ summary: string, bad?: boolean }} options
 */
export function barChart(title, values, { summary, bad = false }) {
  return figure(title, summary, barRects(values).map((rect) => svg("rect", { ...rect, class: bad ? "bars bad" : "bars" })));
}

/**
 * @param {string} title
 * @param {(number | null)[]} low
 * @param {(number | null)[]} high
 * @param {{ summary: string }} options
 */
export function lineChart(title, low, high, { summary }) {
  const max = Math.max(...high.map((value) => value ?? 0), 0) || 1;
  return figure(title, summary, [
    svg("path", { d: linePath(high, max), class: "high" }),
    svg("path", { d: linePath(low, max), class: "low" }),
  ]);
}

/**
 * Return the rectangles of a bar chart; the highest reaches the top.
 *
 * @param {number[]} values
 */
export function barRects(values) {
  const max = Math.max(...values, 0) || 1;
  const step = WIDTH / values.length;
  return values.map((value, n) => {
    const height = scale(value, max);
    return { x: n * step, y: HEIGHT - height, width: Math.max(0.5, step - 1), height };
  });
}

/**
 * Return the SVG path of a line chart. Missing values leave a gap; an isolated point is a short stroke.
 *
 * @param {(number | null)[]} values
 * @param {number} max The value at the top.
 */
export function linePath(values, max) {
  const step = WIDTH / values.length;
  let path = "";
  values.forEach((value, n) => {
    if (value === null) return;
    const y = HEIGHT - scale(value, max);
    const joined = n > 0 && values[n - 1] !== null;
    path += `${joined ? "L" : "M"}${n * step} ${y}H${(n + 0.9) * step}`;
  });
  return path;
}

/**
 * @param {number} value
 * @param {number} max
 */
const scale = (value, max) => (value / max) * (HEIGHT - PADDING);
