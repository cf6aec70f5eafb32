// @ts-check
// Render Markdown as DOM nodes: a fixed list of elements, text nodes and checked links. HTML is never parsed.

/** @import { Block, ListItem } from "./blocks.js" */

import { parseMarkdown } from "./blocks.js";
import { inlineTokens } from "./inline.js";

const DEEPEST_INLINE = 16; // nested emphasis; deeper markers are left out, their text is kept

/** @type {WeakMap<Node, string[]>} */
const rendered = new WeakMap(); // target → the source of each of its blocks

// Show `text` in `target`. Call it again as the text grows: unchanged blocks keep their nodes, and changed ones are updated
// in place. With `partial`, more text will follow.
/** @type {(target: HTMLElement, text: string, partial?: boolean) => void} */
export function renderMarkdown(target, text, partial = false) {
  const blocks = parseMarkdown(text, partial);
  const before = rendered.get(target);
  if (!before) target.textContent = "";
  const after = blocks.map((block) => `${block.type}${block.open ? "…" : ""}${block.source}`);
  blocks.forEach((block, number) => {
    if (before && before[number] === after[number]) return;
    const old = target.childNodes[number];
    if (old) morph(old, blockNode(block));
    else target.appendChild(blockNode(block));
  });
  truncateChildren(target, blocks.length);
  rendered.set(target, after);
}

/** @type {(name: string, attributes: Record<string, string | undefined>, children?: (Node | string)[]) => HTMLElement} */
function node(name, attributes, children = []) {
  const created = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined && value !== "") created.setAttribute(key, value);
  for (const child of children) created.appendChild(typeof child === "string" ? document.createTextNode(child) : child);
  return created;
}

/** @type {(block: Block) => HTMLElement} */
function blockNode(block) {
  switch (block.type) {
    case "h":
      // Below the heading levels of the page.
      return node(`h${Math.min(6, block.level + 2)}`, {}, inlineNodes(block.text, block.open));
    case "code":
      return node("pre", { tabindex: "0" }, [node("code", { "data-language": block.language }, [block.text])]);
    case "hr":
      return node("hr", {});
    case "quote":
      return node("blockquote", {}, block.blocks.map(blockNode));
    case "list":
      return node(block.ordered ? "ol" : "ul", { start: block.start === 1 ? "" : String(block.start) }, block.items.map(itemNode));
    case "table":
      return tableNode(block);
    default:
      return node("p", {}, inlineNodes(block.text, block.open));
  }
}

/** @type {(item: ListItem) => HTMLElement} */
function itemNode({ task, blocks }) {
  const box = task === null ? [] : [node("span", { class: "task", role: "img", "aria-label": task ? "done" : "open" }, [task ? "☑ " : "☐ "])];
  return node("li", {}, [...box, ...blocks.map(blockNode)]);
}

/** @type {(block: Block & { type: "table" }) => HTMLElement} */
function tableNode({ align, head, rows, open }) {
  const last = rows.length ? rows[rows.length - 1] : head;
  /** @type {(row: string[], name: "th" | "td") => HTMLElement[]} */
  const cells = (row, name) =>
    row.map((text, number) =>
      node(name, { "data-align": align[number], scope: name === "th" ? "col" : "" }, inlineNodes(text, open && row === last && number === row.length - 1)),
    );
  const top = node("thead", {}, [node("tr", {}, cells(head, "th"))]);
  const body = node("tbody", {}, rows.map((row) => node("tr", {}, cells(row, "td"))));
  return node("div", { class: "table", tabindex: "0" }, [node("table", {}, [top, body])]);
}

/** @type {(text: string, open?: boolean) => Node[]} */
function inlineNodes(text, open) {
  /** @type {Node[]} */
  const top = [];
  /** @type {{ tag: string, add: (child: Node) => void }[]} */
  const stack = [{ tag: "", add: (child) => top.push(child) }];
  /** @type {string[]} */
  const skipped = []; // opened and not shown: too deep, or a link in a link
  for (const token of inlineTokens(text, open)) {
    const { add } = stack[stack.length - 1];
    if (typeof token === "string") add(document.createTextNode(token));
    else if ("code" in token) add(node("code", {}, [token.code]));
    else if ("br" in token) add(node("br", {}));
    else if ("open" in token) {
      const linked = token.open === "a" && stack.some(({ tag }) => tag === "a");
      if (linked || stack.length > DEEPEST_INLINE || skipped.length) {
        skipped.push(token.open);
        continue;
      }
      const element = node(token.open, token.open === "a" ? { href: token.href, target: "_blank", rel: "noopener noreferrer nofollow" } : {});
      add(element);
      stack.push({ tag: token.open, add: (child) => element.appendChild(child) });
    } else if (skipped.length) skipped.pop();
    else if (stack.length > 1) stack.pop();
  }
  return top;
}

// Make one node equal to another with the fewest changes, so that selection and scrolling survive.
/** @type {(old: Node, wanted: Node) => void} */
function morph(old, wanted) {
  if (old.nodeName !== wanted.nodeName || !sameAttributes(old, wanted)) {
    old.parentNode?.replaceChild(wanted, old);
    return;
  }
  if (isTextNode(old) && isTextNode(wanted)) {
    if (old.data !== wanted.data) old.data = wanted.data;
    return;
  }
  morphChildren(old, wanted);
}

// Update the children of `old` to equal those of `wanted`.
/** @type {(old: Node, wanted: Node) => void} */
export function morphChildren(old, wanted) {
  const children = Array.from(wanted.childNodes);
  children.forEach((child, number) => {
    const current = old.childNodes[number];
    if (current) morph(current, child);
    else old.appendChild(child);
  });
  truncateChildren(old, children.length);
}

/** @type {(parent: Node, length: number) => void} */
function truncateChildren(parent, length) {
  while (parent.childNodes.length > length) parent.removeChild(parent.childNodes[length]);
}

/** @type {(one: Node, other: Node) => boolean} */
function sameAttributes(one, other) {
  if (!isElementNode(one) || !isElementNode(other)) return true;
  // The user decides whether details are open.
  const names = one.getAttributeNames().filter((name) => name !== "open");
  return names.length === other.getAttributeNames().length && names.every((name) => one.getAttribute(name) === other.getAttribute(name));
}

/** @type {(node: Node) => node is Text} */
function isTextNode(node) {
  return node.nodeType === 3;
}

/** @type {(node: Node) => node is Element} */
function isElementNode(node) {
  return node.nodeType === 1;
}
