"""The supported platforms: how each signs, what its webhooks mean, how a reply is posted.

Nothing here does I/O. The inbound half (`verify`, `parse`) consists of plain functions that ingress calls with
secrets as arguments. The outbound half (`Client`) consists of *exchanges*: generators that yield a `Request`, are
sent its `Response`, and return a result. Only `worker/replies/sender.py` performs them, so a platform's rules can
be read and tested without a network.

`registry` has all platforms. To add one, see docs/platforms.md.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Protocol, Self, TypeVar

import msgspec

from answerback.events import Amendment, Event
from answerback.messages import Identity
from answerback.replies import Reply

if TYPE_CHECKING:
    from answerback.platforms.redelivery import RedeliverySupport
    from answerback.settings import Settings
    from answerback.settings.platform import PlatformSettings

Headers = Mapping[str, str]
"""Header names in lower case."""

RefusalReason = Literal["unsigned", "malformed", "doubled", "stale", "mismatch", "unconfigured"]
"""No signature; malformed; a repeated header; timestamp out of tolerance; wrong secret; no secret configured."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP request to a platform. `url` is absolute; header values may contain a credential."""

    method: Literal["GET", "POST", "PATCH", "PUT"]
    url: str
    headers: dict[str, str] = {}
    body: bytes = b""

    def __repr__(self) -> str:
        return f"Request({self.method} {self.url}, {len(self.body)} bytes)"


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """A complete HTTP response. A lost connection is raised into the exchange as `Unavailable` instead."""

    status: int
    headers: Headers = {}
    body: bytes = b""


T = TypeVar("T")
Exchange = Generator[Request, Response, T]
"""A conversation with a platform: yields requests, is sent responses, returns a result.

Raises `RateLimited`, `Rejected` or `Unavailable` according to the response.
"""


class Sent(msgspec.Struct, frozen=True):
    """A posted message: its id on the platform, and its URL if there is one."""

    message: str
    url: str = ""


class NextPage(msgspec.Struct, frozen=True):
    """The reply is not on this page of the search; `cursor` leads to the next page."""

    cursor: str


class Handshake(msgspec.Struct, frozen=True):
    """The response to a platform's request to verify our URL."""

    body: bytes
    content_type: str = "application/json"


class Ignored(msgspec.Struct, frozen=True):
    """An authentic delivery without an event for an agent. `reason` is a short phrase for the log and the receipt.

    Attributes:
        warning: If set, logged as a warning for the operator, and counted under this name.
        quiet: Respond with 200 and an empty body instead of a receipt, since the platform shows it to a person.
    """

    reason: str
    warning: Literal["", "events dropped", "access lost", "not handled"] = ""
    quiet: bool = False


class Refusal(str):
    """Why a delivery is not authentic: a text for the log, and a `reason` for the metrics."""

    __slots__ = ("reason",)
    reason: RefusalReason

    def __new__(cls, reason: RefusalReason, words: str) -> Self:
        """Create the text with its reason."""
        refusal = super().__new__(cls, words)
        refusal.reason = reason
        return refusal


def scope(platform: str, limit: str) -> str:
    """Return the name of a rate limit of one platform; `limit` is the scope of a `RateLimited`."""
    return f"{platform}/{limit}" if limit else platform


Parsed = Handshake | Ignored | list[Event | Amendment]


class Client(Protocol):
    """A platform's outbound half with one of our credentials. Built by `client(settings)`; does no I/O itself.

    `once` is how a reply of unknown outcome is settled: "native": post again, the platform drops the
    duplicate; "find": look for it first; "unknown": neither is possible.
    """

    once: Literal["native", "find", "unknown"]
    lag: float
    """Factor, 1 or more, by which posts take longer to become visible here than on other platforms."""

    def whoami(self) -> Exchange[Identity]:
        """Return the identity that belongs to our credential."""
        ...

    def split(self, text: str) -> list[str]:
        """Split `text` into parts that fit the platform's limit, in order."""
        ...

    def post(self, reply: Reply) -> Exchange[Sent]:
        """Post one reply. Its last request is the one that takes effect."""
        ...

    def find(self, reply: Reply, account: Identity) -> Exchange[Sent | NextPage | None]:
        """Search one page for a reply that may have been posted already; only called if `once` is "find".

        It is the first page, or the one at `reply.cursor`. A message that `account` did not write never counts.
        """
        ...

    def limits(self, reply: Reply, *, looking: bool) -> Sequence[str]:
        """Return the scopes of `RateLimited` that apply to posting this reply, or to looking for it."""
        ...


SendOption = Literal["event", "delivery"]


class Platform(Protocol):
    """The interface of a platform's package."""

    NAME: str
    """The name in URLs, thread ids, options and logs: lower case, and never changed."""
    TITLE: str
    """The name as people write it."""
    SETTINGS: type[PlatformSettings]
    """Its environment variables."""
    SECRET: str
    """Name of the environment variable with its webhook secrets."""
    CREDENTIAL: str
    """What to set so that replies can be posted: a sentence for the operator."""
    CREDENTIAL_OPTIONAL: bool
    """Whether it is common to have no credential and keep replies in their threads."""
    HEADERS: tuple[str, ...]
    """The headers that `verify` and `parse` read. A request that repeats one of them is refused as ambiguous."""
    MARKDOWN: bool
    """Whether people write Markdown there, so that the dashboard renders their messages."""
    INAPPLICABLE: Mapping[SendOption, str]
    """Options of `answerback send` that do not apply to its payloads, each with the reason."""
    REDELIVERY: RedeliverySupport | None
    """How failed deliveries are requested again; None if the platform retries by itself, or never does."""

    def verify(self, secrets: Sequence[str], headers: Headers, body: bytes, now: float) -> Refusal | None:
        """Return None if one of `secrets` signed this body, else the refusal.

        `now` is in seconds. Hostile input of any kind leads to a refusal, never to an exception.
        """
        ...

    def parse(self, headers: Headers, body: bytes) -> Parsed:
        """Parse a verified body. Raises `MalformedBody` and nothing else."""
        ...

    def client(self, settings: Settings) -> Client | None:
        """Return the outbound half, or None without a configured credential: replies then stay in the thread."""
        ...

    def complete(
        self, headers: Headers, payload: Mapping[str, object], *, event: str | None, delivery: str | None
    ) -> Headers:
        """Return the headers of a payload that is sent by hand: those given, and the unsigned ones a provider adds.

        `event` and `delivery` are options of `answerback send`. Raises ValueError, saying what to do, if a header
        can be neither found nor inferred.
        """
        ...

    def sign(self, secret: str, headers: Headers, body: bytes, now: float) -> Headers:
        """Return the headers with which the provider signs this body at `now`, in seconds.

        Raises ValueError, saying what to do, for a secret that cannot sign, such as a public key.
        """
        ...
