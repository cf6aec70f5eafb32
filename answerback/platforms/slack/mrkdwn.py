"""Slack's own markup, as it arrives in a message's text: who is mentioned, and what a person would read."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"<([^<>]*)>")
_MENTION = re.compile(r"<@([A-Z0-9]{1,32})(?:\|[^<>]*)?>")
# ">" quotes a line, ">>>" all the rest: https://docs.slack.dev/messaging/formatting-message-text#quotes
_QUOTE = re.compile(r"^[ \t]*&gt;(?:&gt;&gt;.*\Z|(?-s:.*))", re.MULTILINE | re.DOTALL)
_ALARM = re.compile(r"<!(?!date\^)([^<>|]*)(?:\|([^<>]*))?>")
_LIVE = re.compile(r"(<[@#][A-Z0-9]{1,32}(?:\|[^<>]*)?>)")

MOST = 50


def mentions(text: str) -> tuple[str, ...]:
    """The ids of the users mentioned, each once, in order, lower case. What is quoted from others mentions nobody.

    A mention that somebody merely typed, in code say, arrives escaped and is none.
    """
    if "&gt;" in text:
        text = _QUOTE.sub("", text)
    return tuple(dict.fromkeys(user.lower() for user in _MENTION.findall(text)))[:MOST]


def plain(text: str) -> str:
    """The text with links as markdown, channels and groups by name, and escapes undone. `<@U…>` stays as it is.

    https://docs.slack.dev/messaging/formatting-message-text#retrieving-messages
    """
    if "<" in text:
        text = _TOKEN.sub(lambda found: _read(found[1]), text)
    # The ampersand last: "&amp;lt;" is how somebody who typed "&lt;" arrives.
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def calm(markdown: str) -> str:
    """A text of ours in which "<!channel>", "<!subteam^S012>" and their like are words, and wake nobody.

    https://docs.slack.dev/messaging/formatting-message-text#special-mentions
    """
    return _ALARM.sub(_quiet, markdown) if "<!" in markdown else markdown


def escaped(text: str) -> str:
    """A text for people as `text` takes it, where "&", "<" and ">" are Slack's own. Users and channels stay live.

    https://docs.slack.dev/messaging/formatting-message-text#escaping
    """
    kept = _LIVE.split(text)
    kept[::2] = [part.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for part in kept[::2]]
    return "".join(kept)


def _quiet(found: re.Match[str]) -> str:
    name, _, id = found[1].partition("^")
    return "@" + (found[2] or id or name).removeprefix("@")


def _read(token: str) -> str:
    target, _, label = token.partition("|")
    if target.startswith("@"):
        return f"<{target}>"
    if target.startswith("#"):
        return f"#{label}" if label else f"<{target}>"
    if target.startswith("!"):
        kind, _, id = target[1:].partition("^")
        name = label or (kind if target.startswith("!date") else id or kind)
        return name if target.startswith("!date") else f"@{name.removeprefix('@')}"
    bare = target.partition("://")[2] or target.removeprefix("mailto:").removeprefix("tel:")
    if not label or label.rstrip("/") in (target.rstrip("/"), bare.rstrip("/")):
        return label or target
    return f"[{label}]({target})"
