"""What was said before: in a thread, or in a direct chat that is one conversation.

https://docs.slack.dev/reference/methods/conversations.replies
https://docs.slack.dev/reference/methods/conversations.history
"""

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

REPLIES, CHAT = "conversations.replies", "conversations.history"
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

    @property
    def method(self) -> str:
        return REPLIES if self.thread_ts else CHAT


class _Cursor(msgspec.Struct):
    next_cursor: str | None = None


class _Page(msgspec.Struct):
    messages: list[msgspec.Raw] = []
    response_metadata: Spare[_Cursor] = None


_page = msgspec.json.Decoder(_Page)


class SlackHistory(History):
    """See `History`. Slack lists the oldest messages of a thread first, each page with its first message.

    Of a direct chat it lists the newest first, without those of threads.

    Needs the scope for the kind of channel: channels:history, groups:history, im:history or mpim:history.
    """

    def __init__(self, call: Call) -> None:
        self._call = call

    def begins(self, place: Place) -> bool:
        where = _where(place)
        if where.thread_ts:
            return place.message == where.thread_ts
        # Only the whole chat has its own id: a slash command begins a thread.
        return place.thread != f"slack:{where.team}:{where.channel}"

    def page(self, place: Place, limit: int, cursor: str = "") -> Exchange[HistoryPage]:
        where = _where(place)
        content = {"channel": where.channel, "limit": str(_PAGE), "include_all_metadata": "true"}
        if where.thread_ts:
            content["ts"] = where.thread_ts
        else:
            content["limit"] = str(min(limit, _PAGE))
        if place.message:
            content["latest"] = place.message
        if cursor:
            content["cursor"] = cursor
        doing = f"reading what was said in {where.channel}"
        response = yield from self._call("GET", where.method, content, doing, LAST, scope=_scope(where))
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
        if where.thread_ts:
            return HistoryPage(messages, following or "", forward=True)
        return HistoryPage(messages[::-1], following or "")

    def limits(self, place: Place) -> Sequence[str]:
        return ["", _scope(_where(place))]


def _where(place: Place) -> _Where:
    try:
        return msgspec.convert(place.address, _Where)
    except msgspec.ValidationError as error:
        raise Rejected(f"the event has no usable Slack address: {error}") from error


def _scope(where: _Where) -> str:
    # That of looking for a reply: Slack limits each method per workspace.
    return f"{where.method}:{where.team}"
