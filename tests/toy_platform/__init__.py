"""A platform that another distribution adds: this package and an entry point, nothing else.

A message is `{"id": 7, "room": "kitchen", "from": "ada", "text": "hello"}`, signed with the header `toy-signature`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from pydantic import Field, SecretStr

from answerback.events import Event
from answerback.messages import Author
from answerback.platforms import NO_KEYS, Client, Delivery, Headers, Keys, KeySource, Parsed, Refusal, SendOption
from answerback.platforms.decoding import decode
from answerback.platforms.redelivery import DeliveryLog, RedeliverySupport
from answerback.platforms.signing import digest, keys, same
from answerback.settings import Settings
from answerback.settings.platform import PlatformSettings
from answerback.settings.variables import HttpUrl, Secrets, split_at_commas
from tests.toy_platform.api import Toy, ToyDeliveries


class ToySettings(PlatformSettings):
    secrets: Secrets = Field([], alias="TOY_SECRET", description="webhook secret(s) of Toy")
    token: SecretStr | None = Field(None, alias="TOY_TOKEN", description="token used to post messages")
    api_url: HttpUrl = Field("https://toy.example", alias="TOY_API_URL", description="base URL of the API")
    redeliver: str = Field("", alias="TOY_REDELIVER", description="webhooks whose failed deliveries are requested")


class _Message(msgspec.Struct):
    id: int
    room: str
    author: str = msgspec.field(name="from")
    text: str


_message = msgspec.json.Decoder(_Message)

NAME = "toy"
TITLE = "Toy Town"
SETTINGS: type[PlatformSettings] = ToySettings
SECRET = "TOY_SECRET"
CREDENTIAL = "Set TOY_TOKEN."
CREDENTIAL_OPTIONAL = False
METHODS: tuple[str, ...] = ("POST",)
HEADERS: tuple[str, ...] = ("toy-signature",)
KEYS: KeySource | None = None
MARKDOWN = True
INAPPLICABLE: Mapping[SendOption, str] = {
    "event": "every payload is a message",
    "delivery": "the message identifies the delivery",
}


def verify(secrets: Sequence[str], delivery: Delivery, now: float, fetched: Keys = NO_KEYS) -> Refusal | None:
    given = delivery.headers.get("toy-signature", "").encode(errors="surrogatepass")
    if any(same(given, digest(key, delivery.body).hex().encode()) for key in keys(secrets)):
        return None
    return Refusal("mismatch", "the signature does not match: TOY_SECRET and Toy's secret differ")


def parse(delivery: Delivery) -> Parsed:
    message = decode(_message, delivery.body, "Toy documents")
    return [
        Event(
            delivery=f"toy:{message.id}",
            thread=f"toy:{message.room}",
            kind="message",
            text=message.text,
            author=Author(message.author, message.author),
            message=str(message.id),
            channel=message.room,
            direct=True,
            identities=(f"user:{message.author}",),
            address={"room": message.room},
        )
    ]


def client(settings: Settings) -> Client | None:
    own = settings.of(ToySettings)
    return Toy(own.token.get_secret_value(), own.api_url) if own.token else None


def complete(headers: Headers, payload: Mapping[str, object], *, event: str | None, delivery: str | None) -> Headers:
    return headers


def sign(secret: str, headers: Headers, body: bytes, now: float) -> Headers:
    return {"toy-signature": digest(secret.encode(), body).hex()}


def _hooks(settings: Settings) -> Sequence[str]:
    hooks = split_at_commas(settings.of(ToySettings).redeliver)
    return [str(hook) for hook in hooks] if isinstance(hooks, list) else []


def _log(settings: Settings) -> DeliveryLog | None:
    own = settings.of(ToySettings)
    return ToyDeliveries(own.token.get_secret_value(), own.api_url) if own.token else None


REDELIVERY: RedeliverySupport | None = RedeliverySupport("TOY_REDELIVER", "names of hooks", _hooks, _log)
