"""Render Markdown with the marks of a dialect."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from answerback.platforms.dialects.marks import Marks

_DEEPEST = 60
"""Levels of nesting. The parser leaves out what is deeper: such a text is rendered as it is."""


@cache
def _parser() -> MarkdownIt:
    # HTML is text here: platforms that read HTML would otherwise interpret what a model was made to repeat.
    return MarkdownIt("commonmark", {"html": False, "maxNesting": _DEEPEST}).enable(["table", "strikethrough"])


def convert(markdown: str, marks: Marks) -> str:
    """Return Markdown in another dialect. What the dialect lacks becomes text: nothing that was written gets lost."""
    tokens = _parser().parse(markdown)
    if any(token.level >= _DEEPEST - 1 for token in tokens):
        return marks.escape(markdown)
    return _Renderer(marks).blocks(SyntaxTreeNode(tokens).children).strip("\n")


class _Renderer:
    def __init__(self, marks: Marks) -> None:
        self._marks = marks

    def blocks(self, nodes: Sequence[SyntaxTreeNode], *, tight: bool = False) -> str:
        """Render blocks, with an empty line between them unless a list is `tight`."""
        rendered = [text for node in nodes if (text := self._block(node)).strip()]
        return ("\n" if tight else "\n\n").join(rendered)

    def _block(self, node: SyntaxTreeNode) -> str:
        match node.type:
            case "heading":
                return self._marks.heading(self._inline(node.children))
            case "blockquote":
                return self._marks.quote(self.blocks(node.children))
            case "fence" | "code_block":
                language = node.info.split()[0] if node.info.strip() else ""
                return self._marks.block(node.content.rstrip("\n"), language)
            case "bullet_list" | "ordered_list":
                return self._list(node)
            case "table":
                return self._table(node)
            case "hr":
                return "———"
            case "html_block":
                return self._marks.escape(node.content.rstrip("\n"))
            case _:
                return self._inline(node.children)

    def _list(self, node: SyntaxTreeNode) -> str:
        first = int(node.attrs.get("start", 1))
        items = []
        for number, item in enumerate(node.children, first):
            lead = f"{number}. " if node.type == "ordered_list" else "• "
            # A tight list has its paragraphs hidden.
            tight = all(child.hidden for child in item.children if child.type == "paragraph")
            lines = self.blocks(item.children, tight=tight).split("\n")
            items.append(
                "\n".join([lead + lines[0], *(f"{' ' * len(lead)}{line}" if line else "" for line in lines[1:])])
            )
        return "\n".join(items)

    def _table(self, node: SyntaxTreeNode) -> str:
        """Render a table as aligned text: no dialect has tables, and code keeps the columns."""
        rows = [
            ["".join(_words(cell.children)) for cell in row.children] for part in node.children for row in part.children
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
        ]
        return self._marks.block("\n".join(lines), "")

    def _inline(self, nodes: Sequence[SyntaxTreeNode]) -> str:
        return "".join(self._span(node) for node in nodes)

    def _span(self, node: SyntaxTreeNode) -> str:
        marks = self._marks
        wrap: dict[str, Callable[[str], str]] = {"strong": marks.bold, "em": marks.italic, "s": marks.strike}
        match node.type:
            case "text" | "html_inline":
                return marks.escape(node.content)
            case "softbreak" | "hardbreak":
                return "\n"
            case "code_inline":
                return marks.code(node.content)
            case "link":
                return marks.link(self._inline(node.children), str(node.attrs.get("href", "")))
            case "image":
                return marks.link(marks.escape(node.content), str(node.attrs.get("src", "")))
            case kind if kind in wrap:
                return wrap[kind](self._inline(node.children))
            case _:
                return self._inline(node.children)


def _words(nodes: Sequence[SyntaxTreeNode]) -> Iterator[str]:
    """Yield the raw text of spans: in a block of code, marks would be shown."""
    for node in nodes:
        if node.type in ("text", "code_inline", "html_inline", "image"):
            yield node.content
        elif node.type in ("softbreak", "hardbreak"):
            yield " "
        else:
            yield from _words(node.children)
        if node.type == "link" and (url := str(node.attrs.get("href", ""))) != "".join(_words(node.children)):
            yield f" ({url})"
