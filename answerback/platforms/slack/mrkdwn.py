"""Read Slack's markup in a message's text: mentions, and the text as people see it."""

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
    """Return the ids of the mentioned users, each once, in order, lower case. Quotes do not count.

    A mention that was merely typed, for example in code, arrives escaped and does not count.
    """
    if "&gt;" in text:
        text = _QUOTE.sub("", text)
    return tuple(dict.fromkeys(user.lower() for user in _MENTION.findall(text)))[:MOST]


def plain(text: str) -> str:
    """Convert links to markdown and channels and groups to names, and undo escapes. `<@U…>` is kept.

    https://docs.slack.dev/messaging/formatting-message-text#retrieving-messages
    """
    if "<" in text:
        text = _TOKEN.sub(lambda match: _read(match[1]), text)
    # The ampersand comes last: "&amp;lt;" stands for a typed "&lt;".
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def calm(markdown: str) -> str:
    """Turn "<!channel>", "<!subteam^S012>" and the like in our own text into plain words that notify no one.

    https://docs.slack.dev/messaging/formatting-message-text#special-mentions
    """
    return _ALARM.sub(_quiet, markdown) if "<!" in markdown else markdown


def escaped(text: str) -> str:
    """Escape "&", "<" and ">" for `text`. Mentions of users and channels are kept.

    https://docs.slack.dev/messaging/formatting-message-text#escaping
    """
    kept = _LIVE.split(text)
    kept[::2] = [part.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for part in kept[::2]]
    return "".join(kept)


def _quiet(match: re.Match[str]) -> str:
    name, _, id = match[1].partition("^")
    return "@" + (match[2] or id or name).removeprefix("@")


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
