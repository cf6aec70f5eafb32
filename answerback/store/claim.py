"""What a worker holds and writes of a thread: the claim it got, a step of its turn, the turn's commit."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from answerback.messages import Entry, Message, Reply


class Claim(msgspec.Struct):
    """A thread in our hands: its lock, the events that wait, and what is known of it.

    position  how many of the thread's events were done with before the first of `entries`
    """

    thread: str
    fence: int
    attempt: int
    agent: str
    state: bytes
    entries: list[Entry]
    history: list[Message]
    journal: dict[str, bytes]
    position: int = 0


class Commit(msgspec.Struct, frozen=True):
    """A finished turn. `more` asks to go on with the thread's next events under the same lease.

    position  where the turn's first event stands: `Claim.position` and what was committed since. A
              commit that was long on its way is refused by it; None is not checked.
    """

    thread: str
    fence: int
    turn: str
    handled: int
    messages: Sequence[Message] = ()
    replies: Sequence[Reply] = ()
    agent: str = ""
    state: bytes = b""
    more: bool = True
    position: int | None = None


class Step(msgspec.Struct, frozen=True):
    """A journal entry, and the replies that it puts into the outbox. `position` as in `Commit`."""

    thread: str
    fence: int
    name: str
    record: bytes
    replies: Sequence[Reply] = ()
    position: int | None = None
