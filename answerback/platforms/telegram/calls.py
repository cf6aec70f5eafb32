"""Calls of the Bot API with the token of one of our bots.

https://core.telegram.org/bots/api#making-requests
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec

from answerback.errors import Rejected
from answerback.outgoing import File
from answerback.platforms import Exchange, Request, Response
from answerback.platforms.answer import harmless
from answerback.platforms.answer import read as read_body
from answerback.platforms.attempt import LAST, Attempt
from answerback.platforms.telegram.multipart import form
from answerback.platforms.telegram.refusal import check
from answerback.platforms.telegram.settings import id_of

T = TypeVar("T")


class Calls:
    """Makes requests. A token is part of the URL, so that no URL may be logged.

    Args:
        bots: The tokens by account, of which "" is the first one's.
        api: Base URL of the API.
        clock: Returns the time in seconds.
    """

    def __init__(self, bots: Mapping[str, str], api: str, clock: Callable[[], float] = time.time) -> None:
        self.bots, self._api, self._clock = bots, api, clock

    def __repr__(self) -> str:
        return f"Calls({self._api})"

    def id(self, account: str) -> str:
        """Return the id of an account's bot."""
        return id_of(self._token(account))

    def scope(self, account: str, chat: int | str = "") -> str:
        """Return the rate limit scope of a bot, or of a chat of it.

        A bot may send about one message a second to a chat, 20 a minute to a group, 30 a second in all.
        https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
        """
        bot = self.id(account)
        return f"{bot}:{chat}" if chat else bot

    def call(
        self,
        account: str,
        method: str,
        content: Mapping[str, object],
        doing: str,
        attempt: Attempt = LAST,
        *,
        scope: str = "",
        effect: bool = False,
        files: Mapping[str, File] | None = None,
    ) -> Exchange[Response]:
        """Call a method. `effect`: whether a repeat would be noticed. `files`: what `content` refers to as attached."""
        url = f"{self._api}/bot{self._token(account)}/{method}"
        if files:
            headers, body = form(content, files)
        else:
            headers, body = {"content-type": "application/json"}, msgspec.json.encode(content)
        request = Request(method="POST", url=url, headers=headers, body=body)
        response: Response = (yield request) if effect else (yield from harmless(request))
        check(response, self._clock(), doing=doing, scope=scope or self.scope(account), unknown=effect, attempt=attempt)
        return response

    def read(
        self, account: str, method: str, decoder: msgspec.json.Decoder[T], doing: str, **content: object
    ) -> Exchange[T]:
        """Call a method without an effect, and return its decoded response."""
        response = yield from self.call(account, method, content, doing)
        return read_body(response, decoder, "Telegram", unknown=False)

    def file_url(self, account: str, path: str) -> str:
        """Return the URL of a file: https://core.telegram.org/bots/api#file."""
        return f"{self._api}/file/bot{self._token(account)}/{path}"

    def _token(self, account: str) -> str:
        found = self.bots.get(account)
        if found is None:
            # The first bot may be named by its id, too.
            found = next((token for token in self.bots.values() if id_of(token) == account), None)
        if found is None:
            raise Rejected(f"there is no token of the bot {account}: add it to TELEGRAM_BOT_TOKEN, then replay this")
        return found
