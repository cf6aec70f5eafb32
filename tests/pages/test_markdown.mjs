// Markdown as it is shown. tests/unit/test_pages_scripts.py runs the files of this folder.

import assert from "node:assert/strict";
import { test } from "node:test";
import { safeUrl } from "../../ingress/pages/markdown/inline.js";
import { renderMarkdown } from "../../ingress/pages/markdown/render.js";
import { install } from "./dom.mjs";

const place = install();

function shown(text, partial = false) {
  const into = place();
  renderMarkdown(into, text, partial);
  return into;
}
const html = (text, partial) => shown(text, partial).childNodes.map((node) => node.html).join("").replaceAll(/ (target|rel|tabindex)=[a-z0-9_]+( noopener)?( noreferrer nofollow)?/g, "");

test("what agents write is shown as they mean it", () => {
  const pairs = [
    ["a **b** *c* ***d*** `e` ~~f~~", "<p>a <strong>b</strong> <em>c</em> <em><strong>d</strong></em> <code>e</code> <del>f</del></p>"],
    ["one\ntwo\\\nthree<br>four", "<p>one<br></br>two<br></br>three<br></br>four</p>"],
    ["# A #\n## B\n###### C\nD\n===", "<h3>A</h3><h4>B</h4><h6>C</h6><h3>D</h3>"],
    ["- a\n  - b\n    1. c\n- d", "<ul><li><p>a</p><ul><li><p>b</p><ol><li><p>c</p></li></ol></li></ul></li><li><p>d</p></li></ul>"],
    ["3. a\n\n4. b", "<ol start=3><li><p>a</p></li><li><p>b</p></li></ol>"],
    ["- [x] a", "<ul><li><span class=task role=img aria-label=done>☑ </span><p>a</p></li></ul>"],
    ["```py\n<b> **x**\n```\nafter", "<pre><code data-language=py><b> **x**</code></pre><p>after</p>"],
    ["1. do\n   ```\n   x\n   ```\n2. go", "<ol><li><p>do</p><pre><code>x</code></pre></li><li><p>go</p></li></ol>"],
    ["> a\n> > b\nc", "<blockquote><p>a</p><blockquote><p>b<br></br>c</p></blockquote></blockquote>"],
    ["| a | b |\n|:--|--:|\n| 1\\|2 | *3* |", "<div class=table><table><thead><tr><th data-align=left scope=col>a</th><th data-align=right scope=col>b</th></tr></thead><tbody><tr><td data-align=left>1|2</td><td data-align=right><em>3</em></td></tr></tbody></table></div>"],
    ["a\n\n---\n\n    code", "<p>a</p><hr></hr><pre><code>code</code></pre>"],
    ["[a](https://b.c/d_e 'f') ![g](https://h.i/j.png)", "<p><a href=https://b.c/d_e>a</a> <a href=https://h.i/j.png>g</a></p>"],
    ["<https://a.b> <c@d.e> (https://f.g/h_(i)).", "<p><a href=https://a.b/>https://a.b</a> <a href=mailto:c@d.e>c@d.e</a> (<a href=https://f.g/h_(i)>https://f.g/h_(i)</a>).</p>"],
    ["snake_case_name 2 * 3 * 4 &lt; \\*5\\*", "<p>snake_case_name 2 * 3 * 4 < *5*</p>"],
    ["**重要：**请", "<p><strong>重要：</strong>请</p>"],
    ["costs $5 | $6 and\n2 - 1", "<p>costs $5 | $6 and<br></br>2 - 1</p>"],
    ["", ""],
  ];
  for (const [text, wanted] of pairs) assert.equal(html(text), wanted, text);
});

const TAGS = "p h3 h4 h5 h6 pre code hr blockquote ul ol li span div table thead tbody tr th td a strong em del br".split(" ");
const ATTRIBUTES = "href target rel tabindex class role aria-label data-language data-align scope start".split(" ");

function harmless(into, text) {
  for (const node of into.all) {
    if (node.nodeType === 3) continue;
    assert.ok(TAGS.includes(node.nodeName), `${node.nodeName} of ${text}`);
    for (const [name, value] of node.attributes) {
      assert.ok(ATTRIBUTES.includes(name), `${name} of ${text}`);
      if (name !== "href") continue;
      assert.match(value, /^(https?:\/\/|mailto:)/, text);
      assert.match(node.getAttribute("rel"), /noopener/);
    }
  }
}

test("nothing that a stranger writes becomes more than words and checked links", () => {
  const vectors = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[a](javascript:alert(1))", "[a](JaVaScRiPt:alert(1))",
    "[a](java\nscript:alert(1))", "[a](java\tscript:alert(1))", "[a](&#106;avascript:alert(1))", "[a](javascript&colon;alert(1))",
    "[a](\u0001javascript:alert(1))", "[a]( javascript:alert(1))", "[a](<javascript:alert(1)>)", "<javascript:alert(1)>",
    "[a](data:text/html;base64,PHNjcmlwdD4=)", "[a](vbscript:msgbox(1))", "[a](//evil.example)", "[a](/relative)",
    "![a](javascript:alert(1))", "![a](x\" onerror=\"alert(1))", "[a](https://b.c\" onclick=\"alert(1))", "<svg/onload=alert(1)>",
    "<a href=\"javascript:alert(1)\">x</a>", "[a](https://bank.example@evil.example)", "[a](https://x:y@evil.example)",
    "```\"><script>alert(1)</script>\nx\n```", "|<b>|\n|--|\n|<img src=x onerror=alert(1)>|", "[<img src=x onerror=alert(1)>](https://a.b)",
    "[a][b]\n\n[b]: javascript:alert(1)", "<mailto:a@b.c?subject=<script>>", "&lt;script&gt;alert(1)&lt;/script&gt;", "&#x3c;img src=x onerror=alert(1)&#x3e;",
    "[a](blob:https://b.c/d)", "[a](file:///etc/passwd)", "<https://a.b/<script>>", "https://a.b/\"onmouseover=alert(1)", "[a](https:alert(1))",
  ];
  for (const text of vectors) for (const partial of [false, true]) harmless(shown(text, partial), text);
  for (const text of ["javascript:alert(1)", " javascript:x", "//a.b", "/a", "", "https://", "https://a.b c", "https://u:p@a.b", "java\nscript:x", null, {}]) {
    assert.equal(safeUrl(text), null, String(text));
  }
  assert.equal(safeUrl(" HTTPS://A.b/c?d=e#f "), "https://a.b/c?d=e#f");
});

// A generator that gives the same texts each time.
function random(seed) {
  return () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
}

test("no word is lost, whatever marks stand around it", () => {
  const next = random(7);
  const pieces = ["a", "b", "*", "**", "_", "~~", ">", "> ", "#", "# ", "- ", "* ", "  ", "    ", "|", "|-|", "\n", "\n\n", "`", "[", "]", "(", ")", "!", "<", "\\"];
  for (let n = 0; n < 1000; n++) {
    const text = Array.from({ length: 30 }, () => pieces[Math.floor(next() * pieces.length)]).join("");
    const into = shown(text);
    harmless(into, text);
    // What follows the mark of a fence is no text of its code.
    if (!text.includes("~~~")) assert.equal(into.textContent.replace(/[^ab]/g, ""), text.replace(/[^ab]/g, ""), JSON.stringify(text));
    harmless(shown(text, true), text);
  }
});

const DOCUMENT = `## Your order **A-17**

Hello *Ada*, here is \`what\` [we know](https://shop.example/orders/17 "order"):

| Item | Price |
|------|------:|
| Oak **bench** | 240 € |
| Table | 310 € |

1. Pay at ~~once~~ [here](https://pay.example).
   - by card
   - or **bank transfer**
2. Wait.

\`\`\`sh
curl https://shop.example | sh
\`\`\`

> Thank you!
`;

test("a text that streams shows no raw marks, and ends as if it had come at once", () => {
  const into = place();
  let kept = null;
  for (let end = 1; end <= DOCUMENT.length; end++) {
    renderMarkdown(into, DOCUMENT.slice(0, end), true);
    const code = into.all.filter((node) => node.nodeName === "pre").map((node) => node.textContent).join("");
    const words = into.textContent.replace(code, "");
    assert.doesNotMatch(words, /\*|`|~~|\]\(|\||##|https:/, JSON.stringify(DOCUMENT.slice(0, end)));
    const heading = into.childNodes[0];
    if (end > 40) assert.ok(heading === (kept ??= heading), "what is complete stays the same node");
  }
  renderMarkdown(into, DOCUMENT);
  assert.equal(into.html, shown(DOCUMENT).html);
});

test("any text may come in any pieces", () => {
  const next = random(11);
  const pieces = ["a", " ", "*", "**", "_", "~~", "`", "```", "\n", "\n\n", "- ", "1. ", "> ", "# ", "|", "|-|", "[", "](", "https://a.b", ")", "<", "&amp;", "\\", "    "];
  for (let n = 0; n < 300; n++) {
    const into = place();
    let text = "";
    for (let m = 0; m < 25; m++) {
      text += pieces[Math.floor(next() * pieces.length)];
      renderMarkdown(into, text, true);
    }
    renderMarkdown(into, text);
    assert.equal(into.html, shown(text).html, JSON.stringify(text));
  }
});

test("a huge text with hostile nesting takes time in proportion to its length, and no stack", () => {
  const size = 50000;
  const repeated = ["*a ", "**a *b", "***a**", "*a_", "~~a", "_", "*a **b _c ~~d ", "[", "![", "[](", "[a](", "[a](b \"", "]", "<", "<http://", "http://", "&#", "!", "\\", "> ", ">", "- ", "1. ", "- a\n", "1.\n\n", "> a\n", "    a\n\n", "|", "a|b\n", "|\n", "#", "# #", "=", "`a", "``` `", "\n", " ", "\t", "*(", "[a](https://b.c)", "\n- a\n  - b", "x\n---\n"];
  const texts = repeated.map((each) => each.repeat(size / each.length));
  texts.push(`${"|".repeat(size)}\n${"|-".repeat(size)}|\n${"|\n".repeat(size)}`, `${"*".repeat(size)}a${"*".repeat(size)}`, `${"[".repeat(size)}${"[a](https://b.c)".repeat(size / 20)}`);
  texts.push(Array.from({ length: 2000 }, (_, n) => `${" ".repeat(n)}- a`).join("\n"), Array.from({ length: 400 }, (_, n) => "`".repeat(n + 1)).join(" "));
  texts.push(`http://${"(".repeat(size)}`, `http://a${")".repeat(size)}`, `- a\n${"\n".repeat(size)}- b`, `a\n${"=".repeat(size)}x`, `${"- ".repeat(size)}x`, `${"*(".repeat(size)}${")*".repeat(size)}`);
  texts.forEach((text, number) => shown(text, number % 2 === 0));
});
