"""What people see of an agent at work: presence, and replies that are shown while they are written."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from answerback.messages import Identity
from answerback.platforms.exchange import Exchange, Place
from answerback.platforms.outbound import NextPage, Sent
from answerback.replies import Reply

PresenceOutcome = Literal["completed", "failed", "cancelled"]


class Presence(Protocol):
    """How people see that an agent is at work. Its requests are made beside the turn and their loss never matters.

    Each raises `RateLimited`, `Rejected` or `Unavailable`, as other exchanges do. After a `RateLimited`, presence alone
    is paused: replies have limits of their own. A class that inherits from this has the defaults of what is optional.
    """

    refresh: float
    """Seconds after which `working` is to be shown again, since the platform lets it expire; 0 if it does not."""
    pace: float = 1.0
    """Seconds between two requests on average, of all threads and workers: the rest of a limit is for replies."""
    lasting: bool = False
    """Whether it is shown with the event's message and may stay there, such as a reaction.

    `idle` is then called only for an agent with `presence="outcome"`.
    """

    def with_message(self, place: Place) -> bool:
        """Return whether it is shown with the event's message, so that each message of a thread has its own."""
        return self.lasting

    def working(self, place: Place, words: str) -> Exchange[None]:
        """Show that an agent is at work. `words` says what it does, such as "Searching the tracker…"; "" if unknown."""
        ...

    def idle(self, place: Place, outcome: PresenceOutcome) -> Exchange[None]:
        """Show that the work has ended."""
        ...

    def limits(self, place: Place) -> Sequence[str]:
        """Return the scopes of `RateLimited` that apply to these requests: none is made while one is paused."""
        return [""]


class StreamTask(msgspec.Struct, frozen=True):
    """A tool that an agent uses while it writes, as people see it. `id`: the same when it has ended."""

    id: str
    title: str
    state: Literal["running", "done", "failed"] = "running"


StreamRequest = Literal["begin", "append", "end"]


class Streaming(Protocol):
    """How a reply is shown while it is written. What was shown is brought to the final text at the end.

    Its messages are described by `Reply.shown`. Progress is lost without harm, and the end is sent like a reply.
    """

    default: bool
    """Whether agents that write in pieces are shown, unless they are declared otherwise."""
    appends: bool
    """Whether pieces can be added to a message; otherwise its whole text is replaced each time."""
    pace: float
    """Seconds between two requests that add to a message."""
    edit_pace: float
    """Seconds between two requests that replace a message's text."""
    budget: Mapping[StreamRequest, float]
    """How many requests a minute one worker may make for progress; those that end a message come on top."""

    def begin(self, reply: Reply, place: Place, tasks: Sequence[StreamTask] = ()) -> Exchange[Begun]:
        """Create the message, with `reply.text` as its first piece. Its last request is the one that takes effect."""
        ...

    def append(self, reply: Reply, piece: str, tasks: Sequence[StreamTask] = ()) -> Exchange[None]:
        """Show more. `reply.text` is the whole text of the message, which ends with `piece`.

        Raises `StreamClosed` if the platform takes no more pieces of this message. Only called while `shown.open`.
        """
        ...

    def end(self, reply: Reply) -> Exchange[Sent]:
        """Make the message's text equal to `reply.text` and close it for pieces; without a text, delete it.

        May be repeated, whatever became of earlier requests. Also replaces the text of a message that is still being
        written. Raises `MessageGone` if there is no such message any more.
        """
        ...

    def find(self, reply: Reply, account: Identity, known: Collection[str] = ()) -> Exchange[Sent | NextPage | None]:
        """Search one page for the message that `begin` may have created, as `Client.find` does. `known`: not these."""
        ...

    def limits(self, reply: Reply, request: StreamRequest) -> Sequence[str]:
        """Return the scopes of `RateLimited` that apply to a request."""
        ...


class Begun(msgspec.Struct, frozen=True):
    """A message that has been created to show a reply. `open`: whether pieces may be appended; else it is edited."""

    message: str
    url: str = ""
    open: bool = False
