"""Formatting as Telegram reads it: HTML into a text with entities, mentions and commands of a person's text.

https://core.telegram.org/bots/api#html-style
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

from answerback.testing.standins.values import Json

_KINDS = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "s": "strikethrough",
    "strike": "strikethrough", "del": "strikethrough", "code": "code", "pre": "pre", "a": "text_link",
    "blockquote": "blockquote", "tg-spoiler": "spoiler",
}  # fmt: skip
_SAID = re.compile(r"(?<!\w)(@[A-Za-z0-9_]{3,32}|/[a-z0-9_]{1,32}(?:@[A-Za-z0-9_]{3,32})?)")


class Unparsable(Exception):
    """What Telegram says of formatting that it does not take."""


def units(text: str) -> int:
    """Return the length of a text in UTF-16 units."""
    return len(text.encode("utf-16-le", errors="surrogatepass")) // 2


def spoken(text: str) -> list[Json]:
    """Return the mentions and commands in a text."""
    return [
        {
            "type": "mention" if found[0].startswith("@") else "bot_command",
            "offset": units(text[: found.start()]),
            "length": units(found[0]),
        }
        for found in _SAID.finditer(text)
    ]


def parsed(html: str) -> tuple[str, list[Json]]:
    """Return the text and the entities of HTML. Raises `Unparsable`."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    if reader.open:
        raise Unparsable(
            f"can't parse entities: Can't find end tag corresponding to start tag \"{reader.open[-1][0]}\""
        )
    text = reader.text.strip("\n")
    return text, reader.entities


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.entities: list[Json] = []
        self.open: list[tuple[str, Json]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _KINDS:
            raise Unparsable(f'can\'t parse entities: Unsupported start tag "{tag}" at byte offset {len(self.text)}')
        if tag == "blockquote" and any(name == "blockquote" for name, _ in self.open):
            raise Unparsable("can't parse entities: Blockquote can't be nested")
        entity: Json = {"type": _KINDS[tag], "offset": units(self.text)}
        if tag == "a":
            entity["url"] = dict(attrs).get("href") or ""
        self.open.append((tag, entity))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1][0] != tag:
            raise Unparsable(f'can\'t parse entities: Unmatched end tag at byte offset {len(self.text)}, "{tag}"')
        _, entity = self.open.pop()
        entity["length"] = units(self.text) - entity["offset"]
        if entity["length"]:
            self.entities.append(entity)

    def handle_data(self, data: str) -> None:
        self.text += data
