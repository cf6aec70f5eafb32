"""A platform that another distribution adds: this package and an entry point, nothing else.

A message is `{"id": 7, "room": "kitchen", "from": "ada", "text": "hello"}`, signed with the header `toy-signature`, or
with a JWT in `toy-token` whose audience is our URL. Instead of a text it may have `"pressed"` (a button), `"stop"` or
`"moved"` (the new name of the room). A GET with `?challenge=…` is a handshake.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

import jwt
import msgspec
from pydantic import Field, SecretStr

from answerback.events import Action, Event
from answerback.messages import Author
from answerback.notifications import Moved, Stop
from answerback.platforms import (
    NO_KEYS,
    Answer,
    Answered,
    Client,
    Delivery,
    Headers,
    Keys,
    KeySource,
    Parsed,
    Refusal,
    SendOption,
)
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
    keys_url: str = Field("", alias="TOY_KEYS_URL", description="URL of the key set that signs webhooks")
    api_url: HttpUrl = Field("https://toy.example", alias="TOY_API_URL", description="base URL of the API")
    redeliver: str = Field("", alias="TOY_REDELIVER", description="webhooks whose failed deliveries are requested")


class _Message(msgspec.Struct):
    id: int
    room: str
    author: str = msgspec.field(name="from")
    text: str = ""
    pressed: str = ""
    stop: bool = False
    moved: str = ""


_message = msgspec.json.Decoder(_Message)

NAME = "toy"
TITLE = "Toy Town"
SETTINGS: type[PlatformSettings] = ToySettings
SECRET = "TOY_SECRET"
CREDENTIAL = "Set TOY_TOKEN."
METHODS: tuple[str, ...] = ("POST", "GET")
HEADERS: tuple[str, ...] = ("toy-signature", "toy-token")
MARKDOWN = True
INAPPLICABLE: Mapping[SendOption, str] = {
    "event": "every payload is a message",
    "delivery": "the message identifies the delivery",
}


def verify(secrets: Sequence[str], delivery: Delivery, now: float, fetched: Keys = NO_KEYS) -> Refusal | None:
    if token := delivery.headers.get("toy-token"):
        return _refusal(token, delivery.url, fetched)
    signed = f"{delivery.method} {delivery.query} ".encode() if delivery.method == "GET" else delivery.body
    given = delivery.headers.get("toy-signature", "").encode(errors="surrogatepass")
    if any(same(given, digest(key, signed).hex().encode()) for key in keys(secrets)):
        return None
    return Refusal("mismatch", "the signature does not match: TOY_SECRET and Toy's secret differ")


def _refusal(token: str, url: str, fetched: Keys) -> Refusal | None:
    try:
        key = jwt.PyJWK.from_json(fetched[jwt.get_unverified_header(token)["kid"]])
        jwt.decode(token, key, algorithms=["RS256"], audience=url)
    except (jwt.PyJWTError, KeyError) as error:
        return Refusal("mismatch", f"the token is not Toy's: {error}")
    return None


def _key_id(delivery: Delivery) -> str:
    try:
        return str(jwt.get_unverified_header(delivery.headers.get("toy-token", "")).get("kid", ""))
    except jwt.PyJWTError:
        return ""


KEYS: KeySource | None = KeySource(lambda settings: settings.of(ToySettings).keys_url, _key_id)


def parse(delivery: Delivery) -> Parsed:
    if delivery.method == "GET":
        return Answer(dict(parse_qsl(delivery.query)).get("challenge", "").encode(), "text/plain")
    message = decode(_message, delivery.body, "Toy documents")
    thread, id = f"toy:{message.room}", f"toy:{message.id}"
    author = Author(message.author, message.author)
    if message.stop:
        return [Stop(delivery=id, thread=thread, author=author)]
    if message.moved:
        return [Moved(delivery=id, thread=thread, to=f"toy:{message.moved}")]
    pressed = Action(type="button", name=message.pressed) if message.pressed else None
    event = Event(
        delivery=id,
        thread=thread,
        kind="button" if pressed else "message",
        text=f"pressed {message.pressed}" if pressed else message.text,
        author=author,
        message=str(message.id),
        channel=message.room,
        direct=True,
        identities=(f"user:{message.author}",),
        address={"room": message.room},
        action=pressed,
    )
    return Answered([event], Answer(b"pressed", "text/plain")) if pressed else [event]


def client(settings: Settings) -> Client | None:
    own = settings.of(ToySettings)
    return Toy(own.token.get_secret_value(), own.api_url) if own.token else None


def sign(secret: str, delivery: Delivery, now: float) -> Headers:
    return {"toy-signature": digest(secret.encode(), delivery.body).hex()}


def _hooks(settings: Settings) -> Sequence[str]:
    hooks = split_at_commas(settings.of(ToySettings).redeliver)
    return [str(hook) for hook in hooks] if isinstance(hooks, list) else []


def _log(settings: Settings) -> DeliveryLog | None:
    own = settings.of(ToySettings)
    return ToyDeliveries(own.token.get_secret_value(), own.api_url) if own.token else None


REDELIVERY: RedeliverySupport | None = RedeliverySupport("TOY_REDELIVER", "names of hooks", _hooks, _log)
