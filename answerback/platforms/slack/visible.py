"""Extract the visible text of a Slack message: from its text, blocks, attachments and files.

Alerts often have all content in `attachments`, apps in `blocks` (with `text` for notifications), and a file may come
without text.
https://docs.slack.dev/reference/block-kit/blocks, https://docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from answerback.platforms.slack.mrkdwn import mentions, plain

LONGEST = 20_000
"""Maximum length of everything beside the text, in characters."""
MOST = 100
"""Maximum number of attachments, and of files, that are read."""
_DEEPEST = 16

_STAND_INS = {"This content can't be displayed."}
"""Texts that Slack puts in place of blocks that a client cannot show."""
# Not visible until opened: the options of a menu, a confirmation dialog.
_HIDDEN = {"options", "option_groups", "confirm", "filter", "icon", "style", "metadata"}
_WORDS = {"text", "title", "subtitle", "description", "alt_text", "label", "fallback", "body", "value"}


class Visible(NamedTuple):
    """The text of a message as markdown, and the ids of the users that it mentions, lower case."""

    text: str
    mentions: tuple[str, ...]


class _Kind(msgspec.Struct):
    type: str = ""


_kinds = msgspec.json.Decoder(list[_Kind])
_anything = msgspec.json.Decoder(list[Any])


def visible(text: str, blocks: msgspec.Raw, attachments: msgspec.Raw, files: msgspec.Raw) -> Visible:
    """Return the visible text of a message. Unreadable parts are left out.

    Mentions in attachments do not count, since they quote other messages: Slack does not notify anyone of them either.
    """
    typed, others = "" if text in _STAND_INS else plain(text), list[str]()
    mentioned = dict.fromkeys(mentions(text))
    if not _only_typed(blocks, text):
        reader = _Reader()
        others.append(reader.lines(_list(blocks)))
        mentioned |= dict.fromkeys(reader.mentioned)
    others += [_attachment(each) for each in _list(attachments)[:MOST] if isinstance(each, dict)]
    others += [_file(each) for each in _list(files)[:MOST] if isinstance(each, dict)]
    return Visible("\n\n".join(_once(typed, others)), tuple(mentioned))


def _once(typed: str, others: list[str]) -> list[str]:
    """Return the parts, up to `LONGEST` characters beside the typed text, without those contained in another part."""
    parts, room = [(typed, _bare(typed))] if typed.strip() else [], LONGEST
    for other in others:
        part = other[:room]
        bare = _bare(part)
        if bare and not any(bare in earlier for _, earlier in parts):
            # `text` is often a short form of the blocks.
            parts = [(text, earlier) for text, earlier in parts if earlier not in bare]
            parts.append((part, bare))
            room -= len(part)
    return [part for part, _ in parts]


def _only_typed(blocks: msgspec.Raw, text: str) -> bool:
    """Return whether the blocks contain only typed text, which is also in `text`."""
    if not text.strip() or text in _STAND_INS:
        return False
    try:
        return all(block.type == "rich_text" for block in _kinds.decode(blocks))
    except (msgspec.MsgspecError, RecursionError):
        return bytes(blocks) == b"null"


def _list(raw: msgspec.Raw) -> list[Any]:
    try:
        return _anything.decode(raw)
    except (msgspec.MsgspecError, RecursionError):
        return []


def _bare(text: str) -> str:
    """Return only the words, each between two spaces, to compare texts with different markup; "" without any.

    Whole words: "hi" is not contained in "history".
    """
    words = "".join(char if char.isalnum() else " " for char in text).casefold().split()
    return f" {' '.join(words)} " if words else ""


class _Reader:
    """Extracts the text of blocks, and collects mentions outside quotes."""

    def __init__(self) -> None:
        self.mentioned: list[str] = []

    def lines(self, nodes: Any, depth: int = 0, between: str = "\n") -> str:
        """Return the text of a list of blocks, elements or fields."""
        if not isinstance(nodes, list) or depth > _DEEPEST:
            return ""
        return between.join(filter(str.strip, (self.words(node, depth + 1) for node in nodes)))

    def words(self, node: Any, depth: int) -> str:
        """Return the text of one block, element or field."""
        if isinstance(node, list):
            return self.lines(node, depth, " | ")  # a row of a table
        if not isinstance(node, dict) or depth > _DEEPEST:
            return ""
        kind, text = node.get("type"), _text(node, "text")
        match kind:
            case "mrkdwn":
                self.mentioned += mentions(text)
                return plain(text)
            case "plain_text" | "raw_text" | "markdown" | "text":
                return text or self.words(node.get("text"), depth + 1)
            case "user":
                self.mentioned.append(_text(node, "user_id").lower())
                return f"<@{_text(node, 'user_id')}>"
            case "rich_text_section" | "context":
                return self.lines(node.get("elements"), depth, "" if kind == "rich_text_section" else " ")
            case "rich_text_list":
                return self._items(node, depth)
            case "rich_text_preformatted":
                return f"```\n{self.lines(node.get('elements'), depth, '')}\n```"
            case "rich_text_quote":
                before = len(self.mentioned)
                quoted = self.lines(node.get("elements"), depth, "")
                del self.mentioned[before:]
                return _quoted(quoted)
            case "image":
                title = self.words(node.get("title"), depth + 1) or _text(node, "alt_text")
                return f"[image: {title}]" if title else "[image]"
            case _ if isinstance(kind, str) and (inline := _inline(kind, node, text)):
                return inline
        return self._any(node, depth)

    def _any(self, node: dict[str, Any], depth: int) -> str:
        """Return the text of a block of any kind, including kinds that are unknown here."""
        texts = []
        for key, value in node.items():
            if isinstance(value, str):
                # The value of an element with its own text, such as a button or an option, is for its app.
                texts.append(plain(value) if key in _WORDS and (key != "value" or "text" not in node) else "")
            elif key in ("rows", "elements", "fields", "columns") or (isinstance(value, list) and key not in _HIDDEN):
                texts.append(self.lines(value, depth))
            elif key not in _HIDDEN:
                texts.append(self.words(value, depth + 1))
        return "\n".join(filter(str.strip, texts))

    def _items(self, node: dict[str, Any], depth: int) -> str:
        elements, indent = node.get("elements"), node.get("indent")
        margin = "  " * min(indent, 8) if isinstance(indent, int) and indent > 0 else ""
        ordered, offset = node.get("style") == "ordered", node.get("offset")
        first = offset + 1 if isinstance(offset, int) and 0 < offset < 10**6 else 1
        return "\n".join(
            f"{margin}{f'{number}.' if ordered else '-'} {self.words(item, depth + 1)}"
            for number, item in enumerate(elements if isinstance(elements, list) else [], first)
        )


def _inline(kind: str, node: dict[str, Any], text: str) -> str:
    """Return the text of an element within a line; "" if it is none: https://docs.slack.dev/reference/block-kit/blocks/rich-text-block#element-types"""
    match kind:
        case "link" | "button":
            url = _text(node, "url")
            label = text or (_text(node["text"], "text") if isinstance(node.get("text"), dict) else "")
            return f"[{label}]({url})" if label and url else label or url
        case "channel":
            return f"<#{_text(node, 'channel_id')}>"
        case "usergroup":
            return f"@{_text(node, 'usergroup_id')}"
        case "broadcast":
            return f"@{_text(node, 'range')}"
        case "emoji":
            return f":{_text(node, 'name')}:"
        case "color":
            return _text(node, "value")
        case "date":
            return _text(node, "fallback")
    return ""


def _attachment(node: dict[str, Any]) -> str:
    shared = node.get("is_share") is True
    if not shared and any(_text(node, key) for key in ("from_url", "original_url", "app_unfurl_url")):
        return ""  # a link preview, not written by the author
    title, link = _text(node, "title"), _text(node, "title_link")
    reader = _Reader()
    texts = [
        plain(_text(node, "pretext")),
        plain(_text(node, "author_name")),
        f"[{plain(title)}]({link})" if title and link else plain(title),
        plain(_text(node, "text")),
        *(_field(field) for field in _nodes(node, "fields")),
        reader.lines(node.get("blocks")),
        *(_text(action, "text") for action in _nodes(node, "actions")),
        *(_file(file) for file in _nodes(node, "files")),
        plain(_text(node, "footer")),
    ]
    words = "\n".join(filter(str.strip, texts)) or plain(_text(node, "fallback"))
    return _quoted(words) if shared else words


def _field(node: dict[str, Any]) -> str:
    title, value = plain(_text(node, "title")), plain(_text(node, "value"))
    return f"{title}: {value}" if title and value else title or value


def _file(node: dict[str, Any]) -> str:
    """Return a file's name and visible preview: https://docs.slack.dev/reference/objects/file-object"""
    name, kind = _text(node, "title") or _text(node, "name"), _text(node, "mimetype")
    if not name and not kind:
        return "[file]"
    transcription = node.get("transcription")
    preview = transcription.get("preview") if isinstance(transcription, dict) else None
    words = (
        _text(preview, "content") if isinstance(preview, dict) else _text(node, "plain_text") or _text(node, "preview")
    )
    head = f"[file: {name or 'unnamed'} ({kind})]" if kind else f"[file: {name}]"
    return "\n".join(filter(None, (head, _text(node, "alt_txt"), words)))


def _nodes(node: dict[str, Any], key: str) -> list[dict[str, Any]]:
    nodes = node.get(key)
    return [each for each in nodes if isinstance(each, dict)] if isinstance(nodes, list) else []


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.splitlines())


def _text(node: dict[str, Any], key: str) -> str:
    text = node.get(key)
    return text if isinstance(text, str) else ""
