"""The platforms we speak to: how each signs, what its webhooks mean, how a reply is posted.

Nothing here does I/O. The inbound half (`verify`, `parse`) is plain functions, called by ingress
with secrets as arguments. The outbound half (`Client`) is a set of *exchanges*: generators that
yield a `Request`, are sent its `Response`, and return what was learned. `worker/replies/sender.py` is the one
place that performs them, so a platform's rules can be read, and tested, without a network.

Adding a platform: a package beside these, a line in `PLATFORMS`, a folder of fixtures, its tests.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Protocol, Self, TypeVar

import msgspec

from answerback.messages import Amendment, Event, Identity, Reply

if TYPE_CHECKING:
    from answerback.settings import Settings

Headers = Mapping[str, str]
"""Header names in lower case."""

RefusalReason = Literal["unsigned", "malformed", "doubled", "stale", "mismatch", "unconfigured"]
"""No signature, none that could be one, a header that is there twice, too old or too new, by another secret."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP request to a platform. `url` is absolute; header values may hold a credential."""

    method: Literal["GET", "POST", "PATCH", "PUT"]
    url: str
    headers: dict[str, str] = {}
    body: bytes = b""

    def __repr__(self) -> str:
        return f"Request({self.method} {self.url}, {len(self.body)} bytes)"


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """What came back: always a whole answer; a lost connection is raised into the exchange instead."""

    status: int
    headers: Headers = {}
    body: bytes = b""


T = TypeVar("T")
Exchange = Generator[Request, Response, T]
"""A conversation with a platform: yields requests, is sent responses, returns a result.

Raises `RateLimited`, `Rejected` or `Unavailable` for an answer that says so.
"""


class Sent(msgspec.Struct, frozen=True):
    """The platform has our message: its id there, and a link for people if there is one."""

    message: str
    url: str = ""


class NextPage(msgspec.Struct, frozen=True):
    """A reply is not on this page of a search; `cursor` asks for the next one."""

    cursor: str


class Handshake(msgspec.Struct, frozen=True):
    """The platform asks whether we are here; this is the answer it wants."""

    body: bytes
    content_type: str = "application/json"


class Ignored(msgspec.Struct, frozen=True):
    """Authentic, and nothing for an agent. `reason` is a short phrase for logs and the receipt.

    warning  set where an operator should know of it: it is logged as a warning, and counted under this name
    quiet    the platform shows our answer to a person: it gets a 200 with an empty body, and no receipt
    """

    reason: str
    warning: Literal["", "events dropped", "access lost", "not handled"] = ""
    quiet: bool = False


class Refusal(str):
    """Why a delivery cannot be taken for the platform's: words for the log, and `reason`, one of few, to be counted."""

    __slots__ = ("reason",)
    reason: RefusalReason

    def __new__(cls, reason: RefusalReason, words: str) -> Self:
        """The words, with their reason."""
        refusal = super().__new__(cls, words)
        refusal.reason = reason
        return refusal


Parsed = Handshake | Ignored | list[Event | Amendment]


class Client(Protocol):
    """A platform as one credential of ours sees it. Built by `client(settings)`; does no I/O itself.

    `once` says how a reply of unknown fate is settled: "native": post again, the platform drops
    the repeat; "find": look for it first; "unknown": neither can be known.
    """

    once: Literal["native", "find", "unknown"]
    lag: float
    """How many times as long as elsewhere a post of unknown fate may take to show up here, 1 or more."""

    def whoami(self) -> Exchange[Identity]:
        """Learn who we are from our credential."""
        ...

    def split(self, text: str) -> list[str]:
        """The parts, in order, in which `text` fits the platform's limit."""
        ...

    def post(self, reply: Reply) -> Exchange[Sent]:
        """Post one reply. Its last request is the one that takes effect."""
        ...

    def find(self, reply: Reply, us: Identity) -> Exchange[Sent | NextPage | None]:
        """Look through one page for a reply that may have been posted already; only asked where `once` is "find".

        The first page, or the one at `reply.cursor`. What somebody else wrote is not ours, whatever it carries.
        """
        ...

    def limits(self, reply: Reply, *, looking: bool) -> Sequence[str]:
        """The scopes of `RateLimited` that hold up posting this reply, or looking for it."""
        ...


class Platform(Protocol):
    """What a platform's package offers."""

    NAME: str
    SECRET: str
    """The setting that holds its webhook secrets, as in the environment."""
    CREDENTIAL: str
    """What to set so that replies can be posted: a sentence for an operator."""
    HEADERS: tuple[str, ...]
    """The headers that `verify` and `parse` read: none may be in a request twice, and mean two things."""

    def verify(self, secrets: Sequence[str], headers: Headers, body: bytes, now: float) -> Refusal | None:
        """None when one of `secrets` signed this body; else why not.

        `now` is in seconds. Hostile input of any kind is a reason, never an exception.
        """
        ...

    def parse(self, headers: Headers, body: bytes) -> Parsed:
        """What a verified body means. Raises `MalformedBody` and nothing else."""
        ...

    def client(self, settings: Settings) -> Client | None:
        """The outbound half, or None where no credential is configured: replies then stay in the thread."""
        ...


# At the end, because a platform's package imports the names above.
from answerback.platforms import github, slack, standard  # noqa: E402

PLATFORMS: dict[str, Platform] = {platform.NAME: platform for platform in (github, slack, standard)}
"""Every platform, by its name."""
