"""What a platform declares if it keeps failed deliveries and sends them again on request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

import msgspec

from answerback.platforms import Exchange

if TYPE_CHECKING:
    from answerback.settings import Settings


class DeliveryAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt of a delivery.

    Attributes:
        id: The attempt's own number.
        guid: The delivery, the same in all of its attempts.
        at: When it was made, ms.
        event: The event's name, for people.
        state: Its outcome.
        status: The same in the platform's words.
    """

    id: int
    guid: str
    at: int
    event: str
    state: Literal["delivered", "pending", "failed"]
    status: str


class DeliveryPage(NamedTuple):
    """Some attempts, newest first. `cursor` leads to older ones; "" if there are none."""

    attempts: Sequence[DeliveryAttempt]
    cursor: str


class DeliveryLog(Protocol):
    """The deliveries of webhooks as the platform lists them, read with our credential. Does no I/O itself."""

    retention: int
    """For how long the platform can redeliver, in ms."""
    pace: float
    """Seconds between two requests that change something."""

    def page(self, hook: str, cursor: str = "") -> Exchange[DeliveryPage]:
        """Return one page of a webhook's attempts.

        Raises `Rejected`, naming the missing permission, if the credential may not see them.
        """
        ...

    def redeliver(self, hook: str, attempt: int) -> Exchange[str]:
        """Request a redelivery. Return why the platform will not redeliver it; "" if it will."""
        ...

    def limits(self, hook: str) -> Sequence[str]:
        """Return the scopes of `RateLimited` that apply to requests about this webhook."""
        ...


class RedeliverySupport(NamedTuple):
    """How to request redeliveries from a platform.

    Attributes:
        variable: The environment variable with the names of the webhooks to check.
        names: Which names it takes: a phrase for the operator.
        hooks: Returns the configured names. They are stored, so no two platforms may have the same.
        log: Returns the delivery log; None without a credential. Raises `ConfigurationError` for an unusable one.
    """

    variable: str
    names: str
    hooks: Callable[[Settings], Sequence[str]]
    log: Callable[[Settings], DeliveryLog | None]
