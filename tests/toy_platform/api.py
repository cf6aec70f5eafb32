"""Toy's API: who we are, posting messages, listing deliveries and requesting them again."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from answerback.errors import RateLimited, Rejected, Unavailable
from answerback.messages import Identity
from answerback.platforms import NATIVE, Client, Exchange, NextPage, Repeat, Request, Response, Sent
from answerback.platforms.answer import harmless
from answerback.platforms.redelivery import DeliveryAttempt, DeliveryPage
from answerback.platforms.text import split
from answerback.replies import Reply

_page = msgspec.json.Decoder(list[DeliveryAttempt])


class Toy(Client):
    """See `Client`. Toy drops a message whose key it knows."""

    def __init__(self, token: str, url: str) -> None:
        self._headers, self._url = {"authorization": f"Bearer {token}"}, url

    def whoami(self) -> Exchange[Identity]:
        response = yield from harmless(Request(method="GET", url=f"{self._url}/me", headers=self._headers))
        name = _checked(response).decode()
        return Identity(name=f"@{name}", mentions=(name,), marks=(f"user:{name}",))

    def split(self, text: str) -> list[str]:
        return split(text, 1000)

    def post(self, reply: Reply) -> Exchange[Sent]:
        body = msgspec.json.encode({"room": reply.address["room"], "text": reply.text, "key": reply.key})
        response = yield Request(method="POST", url=f"{self._url}/messages", headers=self._headers, body=body)
        return Sent(_checked(response).decode())

    def repeat(self, reply: Reply) -> Repeat:
        return NATIVE

    def find(self, reply: Reply, account: Identity) -> Exchange[Sent | NextPage | None]:
        yield from ()
        return None

    def limits(self, reply: Reply, *, looking: bool) -> Sequence[str]:
        return ["", str(reply.address["room"])]


class ToyDeliveries:
    """See `DeliveryLog`."""

    retention = 86_400_000
    pace = 0.0

    def __init__(self, token: str, url: str) -> None:
        self._headers, self._url = {"authorization": f"Bearer {token}"}, url

    def page(self, hook: str, cursor: str = "") -> Exchange[DeliveryPage]:
        url = f"{self._url}/hooks/{hook}/deliveries"
        response = yield from harmless(Request(method="GET", url=url, headers=self._headers))
        return DeliveryPage(_page.decode(_checked(response)), "")

    def redeliver(self, hook: str, attempt: int) -> Exchange[str]:
        url = f"{self._url}/hooks/{hook}/deliveries/{attempt}"
        response = yield from harmless(Request(method="POST", url=url, headers=self._headers))
        _checked(response)
        return ""

    def limits(self, hook: str) -> Sequence[str]:
        return ["", "hooks"]


def _checked(response: Response) -> bytes:
    if response.status == 429:
        raise RateLimited(1.0, "", "Toy asks for a pause")
    if response.status >= 500:
        raise Unavailable(f"Toy responded with status {response.status}")
    if response.status >= 400:
        raise Rejected(f"Toy refused the request with status {response.status}")
    return response.body
