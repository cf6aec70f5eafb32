"""What was said in a thread before: https://docs.slack.dev/reference/methods/conversations.replies"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from answerback.errors import Rejected
from answerback.platforms import Exchange, History, HistoryPage, Place, Response, Spoken
from answerback.platforms.answer import read
from answerback.platforms.attempt import LAST, Attempt
from answerback.platforms.decoding import Spare
from answerback.platforms.slack.messages import event_of

METHOD = "conversations.replies"
_PAGE = 999
"""Messages of one request. Some apps get 15, and one request a minute:
https://docs.slack.dev/changelog/2025/05/29/rate-limit-changes-for-non-marketplace-apps/
"""


class Call(Protocol):
    """Calls a method of Slack's Web API: see `Slack`."""

    def __call__(
        self, method: Literal["GET"], name: str, content: Mapping[str, object], doing: str, attempt: Attempt,
        /, *, scope: str,
    ) -> Exchange[Response]: ...  # fmt: skip


class _Where(msgspec.Struct):
    channel: str
    team: str = ""
    thread_ts: str = ""


class _Cursor(msgspec.Struct):
    next_cursor: str | None = None


class _Page(msgspec.Struct):
    messages: list[msgspec.Raw] = []
    response_metadata: Spare[_Cursor] = None


_page = msgspec.json.Decoder(_Page)


class SlackHistory(History):
    """See `History`. Slack lists the oldest messages of a thread first, each page with its first message.

    Needs the scope for the kind of channel: channels:history, groups:history, im:history or mpim:history.
    """

    def __init__(self, call: Call) -> None:
        self._call = call

    def begins(self, place: Place) -> bool:
        return place.message == place.address.get("thread_ts") or not place.address.get("thread_ts")

    def page(self, place: Place, limit: int, cursor: str = "") -> Exchange[HistoryPage]:
        where = _where(place)
        content = {"channel": where.channel, "ts": where.thread_ts, "limit": str(_PAGE), "include_all_metadata": "true"}
        if place.message:
            content["latest"] = place.message
        if cursor:
            content["cursor"] = cursor
        doing = f"reading what was said in {where.channel}"
        response = yield from self._call("GET", METHOD, content, doing, LAST, scope=_scope(where))
        page = read(response, _page, "Slack", unknown=False)
        events = [event_of(raw, where.team, where.channel) for raw in page.messages]
        messages = [
            Spoken(
                message=event.message,
                author=event.author,
                text=event.text,
                identities=event.identities,
                at=event.at,
                attachments=event.attachments,
                delivery=event.delivery,
                reply=event.reply,
            )
            for event in events
            # Whatever the window, each page begins with the thread's first message.
            if event and event.message != place.message and not (cursor and event.message == where.thread_ts)
        ]
        following = page.response_metadata.next_cursor if page.response_metadata else None
        return HistoryPage(messages, following or "", forward=True)

    def limits(self, place: Place) -> Sequence[str]:
        return ["", _scope(_where(place))]


def _where(place: Place) -> _Where:
    try:
        return msgspec.convert(place.address, _Where)
    except msgspec.ValidationError as error:
        raise Rejected(f"the event has no usable Slack address: {error}") from error


def _scope(where: _Where) -> str:
    # That of looking for a reply: Slack limits each method per workspace.
    return f"{METHOD}:{where.team}"
