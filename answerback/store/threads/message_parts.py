"""The parts of a message: a long text is several replies, and each edit may add or delete some."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from answerback.outgoing import SHOWN_OPTIONS, ReplyContent, Select
from answerback.replies import Reply


def shown_parts(key: str, replies: Iterable[Reply]) -> list[Reply]:
    """Return those of a thread's replies that are the message with this key, in order, without those deleted."""
    found = list(replies)
    deleted = {each.content.target for each in found if each.kind == "delete" and each.content}
    parts = [each for each in found if _belongs(each, key) and (not each.message or each.message not in deleted)]
    return sorted(parts, key=lambda part: _position(part.key, key))


def divided_content(content: ReplyContent | None, *, first: bool, last: bool) -> ReplyContent | None:
    """Return the content of one of the parts into which a text is divided."""
    if content is None:
        return None
    # What is below a text is below its last part.
    actions = content.actions if last else ()
    if first:
        return msgspec.structs.replace(content, actions=actions)
    return ReplyContent(actions=actions) if actions else None


def kept_content(content: ReplyContent | None) -> ReplyContent | None:
    """Return what is kept of a settled reply: what an operator is shown, and what a later change needs to know."""
    if content is None:
        return None
    # What is searched is read from here.
    long = tuple(each for each in content.actions if isinstance(each, Select) and len(each.options) > SHOWN_OPTIONS)
    return msgspec.structs.replace(content, comments=(), actions=long, summary="")


def _belongs(reply: Reply, key: str) -> bool:
    if reply.key == key or reply.key.startswith(f"{key}."):
        return True
    # A message that an edit has added.
    return reply.kind == "message" and reply.content is not None and reply.content.target == key


def _position(part: str, key: str) -> tuple[tuple[int, int], ...]:
    """Return where a part belongs: "<key>.<part>", "<key>.<attempts>-<number>", "<turn>.edit<n>.<part>"."""
    if part == key:
        return ()
    if not part.startswith(f"{key}."):
        _, edit, *numbers = part.split(".")
        return ((1, int(edit.removeprefix("edit"))), *((0, int(number)) for number in numbers if number.isdecimal()))
    pairs = []
    for each in part.removeprefix(f"{key}.").split("."):
        attempts, _, number = each.rpartition("-")
        # What was divided again was in front.
        pairs.append((-int(attempts), int(number)) if attempts else (0, int(number)))
    return tuple(pairs)
