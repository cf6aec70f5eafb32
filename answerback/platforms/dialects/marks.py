"""How each dialect renders what Markdown can say."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import NamedTuple


class Marks(NamedTuple):
    """A dialect. Each function is given text that is rendered already, and returns what stands for the element.

    Attributes:
        escape: Returns plain text such that nothing in it is read as a mark.
        bold, italic, strike: Emphasis.
        heading: A heading, without its level: few dialects have several.
        code: Code in a line; given the raw text.
        block: A block of code; given the raw text and the language.
        link: A link; given its text and its raw URL.
        quote: A quotation of several lines.
    """

    escape: Callable[[str], str]
    bold: Callable[[str], str]
    italic: Callable[[str], str]
    strike: Callable[[str], str]
    heading: Callable[[str], str]
    code: Callable[[str], str]
    block: Callable[[str, str], str]
    link: Callable[[str, str], str]
    quote: Callable[[str], str]


def _around(mark: str) -> Callable[[str], str]:
    """Return a function that puts a mark around a text, line by line: none of these dialects lets it cross lines."""

    def mark_lines(text: str) -> str:
        return "\n".join(_marked(line, mark) for line in text.split("\n"))

    return mark_lines


def _marked(line: str, mark: str) -> str:
    inner = line.strip()
    if not inner:
        return line
    before, _, after = line.partition(inner)
    return f"{before}{mark}{inner}{mark}{after}"


def _tag(name: str) -> Callable[[str], str]:
    return lambda text: f"<{name}>{text}</{name}>"


def _attribute(text: str) -> str:
    return html.escape(text, quote=True)


def _text(text: str) -> str:
    return html.escape(text, quote=False)


def _html_block(code: str, language: str) -> str:
    if not language:
        return f"<pre>{_text(code)}</pre>"
    return f'<pre><code class="language-{_attribute(language)}">{_text(code)}</code></pre>'


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.split("\n"))


def _link(text: str, url: str) -> str:
    return url if text in (url, "") or url == f"mailto:{text}" else f"{text} ({url})"


def _unchanged(text: str) -> str:
    return text


_JOINER = "\u2060"
"""A word joiner: it has no width. Beside it, a mark is one no longer."""

_MARK = re.compile(r"(?<!\w)([*_~])(?=\S)|(?<=\S)([*_~])(?!\w)|(`)")
"""A character that would begin or end emphasis or code: at the edge of a word."""


def _apart(text: str) -> str:
    return _MARK.sub(lambda found: f"{_JOINER}{found[0]}{_JOINER}", text)


def _html_quote(text: str) -> str:
    # A quotation in a quotation is an error there. The text itself has no tags: it is escaped.
    inner = text.replace("<blockquote>", "").replace("</blockquote>", "")
    return f"<blockquote>{inner}</blockquote>"


HTML = Marks(
    escape=_text,
    bold=_tag("b"),
    italic=_tag("i"),
    strike=_tag("s"),
    heading=_tag("b"),
    code=lambda text: f"<code>{_text(text)}</code>",
    block=_html_block,
    link=lambda text, url: f'<a href="{_attribute(url)}">{text or _text(url)}</a>',
    quote=_html_quote,
)
"""The HTML of chat platforms such as Telegram: https://core.telegram.org/bots/api#html-style"""

WHATSAPP = Marks(
    escape=_apart,
    bold=_around("*"),
    italic=_around("_"),
    strike=_around("~"),
    heading=_around("*"),
    code=lambda text: f"`{text}`" if "`" not in text else text,
    block=lambda code, language: f"```{code}```" if "```" not in code else code,
    link=_link,
    quote=_quoted,
)
"""WhatsApp's marks: https://faq.whatsapp.com/539178204879377"""

PLAIN = Marks(
    escape=_unchanged,
    bold=_unchanged,
    italic=_unchanged,
    strike=_unchanged,
    heading=_unchanged,
    code=_unchanged,
    block=lambda code, language: code,
    link=_link,
    quote=_quoted,
)
"""Text without marks, as in SMS."""
