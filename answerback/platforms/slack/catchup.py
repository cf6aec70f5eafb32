"""The messages of the channels that our app is in.

https://docs.slack.dev/reference/methods/conversations.history, https://docs.slack.dev/reference/methods/users.conversations
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from answerback.events import Event
from answerback.platforms import Exchange, Response
from answerback.platforms.answer import read
from answerback.platforms.attempt import LAST, Attempt
from answerback.platforms.catchup import Channel, ChannelPage, MessageLog, MessagePage
from answerback.platforms.decoding import Spare
from answerback.platforms.slack.messages import event_of
from answerback.platforms.slack.payload import milliseconds

_KINDS = "public_channel,private_channel,mpim,im"
_PAGE = "200"


class Call(Protocol):
    """Calls a method of Slack's Web API: see `Slack`."""

    def __call__(
        self, method: Literal["GET"], name: str, content: Mapping[str, object], doing: str, attempt: Attempt,
        /, *, scope: str,
    ) -> Exchange[Response]: ...  # fmt: skip


class _Team(msgspec.Struct):
    team_id: str


class _Cursor(msgspec.Struct):
    next_cursor: str | None = None


class _Channel(msgspec.Struct):
    id: str


class _Channels(msgspec.Struct):
    channels: list[_Channel] = []
    response_metadata: Spare[_Cursor] = None


class _Messages(msgspec.Struct):
    messages: list[msgspec.Raw] = []
    response_metadata: Spare[_Cursor] = None


class _Root(msgspec.Struct):
    ts: Spare[str] = None
    latest_reply: Spare[str] = None


_team = msgspec.json.Decoder(_Team)
_channels = msgspec.json.Decoder(_Channels)
_messages = msgspec.json.Decoder(_Messages)
_root = msgspec.json.Decoder(_Root)


class SlackMessages(MessageLog):
    """See `MessageLog`. Needs channels:read and channels:history, and their siblings for other kinds of channels."""

    retention = 86_400_000
    # Slack allows 50 requests a minute and method; looking for replies needs some of them.
    pace = 2.5

    def __init__(self, call: Call) -> None:
        self._call = call

    def channels(self, cursor: str = "") -> Exchange[ChannelPage]:
        who = yield from self._get("auth.test", {}, "asking who we are")
        team = read(who, _team, "Slack", unknown=False).team_id
        content = {"types": _KINDS, "exclude_archived": "true", "limit": _PAGE} | ({"cursor": cursor} if cursor else {})
        response = yield from self._get("users.conversations", content, "listing channels")
        page = read(response, _channels, "Slack", unknown=False)
        found = [Channel(each.id, f"slack:{team}:{each.id}:") for each in page.channels]
        return ChannelPage(found, _next(page.response_metadata))

    def messages(self, channel: Channel, since: int, cursor: str = "") -> Exchange[MessagePage]:
        page = yield from self._page("conversations.history", channel, since, cursor, {})
        threads = []
        for raw in page.messages:
            try:
                root = _root.decode(raw)
            except msgspec.MsgspecError:
                continue
            if root.ts and root.latest_reply:
                threads.append(f"{channel.prefix}{root.ts}")
        return MessagePage(_events(channel, page, since), threads, _next(page.response_metadata))

    def replies(self, channel: Channel, thread: str, since: int, cursor: str = "") -> Exchange[MessagePage]:
        ts = thread.removeprefix(channel.prefix)
        page = yield from self._page("conversations.replies", channel, since, cursor, {"ts": ts})
        return MessagePage(_events(channel, page, since), (), _next(page.response_metadata))

    def limits(self, channel: Channel | None) -> Sequence[str]:
        methods = ("conversations.history", "conversations.replies") if channel else ("users.conversations",)
        return ["", *(_scope(method, channel) for method in methods)]

    def _page(
        self, method: str, channel: Channel, since: int, cursor: str, more: Mapping[str, str]
    ) -> Exchange[_Messages]:
        content = {"channel": channel.id, "oldest": f"{since / 1000:.6f}", "limit": _PAGE, **more}
        content["include_all_metadata"] = "true"
        if cursor:
            content["cursor"] = cursor
        response = yield from self._get(method, content, f"reading what was said in {channel.id}", channel)
        return read(response, _messages, "Slack", unknown=False)

    def _get(
        self, method: str, content: Mapping[str, object], doing: str, channel: Channel | None = None
    ) -> Exchange[Response]:
        return (yield from self._call("GET", method, content, doing, LAST, scope=_scope(method, channel)))


def _events(channel: Channel, page: _Messages, since: int) -> list[Event]:
    team = channel.prefix.split(":")[1]
    events = [event_of(raw, team, channel.id, account=team) for raw in page.messages]
    # A page of a thread begins with its first message, however old that is.
    return [event for event in events if event and milliseconds(event.message) >= since]


def _scope(method: str, channel: Channel | None) -> str:
    # As for replies: Slack limits each method per workspace.
    return f"{method}:{channel.prefix.split(':')[1]}" if channel else method


def _next(metadata: _Cursor | None) -> str:
    return (metadata and metadata.next_cursor) or ""
