// @ts-check
// The block level of Markdown: paragraphs, headings, lists, quotes, code and tables. Pure: a string in, plain objects out.
//
//   { type: "p", text }  { type: "h", level, text }  { type: "code", language, text }  { type: "hr" }
//   { type: "quote", blocks }  { type: "list", ordered, start, items: [{ task, blocks }] }  (task: null, false, true)
//   { type: "table", align: ["", "left", …], head: [text], rows: [[text]] }
//
// `text` is input of inlineTokens(); `open` is true on the last block of a text that is not complete. Each top block also
// has `source`, its lines. HTML is always plain text. HTML blocks, references and footnotes are not
// supported. Rules: https://spec.commonmark.org/0.31.2/ and https://github.github.com/gfm/#tables-extension-, except that
// every line break in a paragraph is kept (as in GitHub's comments), and that two spaces nest a list.

/** @typedef {{ task: boolean | null, blocks: Block[] }} ListItem */
/**
 * @typedef {{ source?: string, open?: boolean } & (
 *   | { type: "p", text: string }
 *   | { type: "h", level: number, text: string }
 *   | { type: "code", language: string, text: string }
 *   | { type: "hr" }
 *   | { type: "quote", blocks: Block[] }
 *   | { type: "list", ordered: boolean, start: number, items: ListItem[] }
 *   | { type: "table", align: string[], head: string[], rows: string[][] })} Block
 */
/** @typedef {{ end: number, block: Block }} ParsedBlock A block, and the line after it. */

const DEEPEST = 12; // nested containers; what is nested deeper becomes a paragraph
const FENCE = /^(`{3,}|~{3,})([^]*)$/;
const MARKER = /^( *)(?:([-*+])|(\d{1,9})[.)])(?: +|$)/;
const LONE_MARK = /^\s*(?:[-*+]|\d{1,3}[.)]?|#{1,6}|>|-{2,}|={2,}|`{1,2}|~{1,2}|\|[\s:|-]*)\s*$/;

// With `partial`, more text will follow: a last line that consists of a marker only is left out.
/** @type {(text: string, partial?: boolean) => Block[]} */
export function parseMarkdown(text, partial = false) {
  const lines = text.replace(/\r\n?/g, "\n").split("\n").map(spaced);
  const last = lines[lines.length - 1];
  if (partial && (last === "" || (last.length < 200 && LONE_MARK.test(last)))) lines.pop();
  const blocks = blocksOf(lines, 0, partial);
  if (partial) markOpen(blocks);
  return blocks;
}

/** @type {(blocks: Block[]) => void} */
function markOpen(blocks) {
  for (let last = blocks[blocks.length - 1]; last; ) {
    last.open = true;
    const inside = "blocks" in last ? last.blocks : "items" in last ? last.items[last.items.length - 1].blocks : [];
    last = inside[inside.length - 1];
  }
}

/** @type {(line: string) => string} */
const spaced = (line) => line.replace(/^[ \t]+/, (space) => space.replace(/\t/g, "    "));
/** @type {(line: string) => number} */
const indentOf = (line) => line.length - line.trimStart().length;
/** @type {(line: string) => boolean} */
const isBlank = (line) => line.trim() === "";
/** @type {(line: string) => boolean} */
const isRule = (line) => /^(?:\*{3,}|-{3,}|_{3,})$/.test(line.length < 300 ? line.replace(/\s/g, "") : "");

/** @type {(lines: string[], depth: number, partial: boolean) => Block[]} */
function blocksOf(lines, depth, partial) {
  /** @type {Block[]} */
  const blocks = [];
  /** @type {string[]} */
  let paragraph = []; // its lines
  let from = 0;
  let i = 0;
  /** @type {(block: Block, until: number) => void} */
  const add = (block, until) => {
    if (depth === 0) block.source = lines.slice(from, until).join("\n");
    blocks.push(block);
  };
  const flush = () => {
    if (paragraph.length) add({ type: "p", text: paragraph.join("\n") }, i);
    paragraph = [];
  };

  while (i < lines.length) {
    const line = lines[i];
    const text = line.trimStart();
    if (!text) {
      flush();
      i++;
      continue;
    }
    const underline = paragraph.length > 0 && /^(?:={2,}|-{3,})\s*$/.exec(text);
    if (underline) {
      add({ type: "h", level: text[0] === "=" ? 1 : 2, text: paragraph.join("\n") }, i + 1);
      paragraph = [];
      i++;
      continue;
    }
    const parsed = blockAt(lines, i, depth, paragraph.length > 0, partial);
    if (parsed) {
      flush();
      from = i;
      i = parsed.end;
      add(parsed.block, i);
    } else {
      if (!paragraph.length) from = i;
      paragraph.push(text);
      i++;
    }
  }
  flush();
  return blocks;
}

// The block (not a paragraph) that begins at a line, and where it ends; null if none begins there.
/** @type {(lines: string[], i: number, depth: number, inParagraph: boolean, partial: boolean) => ParsedBlock | null} */
function blockAt(lines, i, depth, inParagraph, partial) {
  const line = lines[i];
  const text = line.trimStart();
  if (!inParagraph && indentOf(line) >= 4 && !MARKER.test(text)) return indentedCode(lines, i);
  const fence = fenceOf(text);
  if (fence) return fencedCode(lines, i, fence);
  const heading = /^(#{1,6})(?:\s+|$)/.exec(text);
  if (heading) return { end: i + 1, block: { type: "h", level: heading[1].length, text: headingText(text.slice(heading[0].length)) } };
  if (isRule(text)) return { end: i + 1, block: { type: "hr" } };
  if (depth < DEEPEST && text[0] === ">") return quote(lines, i, depth, partial);
  if (depth < DEEPEST && startsList(line, inParagraph)) return list(lines, i, depth, partial);
  return table(lines, i, partial);
}

/** @type {(text: string) => { mark: string, info: string } | null} */
function fenceOf(text) {
  const fence = FENCE.exec(text);
  return fence && !(fence[1][0] === "`" && fence[2].includes("`")) ? { mark: fence[1], info: fence[2] } : null;
}

/** @type {(lines: string[], from: number, fence: { mark: string, info: string }) => ParsedBlock} */
function fencedCode(lines, from, { mark, info }) {
  const indent = indentOf(lines[from]);
  const code = [];
  let i = from + 1;
  for (; i < lines.length; i++) {
    const text = lines[i].trim();
    if (text.length >= mark.length && text === mark[0].repeat(text.length)) break;
    code.push(lines[i].slice(Math.min(indent, indentOf(lines[i]))));
  }
  const [, language] = /** @type {RegExpExecArray} */ (/^\s*([\w+#.-]{0,30})/.exec(info));
  return { end: Math.min(i + 1, lines.length), block: { type: "code", language, text: code.join("\n") } };
}

/** @type {(lines: string[], from: number) => ParsedBlock} */
function indentedCode(lines, from) {
  let end = from;
  for (let i = from; i < lines.length && (isBlank(lines[i]) || indentOf(lines[i]) >= 4); i++) if (!isBlank(lines[i])) end = i + 1;
  return { end, block: { type: "code", language: "", text: lines.slice(from, end).map((line) => line.slice(4)).join("\n") } };
}

/** @type {(text: string) => string} */
function headingText(text) {
  let end = text.trimEnd().length;
  while (end > 0 && text[end - 1] === "#") end--;
  return end === 0 || /\s/.test(text[end - 1]) ? text.slice(0, end).trimEnd() : text.trimEnd();
}

/** @type {(line: string, inParagraph: boolean) => boolean} */
function startsList(line, inParagraph) {
  const marker = MARKER.exec(line);
  if (!marker || isRule(line)) return false;
  // An empty item or a line that begins with a number ("… of\n1986. It …") does not interrupt a paragraph.
  return !inParagraph || (line.length > marker[0].length && (!marker[3] || marker[3] === "1"));
}

/** @type {(line: string) => boolean} */
const startsBlock = (line) => {
  const text = line.trimStart();
  return fenceOf(text) !== null || /^#{1,6}\s/.test(text) || text[0] === ">" || isRule(text) || startsList(line, true);
};

/** @type {(lines: string[], from: number, depth: number, partial: boolean) => ParsedBlock} */
function quote(lines, from, depth, partial) {
  const inside = [];
  let i = from;
  for (; i < lines.length; i++) {
    const text = lines[i].trimStart();
    if (text[0] === ">") inside.push(spaced(text.slice(text[1] === " " ? 2 : 1)));
    else if (text && inside[inside.length - 1].trim() && !startsBlock(lines[i])) inside.push(text);
    else break;
  }
  return { end: i, block: { type: "quote", blocks: blocksOf(inside, depth + 1, partial && i === lines.length) } };
}

/** @type {(lines: string[], from: number, depth: number, partial: boolean) => ParsedBlock} */
function list(lines, from, depth, partial) {
  const first = /** @type {RegExpExecArray} */ (MARKER.exec(lines[from]));
  const ordered = first[3] !== undefined;
  const items = [];
  let i = from;
  while (i < lines.length) {
    const marker = MARKER.exec(lines[i]);
    if (!marker || isRule(lines[i]) || (marker[3] !== undefined) !== ordered || marker[1].length > first[1].length + 1) break;
    const item = itemLines(lines, i, marker);
    const task = /^\[([ xX])\]\s/.exec(item.lines[0]);
    if (task) item.lines[0] = item.lines[0].slice(4);
    items.push({ task: task ? task[1] !== " " : null, blocks: blocksOf(item.lines, depth + 1, partial && item.end === lines.length) });
    i = item.end;
    let next = i;
    while (next < lines.length && isBlank(lines[next])) next++;
    if (next > i && next < lines.length && MARKER.test(lines[next])) i = next;
  }
  return { end: i, block: { type: "list", ordered, start: ordered ? Number(first[3]) : 1, items } };
}

// The lines of an item without their indentation, and where it ends.
/** @type {(lines: string[], from: number, marker: RegExpExecArray) => { lines: string[], end: number }} */
function itemLines(lines, from, marker) {
  const width = marker[0].length;
  const content = lines[from].length === width || width > marker[0].trimEnd().length + 4 ? marker[0].trimEnd().length + 1 : width;
  const least = Math.min(content, marker[1].length + 2);
  const inside = [lines[from].slice(content)];
  let end = from + 1;
  let blanks = 0;
  for (let i = from + 1; i < lines.length; i++) {
    const line = lines[i];
    if (isBlank(line)) {
      blanks++;
      continue;
    }
    const indent = indentOf(line);
    const lazy = blanks === 0 && inside[inside.length - 1].trim() && !MARKER.test(line) && !startsBlock(line);
    if (indent < least && !lazy) break;
    while (blanks > 0) {
      inside.push("");
      blanks--;
    }
    inside.push(line.slice(Math.min(indent, content)));
    end = i + 1;
  }
  return { lines: inside, end };
}

/** @type {(lines: string[], from: number, partial: boolean) => ParsedBlock | null} */
function table(lines, from, partial) {
  const head = cellsOf(lines[from]);
  if (!head) return null;
  const next = lines[from + 1];
  // While streaming, take a last line that begins with "|" as a table head whose next line has not arrived yet.
  const early = partial && next === undefined && lines[from].trimStart()[0] === "|";
  const under = next === undefined ? null : cellsOf(next.includes("|") ? next : `|${next}|`);
  const isTable = under?.length === head.length && under.every((cell) => /^:?-+:?$/.test(cell));
  if (!early && !isTable) return null;
  const align = (under || []).map((cell) => (cell.endsWith(":") ? (cell[0] === ":" ? "center" : "right") : cell[0] === ":" ? "left" : ""));
  /** @type {string[][]} */
  const rows = [];
  let i = Math.min(from + 2, lines.length);
  // Rows are neither padded to the width of the head (a thousand empty rows could make a million cells) nor cut.
  for (let cells = /** @type {string[] | null} */ (null); i < lines.length && !startsBlock(lines[i]) && (cells = cellsOf(lines[i])); i++) rows.push(cells);
  return { end: i, block: { type: "table", align, head, rows } };
}

// The cells of a row; null if the line has no "|".
/** @type {(line: string) => string[] | null} */
function cellsOf(line) {
  const text = line.trim();
  if (!text.includes("|")) return null;
  const cells = [];
  let cell = "";
  for (let i = text[0] === "|" ? 1 : 0; i < text.length; i++) {
    if (text[i] === "\\" && text[i + 1] === "|") cell += text[++i];
    else if (text[i] === "|") {
      cells.push(cell.trim());
      cell = "";
    } else cell += text[i];
  }
  if (cell.trim() || cells.length === 0) cells.push(cell.trim());
  return cells;
}
