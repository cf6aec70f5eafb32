"""Requests to the Graph API, each with the access token of its phone number."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import msgspec

from answerback.errors import Rejected
from answerback.platforms import Exchange, Request, Response
from answerback.platforms.answer import harmless
from answerback.platforms.attempt import Attempt
from answerback.platforms.whatsapp.place import WhatsAppPlace
from answerback.platforms.whatsapp.refusal import check


class Calls:
    """Makes requests.

    Args:
        tokens: Access tokens by the id of their number; "": of all others.
        api: Base URL of the Graph API, with its version.
        clock: Returns the time in seconds.
    """

    def __init__(self, tokens: Mapping[str, str], api: str, clock: Callable[[], float] = time.time) -> None:
        self.tokens, self._api, self.clock = tokens, api, clock

    def get(self, number: str, path: str, doing: str, attempt: Attempt) -> Exchange[Response]:
        """Read something. `path`: in the API, or a whole URL."""
        url = path if path.startswith(("http://", "https://")) else f"{self._api}/{path}"
        response = yield from harmless(Request(method="GET", url=url, headers=self._headers(number)))
        check(response, self.clock(), doing=doing, unknown=False, attempt=attempt, number=number)
        return response

    def post(
        self, number: str, path: str, content: Mapping[str, object] | bytes, doing: str, attempt: Attempt, *,
        content_type: str = "application/json", place: WhatsAppPlace | None = None, effect: bool = False,
    ) -> Exchange[Response]:  # fmt: skip
        """Send something. `effect`: whether a repeat would be noticed."""
        headers = self._headers(number) | {"content-type": content_type}
        body = content if isinstance(content, bytes) else msgspec.json.encode(content)
        request = Request(method="POST", url=f"{self._api}/{path}", headers=headers, body=body)
        response: Response = (yield request) if effect else (yield from harmless(request))
        check(
            response, self.clock(), doing=doing, unknown=effect, attempt=attempt, number=number,
            pair=place.pair if place else "",
        )  # fmt: skip
        return response

    def _headers(self, number: str) -> dict[str, str]:
        token = self.tokens.get(number) or self.tokens.get("")
        if not token:
            raise Rejected(f"there is no access token for the number {number}: add {number}=TOKEN to WHATSAPP_TOKEN")
        return {"authorization": f"Bearer {token}"}
