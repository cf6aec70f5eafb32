"""Merge what a platform's history has of a thread with what was overheard there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from answerback.events import dispatch_id
from answerback.messages import Gap, Message
from answerback.platforms import Spoken

TEXT = 10_000
"""Maximum length of a message that is kept, in characters."""
TEXTS = 200_000
"""Maximum length of all messages that are read at once."""

LATER = "(Messages are missing here. They have not been read yet.)"
NEVER = "(Messages are missing here.)"


class Backfilled(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was read from a platform's history, oldest first, and what is missing before or after it."""

    messages: tuple[Spoken, ...] = ()
    gap: Gap | None = None


class BackfillMerge(NamedTuple):
    """How the thread's history changes: `messages` replace its last ones, `replaced`."""

    replaced: Sequence[Message] = ()
    messages: Sequence[Message] = ()


NO_BACKFILL = BackfillMerge()


def newest(messages: Sequence[Spoken], limit: int, gap: Gap | None, room: int = TEXTS) -> Backfilled:
    """Return what is kept of all messages that were read: the first and the newest ones.

    Those are `limit` messages, and `room` characters of text at most.
    """
    short = [one if len(one.text) <= TEXT else _cut(one) for one in messages]
    kept: list[Spoken] = []
    room -= sum(len(one.text) for one in short[:1])
    for one in reversed(short[1:]):
        room -= len(one.text)
        if len(kept) + 1 >= limit or room < 0:
            # What an agent wants less than all of begins with what it is about.
            gap = gap or Gap(after=short[0].message, final=True)
            break
        kept.append(one)
    return Backfilled((*short[:1], *reversed(kept)), gap)


def _cut(one: Spoken) -> Spoken:
    return msgspec.structs.replace(one, text=f"{one.text[: TEXT - 1]}…")


def merge(history: Sequence[Message], read: Backfilled, is_own: Callable[[Spoken], bool]) -> BackfillMerge:
    """Return how a thread's history changes by what was read.

    Messages are in the order of their times; those that the history has already, by their ids, stay as they are. What
    was read replaces the line of an earlier gap.
    """
    read_already = {message.message for message in history if message.message}
    read_already |= {message.id for message in history} | {message.reply for message in history if message.reply}
    fresh = [
        ((one.at, number), _message(one, own=is_own(one)))
        for number, one in enumerate(read.messages)
        if one.text.strip()
        and read_already.isdisjoint({one.message, one.reply if is_own(one) else one.message, _id(one)})
    ]
    others = [message for message in history if message.gap is None or message.gap.final]
    follows = any(message.gap is not None and message.gap.after for message in history)
    # What the history has may be listed, too: then it stands as in the list. Our own time is that of the commit, by
    # another clock.
    listed = {
        id: (one.at, number)
        for number, one in enumerate(read.messages)
        if one.at
        for id in _ids(one, own=is_own(one))
        if id
    }
    merged = _in_order(others, fresh, listed, follows=follows)
    if read.gap is not None:
        merged.insert(_place(read, merged), _line(read.gap))
    same = 0
    while same < min(len(history), len(merged)) and history[same] == merged[same]:
        same += 1
    return BackfillMerge(history[same:], merged[same:])


_Position = tuple[int, int]
"""The time of a message by the platform's clock, ms, and its place in what was read: there may be several in one ms."""


def _in_order(
    history: Sequence[Message],
    fresh: Sequence[tuple[_Position, Message]],
    listed: Mapping[str, _Position],
    *,
    follows: bool,
) -> list[Message]:
    """Return all messages in order. `follows`: whether a fresh one comes after one of the same time that is not listed.

    `listed`: where what the history has was read, too, by any id of a message.
    """
    merged: list[Message] = []
    waiting = sorted(fresh, key=lambda each: each[0])[::-1]
    for message in history:
        ids = (message.message, message.id, message.reply)
        position = next((listed[id] for id in ids if id in listed), (message.at + (not follows), -1))
        while waiting and waiting[-1][0] < position:
            merged.append(waiting.pop()[1])
        merged.append(message)
    return [*merged, *(each for _, each in reversed(waiting))]


def _place(read: Backfilled, merged: Sequence[Message]) -> int:
    """Return where the line of the gap belongs."""
    assert read.gap is not None
    after, first = read.gap.after, read.messages[0].message if read.messages else ""
    for number, message in enumerate(merged):
        if message.message and message.message == (after or first):
            return number + 1 if after else number
    return 0


def _ids(one: Spoken, *, own: bool) -> Sequence[str]:
    return (one.message, _id(one), one.reply if own else "")


def _id(one: Spoken) -> str:
    return dispatch_id(one.delivery or f"history:{one.message}")


def _message(one: Spoken, *, own: bool) -> Message:
    id = _id(one)
    return Message(
        role="assistant" if own else "user",
        text=one.text,
        id=id,
        at=one.at,
        turn=id,
        author=None if own else one.author,
        message=one.message,
        reply=one.reply if own else "",
        attachments=one.attachments,
        backfilled=True,
    )


def _line(gap: Gap) -> Message:
    return Message(role="user", text=NEVER if gap.final else LATER, backfilled=True, gap=gap)
