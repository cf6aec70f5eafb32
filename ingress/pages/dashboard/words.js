// Format times and texts for people.

// A time is a string (RFC 3339), ms since 1970, or null; 1970 itself means unknown.
const instant = (time) => new Date(time ?? 0).getTime();

export function ago(time) {
  return instant(time) ? `${duration(Date.now() - instant(time))} ago` : "–";
}

export function duration(ms) {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 1) return `${Math.round(ms)} ms`;
  if (seconds < 120) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}

export function when(time) {
  return instant(time) ? new Date(time).toLocaleString() : "";
}

export const short = (text, length = 80) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);
