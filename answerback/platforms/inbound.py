"""The inbound half: a delivery as `verify` and `parse` see it, and what they make of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, Self

import msgspec

from answerback.events import Amendment, Event
from answerback.notifications import Notification

if TYPE_CHECKING:
    from answerback.settings import Settings

Headers = Mapping[str, str]
"""Header names in lower case."""

RefusalReason = Literal["unsigned", "malformed", "doubled", "stale", "mismatch", "unconfigured"]
"""No signature; malformed; a repeated header; timestamp out of tolerance; wrong secret; no secret configured."""

Keys = Mapping[str, str]
"""Public keys by their ids, each as a JSON Web Key (RFC 7517)."""

NO_KEYS: Keys = {}


class Delivery(msgspec.Struct, frozen=True):
    """One HTTP request to a webhook.

    Attributes:
        headers: By name in lower case. Only those in the platform's `HEADERS` are certain to occur once.
        body: The raw bytes; what is signed is verified over them.
        method: "POST", or another of the platform's `METHODS`.
        path: Its path, such as "/webhooks/github".
        query: Its query, without the "?" and not decoded.
        url: Our public URL with path and query, as the platform knows it; "" unless `PUBLIC_URL` is set.
    """

    headers: Headers
    body: bytes
    method: str = "POST"
    path: str = ""
    query: str = ""
    url: str = ""


class Answer(msgspec.Struct, frozen=True):
    """A response in the platform's own format. By itself: the response to a request without an event."""

    body: bytes = b""
    content_type: str = "application/json"
    status: int = 200


class OptionSearch(msgspec.Struct, frozen=True, kw_only=True):
    """A person types into a menu, or into a choice of a form, that has more options than are shown.

    Attributes:
        threads: The ids of the thread where it may be.
        reply: The key of the reply that has it.
        name: Its name.
        text: What the person has typed.
        answer: Makes the platform's response of the options that match.
    """

    threads: tuple[str, ...]
    reply: str
    name: str
    text: str
    answer: Callable[[Sequence[tuple[str, str]]], Answer]


class Ignored(msgspec.Struct, frozen=True):
    """An authentic delivery without an event for an agent. `reason` is a short phrase for the log and the receipt.

    Attributes:
        warning: If set, logged as a warning for the operator, and counted under this name.
        answer: The response instead of a receipt, where the platform shows it to a person.
        search: The options that a person looks for: the response has those that match, and is `answer` without any.
    """

    reason: str
    warning: Literal["", "events dropped", "access lost", "not handled"] = ""
    answer: Answer | None = None
    search: OptionSearch | None = None


Inbound = Event | Amendment | Notification
"""What a delivery may contain."""


Handshake = Callable[["Settings", Delivery], "Answer | Refusal | None"]
"""Answers a request that carries no event and no signature: None for any other request."""


class Answered(msgspec.Struct, frozen=True):
    """Events of a platform that expects a response of its own, once all of them are stored."""

    events: list[Inbound]
    answer: Answer


Parsed = Answer | Ignored | Answered | list[Inbound]
"""What `parse` returns. A list is acknowledged with 202 and a receipt."""


class Refusal(str):
    """Why a delivery is not authentic: a text for the log, and a `reason` for the metrics."""

    __slots__ = ("reason",)
    reason: RefusalReason

    def __new__(cls, reason: RefusalReason, words: str) -> Self:
        """Create the text with its reason."""
        refusal = super().__new__(cls, words)
        refusal.reason = reason
        return refusal


class KeySource(NamedTuple):
    """Where a platform publishes the keys that sign its webhooks; ingress keeps them.

    Attributes:
        url: Returns the URL of the key set (JWKS), or of an OpenID configuration that names it as `jwks_uri`; "" if
            the platform is not configured.
        key_id: Returns the id of the key that a delivery claims to be signed with; "" if none is needed, or none is
            named. The delivery is not verified yet.
    """

    url: Callable[[Settings], str]
    key_id: Callable[[Delivery], str]
