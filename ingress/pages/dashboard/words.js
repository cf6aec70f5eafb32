// Format times and texts for people.

export function ago(ms) {
  return ms ? `${duration(Date.now() - ms)} ago` : "–";
}

export function duration(ms) {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 1) return `${Math.round(ms)} ms`;
  if (seconds < 120) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}

export function when(ms) {
  return ms ? new Date(ms).toLocaleString() : "";
}

export const short = (text, length = 80) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);
