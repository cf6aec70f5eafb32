"""Deliveries that come without HTTP: over a connection that a worker opens, instead of to a webhook."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from answerback.platforms.exchange import Exchange
from answerback.platforms.inbound import Answer, Delivery

if TYPE_CHECKING:
    from answerback.settings import Settings


class Received(NamedTuple):
    """What a frame means.

    Attributes:
        delivery: What it delivers, as `parse` takes it; None if it delivers nothing.
        id: How the platform names this delivery when it is acknowledged.
        position: Where the next connection continues; stored after the delivery's events. "" if there is none.
        send: Frames to send at once.
        ready: Whether the connection delivers from now on.
        leave: Why the platform is about to close the connection, so that another one is opened first; "" if not.
        off: Whether it can be opened again only after someone has changed something at the platform.
    """

    delivery: Delivery | None = None
    id: str = ""
    position: str = ""
    send: Sequence[str] = ()
    ready: bool = False
    leave: str = ""
    off: bool = False


class Reader(Protocol):
    """The rules of one connection. Does no I/O: a worker opens a WebSocket, and gives it each frame."""

    def connect(self, position: str) -> Exchange[str]:
        """Return the URL of a WebSocket that delivers what came after `position`; "" the first time."""
        ...

    def receive(self, frame: str) -> Received:
        """Return what a frame means. Never raises: a frame that is not understood means nothing."""
        ...

    def acknowledge(self, received: Received, answer: Answer | None) -> Sequence[str]:
        """Return the frames that acknowledge a delivery, once its events are stored. `answer`: as `parse` gave it."""
        ...


@runtime_checkable
class Poller(Protocol):
    """The rules of a queue that is asked again and again: long polling. Does no I/O: a worker makes the requests."""

    hold: float
    """Seconds for which the platform holds a request while it has nothing to deliver."""

    def probe(self) -> Exchange[None]:
        """Raise what keeps the queue from being read. Takes nothing from it, and does not disturb its reader."""
        ...

    def poll(self, position: str) -> Exchange[Sequence[Received]]:
        """Return what came after `position`, in order; each has the position after it. "" the first time.

        The platform may forget what comes before `position`: it is stored by then.
        """
        ...

    def respond(self, answer: Answer) -> Exchange[None]:
        """Give the platform the answer that `parse` has for a delivery. Its loss does no harm."""
        ...


class ReaderSupport(NamedTuple):
    """What a platform declares as `READER`.

    Attributes:
        connections: Returns the names of the connections that the settings ask for.
        reader: Returns the reader of one of them: of a WebSocket, or of a queue that is polled.
    """

    connections: Callable[[Settings], Sequence[str]]
    reader: Callable[[Settings, str], Reader | Poller]
