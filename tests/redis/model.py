"""What the store promises, in memory and in few words: the model that the real one is compared with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from answerback.store.threads.outbox import Outgoing
from answerback.store.threads.records import Claim, Lease

THREADS = ("github:1:0", "github:1:1", "slack:T:C:2")
EVENTS = 12


def thread_of(number: int) -> str:
    """The thread of an event."""
    return THREADS[number % len(THREADS)]


@dataclass
class Waiting:
    """An event in an inbox, with the steps it came back with."""

    number: int
    text: str
    journal: dict[str, bytes] = field(default_factory=dict)


@dataclass
class ThreadModel:
    """One thread. `claimable` is true once its lease or delay is over; `holder` is who may still write.

    `done` is the turn that was last committed or buried, with its fence. `amended` has the last edit of each message,
    or None once it is deleted: for what comes after that.
    """

    id: str
    inbox: list[Waiting] = field(default_factory=list)
    history: list[str] = field(default_factory=list)
    journal: dict[str, bytes] = field(default_factory=dict)
    claimable: bool = False
    holder: Holder | None = None
    fence: int = 0
    attempts: int = 0
    taken: int = 0
    position: int = 0
    done: tuple[str, int] = ("", 0)
    unsent: list[str] = field(default_factory=list)
    replies: dict[str, str] = field(default_factory=dict)
    sender: Courier | None = None
    sendable: bool = False
    sender_fence: int = 0
    known: bool = False
    held: bool = False
    amended: dict[int, str | None] = field(default_factory=dict)

    def successor(self) -> ThreadModel:
        """What is in this one's place when it is gone: whoever worked on it has lost it."""
        self.held = self.holder is not None
        self.holder, self.sender, self.done = None, None, ("", 0)
        highest = max(self.fence, self.sender_fence)
        self.fence = self.sender_fence = -1
        return ThreadModel(self.id, fence=highest, sender_fence=highest)

    def post(self, key: str) -> None:
        """Put a reply into the outbox, if it was never there."""
        if key not in self.replies:
            self.replies[key] = "pending"
            if not self.unsent and self.sender is None:
                self.sendable = True
            self.unsent.append(key)


@dataclass
class Holder:
    """A worker's claim; it may be a late one."""

    claim: Claim
    thread: ThreadModel

    @property
    def holds(self) -> bool:
        """Whether what it writes is taken."""
        return self.thread.holder is self

    @property
    def lease(self) -> Lease:
        """What the heartbeat is told of it."""
        if self.holds:
            return Lease.HELD
        return Lease.GIVEN_UP if self.claim.fence == self.thread.fence else Lease.LOST


@dataclass
class Courier:
    """A sender's claim; it may be a late one."""

    outgoing: Outgoing
    thread: ThreadModel

    @property
    def holds(self) -> bool:
        """Whether what it writes is taken."""
        return self.thread.sender is self


@dataclass
class Model:
    """The whole store."""

    threads: dict[str, ThreadModel] = field(default_factory=lambda: {id: ThreadModel(id) for id in THREADS})
    seen: dict[int, Literal["stored", "dead"]] = field(default_factory=dict)
    dead: dict[int, Waiting] = field(default_factory=dict)
    dead_replies: dict[str, str] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)

    def count(self, name: str, by: int = 1) -> None:
        """Count as the store does."""
        self.counters[name] = self.counters.get(name, 0) + by

    def graves(self, thread: str) -> tuple[list[int], list[str]]:
        """The dead events and replies of a thread."""
        return (
            [number for number in self.dead if thread_of(number) == thread],
            [key for key, id in self.dead_replies.items() if id == thread],
        )

    def put(self, number: int, waiting: Waiting) -> None:
        """An event goes to the end of its thread's inbox."""
        thread = self.threads[thread_of(number)]
        thread.known = True
        if not thread.inbox:
            thread.claimable = True
        thread.inbox.append(waiting)
        self.seen[number] = "stored"
        self.count("waiting")
