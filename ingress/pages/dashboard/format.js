// @ts-check
// Format times and texts for people.

/** @typedef {string | number | null} Time RFC 3339, or ms since 1970; null or 1970 itself if it is not known. */

/** @param {Time} time */
const milliseconds = (time) => new Date(time ?? 0).getTime();

/** @param {Time} time */
export function ago(time) {
  return milliseconds(time) ? `${duration(Date.now() - milliseconds(time))} ago` : "–";
}

/** @param {number} ms */
export function duration(ms) {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 120) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}

/** @param {Time} time */
export function dateTime(time) {
  return milliseconds(time) ? new Date(milliseconds(time)).toLocaleString() : "";
}

/**
 * @param {string} text
 * @param {number} length The most characters to return.
 */
export function truncate(text, length = 80) {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

/**
 * "1 attempt", "2 attempts".
 *
 * @param {number} count
 * @param {string} noun
 */
export function plural(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/**
 * A message of an error as the last sentence of a notice: with one full stop.
 *
 * @param {string} message
 */
export function sentence(message) {
  return /[.!?…]$/.test(message) ? message : `${message}.`;
}
