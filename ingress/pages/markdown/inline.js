// @ts-check
// The inline level of Markdown: emphasis, code, links, line breaks. Pure: a string in, a flat list of tokens out.
//
// Tokens: "text" · { open: tag, href? } · { close: tag } · { code: "text" } · { br: true }. Tags are em, strong, del, a.
// The list is flat, so that neither this parser nor the renderer recurses as deep as untrusted text is nested.
// Rules: https://spec.commonmark.org/0.31.2/#inlines and https://github.github.com/gfm/#strikethrough-extension-.
// Time is linear in the length of the text.

/**
 * @typedef {string | { open: string, href?: string } | { close: string } | { code: string } | { br: true }} Inline
 * @typedef {{ mark: string, count: number, left: number, canOpen: boolean, canClose: boolean, opens: string[], closes: string[] }} Run
 *   A run of delimiters; `left` of them are not paired.
 * @typedef {{ at: number, runs: number, image: boolean, active: boolean }} Bracket
 */

const INLINE_SPECIAL = /[\\`*_~[\]!<&\n]|https?:\/\//gi;
const URL_END = /[\s<>`"\]|]/g;
const PUNCTUATION = /[\p{P}\p{S}]/u;
const ESCAPABLE = /[!-/:-@[-`{-~]/;
/** @type {Record<string, string>} */
const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0" };
const LONGEST_URL = 2048;
const LONGEST_TITLE = 300;

// The URL of a safe link, else null: http, https and mailto, without a user name or password
// ("https://bank.example@evil.example"). URLs that a browser would strip or repair before parsing are refused.
/** @type {(text: unknown) => string | null} */
export function safeUrl(text) {
  const written = String(text).trim();
  if (written.length > LONGEST_URL || !/^(?:https?:\/\/|mailto:)[^\s\u0000-\u001f\u007f]+$/i.test(written)) return null;
  try {
    const url = new URL(written);
    if (!["http:", "https:", "mailto:"].includes(url.protocol) || url.username || url.password) return null;
    return url.href;
  } catch {
    return null;
  }
}

// With `partial`, more text will follow: what is open at the end is treated as closed there, and markers whose meaning is
// not clear yet are left out, so that nothing flickers while an answer streams.
/** @type {(text: string, partial?: boolean) => Inline[]} */
export function inlineTokens(text, partial = false) {
  const source = partial ? withoutTrailingMarks(text) : text;
  /** @type {(Inline | Run)[]} */
  const nodes = []; // strings, finished tokens, and delimiter runs
  /** @type {Run[]} */
  const runs = []; // unpaired delimiter runs
  /** @type {Bracket[]} */
  const brackets = []; // each unclosed "[": { at, runs, image, active }
  const ticks = backtickRuns(source);
  let i = 0;

  /** @type {(node: Inline | Run) => void} */
  const push = (node) => nodes.push(node);
  INLINE_SPECIAL.lastIndex = 0;
  while (i < source.length) {
    INLINE_SPECIAL.lastIndex = i;
    const match = INLINE_SPECIAL.exec(source);
    const at = match ? match.index : source.length;
    if (at > i) push(source.slice(i, at));
    if (!match) break;
    i = special(match[0], at);
  }
  const unclosed = pairDelimiters(runs);
  if (partial) {
    for (const bracket of brackets) if (bracket.active) nodes[bracket.at] = "";
    const closing = unclosed.reverse().flatMap(closeAtEnd);
    closing.forEach(push);
  }
  return tokensOf(nodes);

  // Handle the special character at `at`; returns where to go on.
  /** @type {(mark: string, at: number) => number} */
  function special(mark, at) {
    const next = source[at + 1];
    switch (mark) {
      case "\n":
        push({ br: true });
        return at + 1;
      case "\\":
        if (next === "\n") push({ br: true });
        else if (next !== undefined && ESCAPABLE.test(next)) push(next);
        else {
          push("\\");
          return at + 1;
        }
        return at + 2;
      case "`":
        return code(at);
      case "*":
      case "_":
      case "~":
        return delimiter(mark, at);
      case "!":
        if (next !== "[") break;
        brackets.push({ at: nodes.length, runs: runs.length, image: true, active: true });
        push("![");
        return at + 2;
      case "[":
        brackets.push({ at: nodes.length, runs: runs.length, image: false, active: true });
        push("[");
        return at + 1;
      case "]":
        return closeBracket(at);
      case "<":
        return angle(at);
      case "&":
        return entity(at);
      default:
        return bareUrl(at);
    }
    push(mark);
    return at + 1;
  }

  /** @type {(at: number) => number} */
  function code(at) {
    let length = 1;
    while (source[at + length] === "`") length++;
    const start = at + length;
    let end = nextRun(ticks, length, start);
    if (end === null) {
      if (!partial || start === source.length) {
        push("`".repeat(length));
        return start;
      }
      end = source.length;
    }
    let text = source.slice(start, end).replace(/\n/g, " ");
    if (text.startsWith(" ") && text.endsWith(" ") && text.trim()) text = text.slice(1, -1);
    push({ code: text });
    return Math.min(end + length, source.length);
  }

  /** @type {(mark: string, at: number) => number} */
  function delimiter(mark, at) {
    let count = 1;
    while (source[at + count] === mark) count++;
    const before = at === 0 ? " " : source[at - 1];
    const after = at + count < source.length ? source[at + count] : " ";
    let canOpen = !/\s/.test(after);
    let canClose = !/\s/.test(before);
    // "_" occurs inside names; "*" rarely does. Between a letter and punctuation, CommonMark is strict about "*", too,
    // and so fails on text without spaces between words ("**重要：**请"), which models write often.
    if (mark === "_") {
      const left = canOpen && (!PUNCTUATION.test(after) || /\s/.test(before) || PUNCTUATION.test(before));
      const right = canClose && (!PUNCTUATION.test(before) || /\s/.test(after) || PUNCTUATION.test(after));
      canOpen = left && (!right || PUNCTUATION.test(before));
      canClose = right && (!left || PUNCTUATION.test(after));
    }
    if (mark === "~" && count !== 2) canOpen = canClose = false;
    const run = { mark, count, left: count, canOpen, canClose, opens: [], closes: [] };
    push(run);
    if (canOpen || canClose) runs.push(run);
    return at + count;
  }

  /** @type {(at: number) => number} */
  function closeBracket(at) {
    const bracket = brackets.pop();
    if (!bracket || !bracket.active) {
      push("]");
      return at + 1;
    }
    const target = source[at + 1] === "(" ? linkTarget(source, at + 2) : null;
    if (partial && (at + 1 === source.length || target?.cut)) {
      nodes[bracket.at] = ""; // probably a link whose URL has not arrived yet
      return source.length;
    }
    const href = target && !target.cut ? safeUrl(target.url) : null;
    if (!target || target.cut || !href) {
      push("]");
      return at + 1;
    }
    pairDelimiters(runs.splice(bracket.runs));
    nodes[bracket.at] = { open: "a", href };
    if (bracket.image && nodes.length === bracket.at + 1) push(href);
    push({ close: "a" });
    // Links cannot contain links: deactivate all brackets outside this one, down to the first inactive one.
    if (!bracket.image) for (let n = brackets.length - 1; n >= 0 && brackets[n].active; n--) if (!brackets[n].image) brackets[n].active = false;
    return target.end;
  }

  /** @type {(at: number) => number} */
  function angle(at) {
    const line = /^<br\s?\/?>/i.exec(source.slice(at, at + 8));
    if (line) {
      push({ br: true });
      return at + line[0].length;
    }
    let end = at + 1;
    while (end < source.length && end - at < LONGEST_URL && !/[<>\s]/.test(source[end])) end++;
    const inside = source.slice(at + 1, end);
    const mail = /^[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w.-]{1,255}$/.test(inside);
    const href = source[end] === ">" ? safeUrl(mail ? `mailto:${inside}` : inside) : null;
    if (!href) {
      push("<");
      return at + 1;
    }
    [{ open: "a", href }, inside, { close: "a" }].forEach(push);
    return end + 1;
  }

  /** @type {(at: number) => number} */
  function entity(at) {
    const match = /^&(?:(amp|lt|gt|quot|apos|nbsp)|#(\d{1,7})|#x([0-9a-f]{1,6}));/i.exec(source.slice(at, at + 12));
    const point = match?.[2] ? Number(match[2]) : match?.[3] ? parseInt(match[3], 16) : 0;
    if (!match || point > 0x10ffff || (!match[1] && point === 0)) {
      push("&");
      return at + 1;
    }
    push(match[1] ? ENTITIES[match[1].toLowerCase()] : String.fromCodePoint(point));
    return at + match[0].length;
  }

  /** @type {(at: number) => number} */
  function bareUrl(at) {
    URL_END.lastIndex = at;
    const stop = URL_END.exec(source);
    const end = stop ? stop.index : source.length;
    const url = withoutTrail(source.slice(at, end));
    const inWord = at > 0 && /[\p{L}\p{N}]/u.test(source[at - 1]);
    const href = inWord || (partial && end === source.length) ? null : safeUrl(url);
    if (!href) push(url);
    else [{ open: "a", href }, url, { close: "a" }].forEach(push);
    return at + url.length;
  }
}

// Pair delimiter runs, innermost first; returns the openers that are left. Where a kind of closer found no opener, later
// ones do not search below that place, which keeps it linear.
/** @type {(runs: Run[]) => Run[]} */
function pairDelimiters(runs) {
  const openers = [];
  const floors = new Map();
  for (const closer of runs) {
    const kind = `${closer.mark}${closer.canOpen}${closer.count % 3}`;
    while (closer.canClose && closer.left > 0) {
      const floor = floors.get(kind) || 0;
      let at = openers.length - 1;
      while (at >= floor && !fits(openers[at], closer)) at--;
      if (at < floor) {
        floors.set(kind, openers.length);
        break;
      }
      const opener = openers[at];
      const used = opener.left >= 2 && closer.left >= 2 ? 2 : 1;
      const tag = closer.mark === "~" ? "del" : used === 2 ? "strong" : "em";
      opener.opens.push(tag);
      closer.closes.push(tag);
      opener.left -= used;
      closer.left -= used;
      openers.length = opener.left ? at + 1 : at;
      for (const [name, height] of floors) if (height > openers.length) floors.set(name, openers.length);
    }
    if (closer.canOpen && closer.left > 0) openers.push(closer);
  }
  return openers;
}

// https://spec.commonmark.org/0.31.2/#can-open-emphasis, rules 9 and 10: the "multiple of 3" rule.
/** @type {(opener: Run, closer: Run) => boolean} */
function fits(opener, closer) {
  if (opener.mark !== closer.mark) return false;
  if (closer.mark === "~") return true;
  const both = opener.canClose || closer.canOpen;
  return !both || (opener.count + closer.count) % 3 !== 0 || (opener.count % 3 === 0 && closer.count % 3 === 0);
}

// The tokens that close an opener at the end of an incomplete text.
/** @type {(opener: Run) => Inline[]} */
function closeAtEnd(opener) {
  const tags = opener.mark === "~" ? ["del"] : [...(opener.left % 2 ? ["em"] : []), ...Array(Math.floor(opener.left / 2)).fill("strong")];
  opener.left = 0;
  opener.opens.push(...tags.slice(0, 3));
  return tags.slice(0, 3).map((tag) => ({ close: tag }));
}

/** @type {(nodes: (Inline | Run)[]) => Inline[]} */
function tokensOf(nodes) {
  /** @type {Inline[]} */
  const tokens = [];
  /** @type {(token: Inline) => void} */
  const add = (token) => {
    const last = tokens[tokens.length - 1];
    if (typeof token === "string" && typeof last === "string") tokens[tokens.length - 1] = last + token;
    else if (token) tokens.push(token);
  };
  for (const node of nodes) {
    if (typeof node === "string" || !("mark" in node)) {
      add(node);
      continue;
    }
    for (const tag of node.closes) add({ close: tag });
    add(node.mark.repeat(node.left));
    for (let n = node.opens.length - 1; n >= 0; n--) add({ open: node.opens[n] });
  }
  return tokens;
}

// After "(": the URL and where the link ends; { cut: true } if the text ends inside it; null if it is not a link.
/** @type {(source: string, from: number) => { url: string, end: number, cut?: false } | { cut: true } | null} */
function linkTarget(source, from) {
  const limit = Math.min(source.length, from + LONGEST_URL);
  let i = from;
  while (i < from + 9 && /\s/.test(source[i] ?? "")) i++;
  let depth = 0;
  const angled = source[i] === "<";
  if (angled) i++;
  const start = i;
  for (; i < limit; i++) {
    const mark = source[i];
    if (angled ? mark === ">" || mark === "\n" : /\s/.test(mark)) break;
    if (!angled && mark === "(" && ++depth > 8) return null;
    if (!angled && mark === ")" && --depth < 0) break;
  }
  const url = source.slice(start, i);
  if (angled && source[i] === ">") i++;
  // A title, or an incomplete one at the end of the text.
  const after = source.slice(i, i + LONGEST_TITLE);
  const title = /^\s+(?:"[^"\n]*"|'[^'\n]*')?\s*/.exec(after);
  if (title) i += title[0].length;
  if (source[i] === ")") return { url, end: i + 1 };
  return i >= source.length || (after.length < LONGEST_TITLE && /^\s+(?:"[^"\n]*|'[^'\n]*)$/.test(after)) ? { cut: true } : null;
}

// Where the runs of backticks of each length begin, in order.
/** @type {(source: string) => Map<number, { at: number[], next: number }>} */
function backtickRuns(source) {
  const runs = new Map();
  for (const { 0: run, index } of source.matchAll(/`+/g)) {
    if (!runs.has(run.length)) runs.set(run.length, { at: [], next: 0 });
    runs.get(run.length).at.push(index);
  }
  return runs;
}

/** @type {(runs: Map<number, { at: number[], next: number }>, length: number, from: number) => number | null} */
function nextRun(runs, length, from) {
  const run = runs.get(length);
  if (!run) return null; // the first of them was escaped
  while (run.next < run.at.length && run.at[run.next] < from) run.next++;
  return run.next < run.at.length ? run.at[run.next] : null;
}

// A bare URL without the punctuation that ends its sentence, or a closing bracket that was opened before it.
/** @type {(url: string) => string} */
function withoutTrail(url) {
  let end = url.length;
  let open = 0;
  for (const mark of url) open += mark === "(" ? 1 : mark === ")" ? -1 : 0;
  for (; end > 0; end--) {
    const last = url[end - 1];
    if (last === ")" && open < 0) open++;
    else if (!".,;:!?'*_~".includes(last)) break;
  }
  return url.slice(0, end);
}

/** @type {(text: string) => string} */
function withoutTrailingMarks(text) {
  let end = text.length;
  while (end > 0 && "*_~`[\\".includes(text[end - 1])) end--;
  if (end > 0 && end < text.length && text[end] === "[" && text[end - 1] === "!") end--;
  return text.slice(0, end);
}
