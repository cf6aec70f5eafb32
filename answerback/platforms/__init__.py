"""The supported platforms: how each signs, what its webhooks mean, how a reply is posted.

Nothing here does I/O. The inbound half (`verify`, `parse`) consists of plain functions that ingress calls with
secrets as arguments. The outbound half (`Client`) consists of *exchanges*: generators that yield a `Request`, are
sent its `Response`, and return a result. Only `worker/replies/sender.py` performs them, so a platform's rules can
be read and tested without a network.

`registry` has all platforms. To add one, see docs/platforms.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Protocol

from answerback.platforms.context import History, HistoryPage, Names, Spoken
from answerback.platforms.exchange import Exchange, Place, Request, Response
from answerback.platforms.inbound import (
    NO_KEYS,
    Answer,
    Answered,
    Delivery,
    Handshake,
    Headers,
    Ignored,
    Inbound,
    Keys,
    KeySource,
    Parsed,
    Refusal,
    RefusalReason,
)
from answerback.platforms.outbound import (
    ALWAYS,
    FIND,
    NATIVE,
    UNKNOWN,
    Client,
    Extra,
    NextPage,
    Prepared,
    Rate,
    Repeat,
    Sent,
    scope,
)
from answerback.platforms.progress import Begun, Presence, PresenceOutcome, Streaming, StreamRequest, StreamTask

if TYPE_CHECKING:
    from answerback.platforms.catchup import CatchupSupport
    from answerback.platforms.install import InstallSupport
    from answerback.platforms.manifest import ManifestSupport
    from answerback.platforms.reading import ReaderSupport
    from answerback.platforms.redelivery import RedeliverySupport
    from answerback.settings import Settings
    from answerback.settings.platform import PlatformSettings

__all__ = [
    "ALWAYS", "FIND", "NATIVE", "NO_KEYS", "UNKNOWN", "Answer", "Answered", "Begun", "Client", "Delivery", "Exchange",
    "Extra", "Handshake", "Headers", "History", "HistoryPage", "Ignored", "Inbound", "KeySource", "Keys", "Names",
    "NextPage", "Parsed", "Place", "Platform", "PlatformPackage", "Prepared", "Presence", "PresenceOutcome", "Rate",
    "Refusal", "RefusalReason", "Repeat", "Request", "Response", "SendOption", "Sent", "Spoken", "StreamRequest",
    "StreamTask", "Streaming", "scope",
]  # fmt: skip

SendOption = Literal["event", "delivery"]


class PlatformPackage(Protocol):
    """What a platform's package has to declare."""

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
    HEADERS: tuple[str, ...]
    """The headers that `verify` and `parse` read. A request that repeats one of them is refused as ambiguous."""

    def verify(self, secrets: Sequence[str], delivery: Delivery, now: float, fetched: Keys = NO_KEYS) -> Refusal | None:
        """Return None if one of `secrets`, or one of the `fetched` keys, signed this delivery, else the refusal.

        `now` is in seconds. Hostile input of any kind leads to a refusal, never to an exception.
        """
        ...

    def parse(self, delivery: Delivery, /) -> Parsed:
        """Parse a verified delivery. Raises `MalformedBody` and nothing else."""
        ...

    def client(self, settings: Settings) -> Client | None:
        """Return the outbound half, or None without a configured credential: replies then stay in the thread."""
        ...

    def sign(self, secret: str, delivery: Delivery, now: float) -> Headers:
        """Return the headers with which the provider signs this delivery at `now`, in seconds.

        Raises ValueError, saying what to do, for a secret that cannot sign, such as a public key.
        """
        ...


class Platform(PlatformPackage, Protocol):
    """A platform: its package, with the defaults (`registry.DEFAULTS`) of what that does not declare."""

    CREDENTIAL_OPTIONAL: bool
    """Whether it is common to have no credential and keep replies in their threads."""
    METHODS: tuple[str, ...]
    """The HTTP methods of its webhook: "POST", and "GET" or "HEAD" if its handshake uses them."""
    ACKNOWLEDGED: int
    """The status that acknowledges a delivery with a receipt: 202, or 200 if the platform counts nothing else."""
    HANDSHAKE: Handshake | None
    """How it answers a request by which the platform finds out whether the webhook is ours; None if `parse` does."""
    KEYS: KeySource | None
    """Where the keys are that sign its webhooks; None if `SECRET` is all that `verify` needs."""
    MARKDOWN: bool
    """Whether people write Markdown there, so that the dashboard renders their messages."""
    INAPPLICABLE: Mapping[SendOption, str]
    """Options of `answerback send` that do not apply to its payloads, each with the reason."""
    REDELIVERY: RedeliverySupport | None
    """How failed deliveries are requested again; None if the platform retries by itself, or never does."""
    MANIFEST: ManifestSupport | None
    """What an app is created from there; None if there are no apps."""
    CATCHUP: CatchupSupport | None
    """How messages are read again that no webhook brought; None if `REDELIVERY` does that, or nothing can."""
    READER: ReaderSupport | None
    """How deliveries are read without a webhook; None if the platform only sends webhooks."""
    INSTALL: InstallSupport | None
    """How others install our app, each in an account of their own; None if the only account is the configured one."""

    def complete(
        self, headers: Headers, payload: Mapping[str, object], *, event: str | None, delivery: str | None
    ) -> Headers:
        """Return the headers of a payload that is sent by hand: those given, and the unsigned ones a provider adds.

        `event` and `delivery` are options of `answerback send`. Raises ValueError, saying what to do, if a header
        can be neither found nor inferred. By default, those given: the payload says everything.
        """
        ...
