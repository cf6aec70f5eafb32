"""What a platform declares if messages can be read again that no webhook brought, because ingress was away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from answerback.events import Event
from answerback.platforms.exchange import Exchange
from answerback.platforms.outbound import Client

if TYPE_CHECKING:
    from answerback.settings import Settings


class Channel(NamedTuple):
    """A channel that our account reads. `prefix`: how the ids of its threads begin, such as "slack:T1:C1:"."""

    id: str
    prefix: str


class ChannelPage(NamedTuple):
    """Some channels. `cursor` leads to more; "" if there are none."""

    channels: Sequence[Channel]
    cursor: str


class MessagePage(NamedTuple):
    """Some messages, each as the event that its webhook is, so that what was stored is a duplicate.

    Attributes:
        events: In any order.
        threads: The ids of threads in which something was written that is not on this page.
        cursor: Leads to more; "" if there are none.
    """

    events: Sequence[Event]
    threads: Sequence[str]
    cursor: str


class MessageLog(Protocol):
    """The messages of channels, read with our credential. Does no I/O itself."""

    retention: int
    """ms after which a message that was missed is left alone: no one waits for an answer any more."""
    pace: float
    """Seconds between two requests."""

    def channels(self, cursor: str = "") -> Exchange[ChannelPage]:
        """Return one page of the channels that we are in. Raises `Rejected`, naming the missing permission."""
        ...

    def messages(self, channel: Channel, since: int, cursor: str = "") -> Exchange[MessagePage]:
        """Return one page of what was written in a channel since then (ms)."""
        ...

    def replies(self, channel: Channel, thread: str, since: int, cursor: str = "") -> Exchange[MessagePage]:
        """Return one page of what was written in a thread since then (ms)."""
        ...

    def limits(self, channel: Channel | None) -> Sequence[str]:
        """Return the scopes of `RateLimited` that apply to reading a channel, or to listing them."""
        ...


class CatchupSupport(NamedTuple):
    """How to read what was missed.

    Attributes:
        variable: The environment variable that turns it on.
        enabled: Returns whether it is on.
        log: Returns the messages that a client of this platform can read; None if it cannot.
    """

    variable: str
    enabled: Callable[[Settings], bool]
    log: Callable[[Client], MessageLog | None]
