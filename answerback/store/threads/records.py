"""What a worker holds and writes of a thread: the claim it got, a step of its turn, the turn's commit."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Literal

import msgspec

from answerback.messages import Entry, Event, Message, Reply, TurnEnd
from answerback.store.decode import work
from answerback.store.redis import Value

_encode = msgspec.msgpack.Encoder().encode


StreamEvent = tuple[str, bytes]
"""A delta as a worker writes it: its kind and its JSON."""


Release = Literal["failed", "handed back", "interrupted"]
"""How a worker gives a thread up that it has not answered."""


class Lease(IntEnum):
    """How a lease stands: false when another worker may have the thread."""

    LOST = 0
    HELD = 1
    CANCELLED = 2
    """Held, and somebody wants the turn ended."""
    GIVEN_UP = 3
    """By ourselves: whoever did it has the answer already, or it is on its way."""


class Claim(msgspec.Struct):
    """A thread in our hands: its lock, the events that wait, and what is known of it.

    owner     who claimed it: with `fence`, what each write names
    position  how many of the thread's events were done with before the first of `entries`
    waiting   how many events wait in the thread, `entries` among them
    until     where the first event stands that arrived after the claim
    wanted    name of the agent the thread is for; "" leaves the choice to the worker. `system`: what it is told
    live      whether somebody may follow the thread's deltas; `shown`: whether those end in the middle of a turn
    cancelled whether the turn was cancelled before it was claimed
    streak    how often somebody reacted to our replies without a pause (a program, that the platform calls so, counts
              five times); `looping`: whether it was taken for a loop of programs. `turns`: how many we ran here
    attempt   1, or more when this event was claimed before; `crashes` of those claims were never given
              up: their worker died, or was away for longer than its lease
    """

    thread: str
    fence: int
    owner: str
    position: int
    attempt: int
    crashes: int
    agent: str
    state: bytes
    entries: list[Entry]
    history: list[Message]
    journal: dict[str, bytes]
    waiting: int = 1
    wanted: str = ""
    system: str = ""
    live: bool = False
    shown: bool = False
    cancelled: bool = False
    until: int = 0
    streak: int = 0
    looping: bool = False
    turns: int = 0

    @classmethod
    def read(cls, thread: str, owner: str, found: Sequence[Any]) -> Claim:
        """A claim as the script `claim` gives it. Its only entry is `Unreadable` where any of it cannot be decoded."""
        fence, position, attempt, crashes, agent, state, entries, history, journal, *more = found
        waiting, wanted, system, live, cancelled, streak, looping = more
        steps = {name.decode(): record for name, record in zip(journal[::2], journal[1::2], strict=True)}
        found_entries, messages = work(entries, history, thread)
        return cls(
            thread,
            fence,
            owner,
            position,
            attempt,
            crashes,
            agent.decode(),
            state,
            found_entries,
            messages,
            steps,
            waiting,
            wanted.decode(),
            system.decode(),
            live > 0,
            live == 2,
            bool(cancelled),
            position + waiting,
            streak,
            bool(looping),
        )

    @property
    def events(self) -> list[Event]:
        """The events of all entries, oldest first."""
        if len(self.entries) == 1 and not self.entries[0].merged:
            return [self.entries[0].event]
        return [event for entry in self.entries for event in entry.events]

    @property
    def suspect(self) -> bool:
        """Whether its event may be what kills its workers."""
        return self.crashes >= SUSPECT


SUSPECT = 2
"""Crashes after which a thread's event is suspected to be what kills its workers."""


NO_LIMIT = 2**31


class Commit(msgspec.Struct, frozen=True):
    """A finished turn of a claim by `owner`. `more` asks to go on with the thread's next events under the same lease.

    position  where the turn's first event stands: `Claim.position` and what was committed since. A
              commit that was long on its way is refused by it.
    end       how the turn ended
    replaced  messages of the history whose place `messages` take
    loop      how much more the turn counts towards a loop of programs; "open" when nobody was answered because of one
    patience  the thread's `Claim.streak` at which it is given up all the same, so that its next claim sees that
    """

    thread: str
    fence: int
    owner: str
    position: int
    turn: str
    handled: int
    messages: Sequence[Message] = ()
    replies: Sequence[Reply] = ()
    agent: str = ""
    state: bytes = b""
    more: bool = True
    deltas: Sequence[StreamEvent] = ()
    end: TurnEnd | None = None
    replaced: Sequence[Message] = ()
    loop: int | Literal["", "open"] = ""
    patience: int = NO_LIMIT


class Step(msgspec.Struct, frozen=True):
    """A journal entry, and the replies that it puts into the outbox. `owner` and `position` as in `Commit`."""

    thread: str
    fence: int
    owner: str
    position: int
    name: str
    record: bytes
    replies: Sequence[Reply] = ()


class StreamAppend(msgspec.Struct, frozen=True):
    """What a running turn produced, for those who follow its thread. `owner` and `position` as in `Commit`."""

    thread: str
    fence: int
    owner: str
    position: int
    deltas: Sequence[StreamEvent]


def end_words(end: TurnEnd | None, replaced: Sequence[Message], messages: Sequence[Message]) -> list[Value]:
    """How a turn ended and what is left of it in the history, as the scripts take it."""
    return [
        _encode(end) if end else b"",
        len(replaced), *map(_encode, replaced),
        len(messages), *map(_encode, messages),
    ]  # fmt: skip


def reply_words(of: Step | Commit) -> list[Value]:
    """Replies as the scripts take them."""
    args: list[Value] = [len(of.replies)]
    for reply in of.replies:
        args += (reply.key, _encode(reply))
    return args


def delta_words(deltas: Sequence[StreamEvent]) -> list[Value]:
    """Deltas as the scripts take them."""
    return [word for delta in deltas for word in delta]
