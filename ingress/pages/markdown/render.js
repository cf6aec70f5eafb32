// Render Markdown as DOM nodes: a fixed list of elements, text nodes and checked links. HTML is never parsed.

import { parseMarkdown } from "./blocks.js";
import { inlineTokens } from "./inline.js";

const DEEPEST_INLINE = 16; // nested emphasis; deeper markers are left out, their text is kept

const rendered = new WeakMap(); // place → the source of each of its blocks

// Show `text` in `place`. Call it again as the text grows: unchanged blocks keep their nodes, and changed ones are updated
// in place. With `partial`, more text will follow.
export function renderMarkdown(place, text, partial = false) {
  const blocks = parseMarkdown(text, partial);
  const before = rendered.get(place);
  if (!before) place.textContent = "";
  const after = blocks.map((block) => `${block.type}${block.open ? "…" : ""}${block.source}`);
  blocks.forEach((block, number) => {
    if (before && before[number] === after[number]) return;
    const old = place.childNodes[number];
    if (old) morph(old, blockNode(block));
    else place.appendChild(blockNode(block));
  });
  while (place.childNodes.length > blocks.length) place.removeChild(place.lastChild);
  rendered.set(place, after);
}

function node(name, attributes, children = []) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined && value !== "") made.setAttribute(key, value);
  for (const child of children) made.appendChild(typeof child === "string" ? document.createTextNode(child) : child);
  return made;
}

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

function itemNode({ task, blocks }) {
  const box = task === null ? [] : [node("span", { class: "task", role: "img", "aria-label": task ? "done" : "open" }, [task ? "☑ " : "☐ "])];
  return node("li", {}, [...box, ...blocks.map(blockNode)]);
}

function tableNode({ align, head, rows, open }) {
  const last = rows.length ? rows[rows.length - 1] : head;
  const cells = (row, name) =>
    row.map((text, number) =>
      node(name, { "data-align": align[number], scope: name === "th" ? "col" : "" }, inlineNodes(text, open && row === last && number === row.length - 1)),
    );
  const top = node("thead", {}, [node("tr", {}, cells(head, "th"))]);
  const body = node("tbody", {}, rows.map((row) => node("tr", {}, cells(row, "td"))));
  return node("div", { class: "table", tabindex: "0" }, [node("table", {}, [top, body])]);
}

function inlineNodes(text, open) {
  const top = [];
  const stack = [{ made: null, tag: "", add: (child) => top.push(child) }];
  const skipped = []; // opened and not shown: too deep, or a link in a link
  for (const token of inlineTokens(text, open)) {
    const here = stack[stack.length - 1];
    if (typeof token === "string") here.add(document.createTextNode(token));
    else if (token.code !== undefined) here.add(node("code", {}, [token.code]));
    else if (token.br) here.add(node("br", {}));
    else if (token.open) {
      const linked = token.open === "a" && stack.some(({ tag }) => tag === "a");
      if (linked || stack.length > DEEPEST_INLINE || skipped.length) {
        skipped.push(token.open);
        continue;
      }
      const link = token.open === "a" ? { href: token.href, target: "_blank", rel: "noopener noreferrer nofollow" } : {};
      const made = node(token.open, link);
      here.add(made);
      stack.push({ made, tag: token.open, add: (child) => made.appendChild(child) });
    } else if (skipped.length) skipped.pop();
    else if (stack.length > 1) stack.pop();
  }
  return top;
}

// Make one node equal to another with the fewest changes, so that selection and scrolling survive.
function morph(old, wanted) {
  if (old.nodeName !== wanted.nodeName || !sameAttributes(old, wanted)) {
    old.parentNode.replaceChild(wanted, old);
    return;
  }
  if (old.nodeType === 3) {
    if (old.data !== wanted.data) old.data = wanted.data;
    return;
  }
  morphChildren(old, wanted);
}

// Update the children of `old` to equal those of `wanted`.
export function morphChildren(old, wanted) {
  const children = Array.from(wanted.childNodes);
  children.forEach((child, number) => {
    const known = old.childNodes[number];
    if (known) morph(known, child);
    else old.appendChild(child);
  });
  while (old.childNodes.length > children.length) old.removeChild(old.lastChild);
}

function sameAttributes(one, other) {
  if (one.nodeType !== 1) return true;
  // The user decides whether details are open.
  const names = one.getAttributeNames().filter((name) => name !== "open");
  return names.length === other.getAttributeNames().length && names.every((name) => one.getAttribute(name) === other.getAttribute(name));
}
