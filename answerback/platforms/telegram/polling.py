"""Ask for updates, without a public URL: https://core.telegram.org/bots/api#getupdates"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from answerback.errors import Rejected, Unavailable
from answerback.platforms import Answer, Delivery, Exchange
from answerback.platforms.answer import read
from answerback.platforms.reading import Poller, Received
from answerback.platforms.telegram.calls import Calls
from answerback.platforms.telegram.payload import HANDLED
from answerback.platforms.telegram.webhook_info import webhook_info

HOLD = 25.0
_MOST = 100
_JSON = {"content-type": "application/json"}


class _Updates(msgspec.Struct):
    result: list[msgspec.Raw]


class _Id(msgspec.Struct):
    update_id: int


class _Method(msgspec.Struct):
    callback_query_id: str


_updates = msgspec.json.Decoder(_Updates)
_id = msgspec.json.Decoder(_Id)
_method = msgspec.json.Decoder(_Method)


class UpdateReader(Poller):
    """See `Poller`. The position is the id of the next update: asking for it makes Telegram forget those before."""

    hold = HOLD

    def __init__(self, calls: Calls, account: str) -> None:
        self._calls, self._account = calls, account

    def __repr__(self) -> str:
        return f"UpdateReader({self._account or 'first'})"

    def probe(self) -> Exchange[None]:
        info = yield from webhook_info(self._calls, self._account)
        if info.url:
            raise Rejected(_SET)

    def poll(self, position: str) -> Exchange[Sequence[Received]]:
        content: dict[str, object] = {"timeout": int(HOLD), "limit": _MOST, "allowed_updates": HANDLED}
        if position:
            content["offset"] = int(position)
        try:
            response = yield from self._calls.call(self._account, "getUpdates", content, "asking for updates")
        except Unavailable as trouble:
            # 409 means a webhook, or another one who asks: its words tell which.
            if "webhook" in str(trouble):
                raise Rejected(_SET) from trouble
            raise
        query = f"bot={self._account}" if self._account else ""
        found = read(response, _updates, "Telegram", unknown=False).result
        return [
            Received(delivery=Delivery(_JSON, bytes(raw), query=query), position=str(_number(raw) + 1)) for raw in found
        ]

    def respond(self, answer: Answer) -> Exchange[None]:
        """https://core.telegram.org/bots/api#answercallbackquery"""
        try:
            query = _method.decode(answer.body).callback_query_id
        except msgspec.MsgspecError:
            return
        content = {"callback_query_id": query}
        yield from self._calls.call(self._account, "answerCallbackQuery", content, "answering a pressed button")


_SET = (
    "Telegram sends the updates to a webhook, and gives none to TELEGRAM_POLL: call deleteWebhook "
    "(https://core.telegram.org/bots/api#deletewebhook), or unset TELEGRAM_POLL"
)


def _number(raw: msgspec.Raw) -> int:
    try:
        return _id.decode(raw).update_id
    except (msgspec.MsgspecError, ValueError) as error:
        raise Unavailable(f"Telegram sent an update without its id: {error}", unknown=False) from error
