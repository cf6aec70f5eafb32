"""What a worker reads and writes for a thread: its claim, the steps of its turn, the turn's commit."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Literal

import msgspec

from answerback.attention import Attention, attention_of
from answerback.codec import encode
from answerback.events import Entry, Event
from answerback.messages import Message, TurnEnd
from answerback.replies import Reply, StreamedReply
from answerback.store.decode import streamed, work
from answerback.store.redis import Value
from answerback.store.stream.events import EncodedEvent

Release = Literal["failed", "handed back", "interrupted", "started over"]
"""How a worker releases a thread whose events it has not handled."""


class Lease(IntEnum):
    """The state of a lease: false if another worker may hold the thread."""

    LOST = 0
    HELD = 1
    CANCELLED = 2
    """Held, and the turn is to be cancelled."""
    GIVEN_UP = 3
    """Released by this worker itself."""


class Claim(msgspec.Struct):
    """A claimed thread: its lock, its waiting events and its state.

    Attributes:
        owner: The worker that claimed it; every write carries it and the `fence`.
        position: Number of the thread's events handled before the first of `entries`.
        waiting: Number of waiting events, including `entries`.
        until: Position of the first event that arrived after the claim.
        wanted: Name of the agent the thread is for; "" leaves the choice to the worker.
        system: Instructions for that agent.
        live: Whether the thread's stream events may be followed.
        shown: Whether the stored stream events end in the middle of a turn.
        cancelled: Whether the turn was cancelled before it was claimed.
        streak: Number of reactions to our replies without a pause (one by an account that the platform marks as a bot
            counts five times).
        looping: Whether a bot loop is assumed.
        attention: How attentive agents are in the thread.
        turns: Number of turns run under this claim.
        version: Version of the agents' code that wrote the journal; "" without a journal.
        streamed: What is shown of a reply of a turn that has not ended; None if nothing is.
        attempt: 1, or more if this event was claimed before.
        crashes: How many of those claims were never released: the worker died, or did not renew its lease.
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
    attention: Attention = "default"
    version: str = ""
    streamed: StreamedReply | None = None
    turns: int = 0

    @classmethod
    def read(cls, thread: str, owner: str, claimed: Sequence[Any]) -> Claim:
        """Decode a claim returned by the script `claim`. Its only entry is `Unreadable` if any of it is undecodable."""
        fence, position, attempt, crashes, agent, state, entries, history, journal, *more = claimed
        waiting, wanted, system, live, cancelled, streak, looping, attention, version, shown = more
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
            attention_of(attention.decode()),
            version.decode(),
            streamed(shown) if shown else None,
        )

    @property
    def events(self) -> list[Event]:
        """The events of all entries, oldest first."""
        if len(self.entries) == 1 and not self.entries[0].merged:
            return [self.entries[0].event]
        return [event for entry in self.entries for event in entry.events]

    @property
    def suspect(self) -> bool:
        """Whether its event is suspected of killing workers."""
        return self.crashes >= SUSPECT


SUSPECT = 2
"""Crashes after which a thread's event is suspected of killing workers."""


NO_LIMIT = 2**31


class Commit(msgspec.Struct, frozen=True):
    """A finished turn of a claim by `owner`.

    Attributes:
        position: Position of the turn's first event: `Claim.position` plus the events committed since. A delayed commit
            is rejected because of it.
        end: How the turn ended.
        replaced: Messages of the history that `messages` replace.
        loop: How much the turn adds to the streak; "open" if it was not answered because a bot loop is assumed.
        attention: The thread's attention if the turn changed it; "": it did not.
        patience: Continue with the thread's next events under the same lease while its streak is below this. 0: release
            the thread. The next claim sees the new streak.
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
    stream_events: Sequence[EncodedEvent] = ()
    end: TurnEnd | None = None
    replaced: Sequence[Message] = ()
    loop: int | Literal["", "open"] = ""
    patience: int = NO_LIMIT
    attention: Attention | Literal[""] = ""


class Step(msgspec.Struct, frozen=True):
    """A journal record and the replies it adds to the outbox. `owner` and `position` as in `Commit`.

    Attributes:
        concludes: Whether its replies are all that becomes of what was streamed.
    """

    thread: str
    fence: int
    owner: str
    position: int
    name: str
    record: bytes
    replies: Sequence[Reply] = ()
    concludes: bool = False


class StreamAppend(msgspec.Struct, frozen=True):
    """Stream events of a running turn. `owner` and `position` as in `Commit`."""

    thread: str
    fence: int
    owner: str
    position: int
    events: Sequence[EncodedEvent]


def encoded_replies(replies: Sequence[Reply]) -> list[Value]:
    """Return the keys and encoded replies, alternating, as scripts take them."""
    return [value for reply in replies for value in (reply.key, encode(reply))]


def flattened(events: Sequence[EncodedEvent]) -> list[Value]:
    """Return the kinds and the JSON of stream events, alternating, as scripts take them."""
    return [value for event in events for value in event]
