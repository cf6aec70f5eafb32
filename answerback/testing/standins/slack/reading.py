"""Read conversations and users: https://docs.slack.dev/reference/methods/conversations.replies and its siblings."""

from __future__ import annotations

import re
import time

from answerback.testing.standins.slack.calls import Call, Method, refusal, true
from answerback.testing.standins.slack.conversations import Message, Window
from answerback.testing.standins.slack.space import KINDS, Space
from answerback.testing.standins.standin import Refusal, answer
from answerback.testing.standins.values import Json

FEW = 15
"""Objects of a page for an app that is distributed outside the Marketplace, which may ask once a minute."""
_USER = re.compile(r"[UW][A-Z0-9]+")


class Reading:
    """The methods that read messages, channels and users, and those of reactions."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self.reset()

    def reset(self) -> None:
        """Forget when each method was last used."""
        self._used: dict[tuple[str, str], float] = {}

    def methods(self) -> list[Method]:
        """Return the methods."""
        return [
            Method("conversations.replies", "history", self._replies),
            Method("conversations.history", "history", self._history),
            Method("conversations.info", "read", self._info),
            Method("users.conversations", "channels:read", self._channels),
            Method("users.info", "users:read", self._user),
            Method("reactions.add", "reactions:write", self._react),
            Method("reactions.remove", "reactions:write", self._unreact),
        ]

    async def _replies(self, call: Call) -> Json:
        """https://docs.slack.dev/reference/methods/conversations.replies

        An unknown thread is accepted: the code under test may have it from a webhook.
        """
        channel, ts = call.needed("channel"), call.needed("ts")
        window, size = self._page(call, "conversations.replies")
        metadata = true(call.arguments.get("include_all_metadata"))
        parent, below = self._space.conversations.thread(channel, ts)
        shown, more = window.page(below, call.word("cursor").removeprefix("after:"), size)
        count = {"reply_count": len(below), "latest_reply": below[-1].ts, "thread_ts": parent.ts} if below else {}
        # Every page begins with the parent, whatever the window.
        first = self._space.json(parent, metadata=metadata) | count
        messages = [first, *(self._space.json(one, metadata=metadata) for one in shown)]
        following = {"response_metadata": {"next_cursor": f"after:{shown[-1].ts}"}} if more else {}
        return {"messages": messages, "has_more": more, **following}

    async def _history(self, call: Call) -> Json:
        """https://docs.slack.dev/reference/methods/conversations.history: newest first, without replies."""
        channel = call.needed("channel", "channel_not_found")
        window, size = self._page(call, "conversations.history")
        metadata = true(call.arguments.get("include_all_metadata"))
        top = self._space.conversations.top(channel)
        shown, more = window.newest(top, call.word("cursor").removeprefix("before:"), size)
        messages = []
        for one in shown:
            _, below = self._space.conversations.thread(channel, one.ts)
            count = {"reply_count": len(below), "latest_reply": below[-1].ts, "thread_ts": one.ts} if below else {}
            messages.append(self._space.json(one, metadata=metadata) | count)
        following = {"response_metadata": {"next_cursor": f"before:{shown[-1].ts}"}} if more else {}
        return {"messages": messages, "has_more": more, "pin_count": 0, **following}

    def _page(self, call: Call, method: str) -> tuple[Window, int]:
        """Return the window and size of a page. Raises `ratelimited` for an app that asks too often."""
        pause, most = self._space.options.slack_history_seconds, 1000
        if pause:
            most, now = FEW, time.monotonic()
            wait = self._used.get((method, call.installation.home), -pause) + pause - now
            if wait > 0:
                raise Refusal(answer({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": str(int(wait) + 1)}))
            self._used[method, call.installation.home] = now
        try:
            size = min(max(int(call.arguments.get("limit") or most), 1), most)
            oldest, latest = float(call.arguments.get("oldest") or 0), float(call.arguments.get("latest") or 1e12)
        except ValueError:
            raise refusal("invalid_arguments") from None
        return Window(oldest, latest, true(call.arguments.get("inclusive"))), size

    async def _channels(self, call: Call) -> Json:
        """https://docs.slack.dev/reference/methods/users.conversations: all channels that somebody has written in."""
        return {"channels": [{"id": each, "is_member": True} for each in self._space.conversations.channels()]}

    async def _info(self, call: Call) -> Json:
        """https://docs.slack.dev/reference/methods/conversations.info"""
        channel = call.needed("channel", "channel_not_found")
        kind = KINDS.get(channel[:1], "channel")
        found: Json = {"id": channel, "created": 1449252889, "is_archived": False, "is_im": kind == "im"}
        if kind == "im":
            return {"channel": found | {"user": "U2147483697"}}
        name = self._space.names.get(channel, channel.lower())
        more = {"is_channel": kind == "channel", "is_group": kind == "group", "is_private": kind == "group"}
        return {"channel": found | more | {"name": name, "name_normalized": name, "is_member": True}}

    async def _user(self, call: Call) -> Json:
        """https://docs.slack.dev/reference/methods/users.info"""
        user = call.needed("user", "user_not_found")
        if not _USER.fullmatch(user):
            raise refusal("user_not_found")
        bot = user == call.installation.user
        name = self._space.names.get(user, "answerbot" if bot else f"Person {user}")
        profile = {"real_name": name, "display_name": name.partition(" ")[0], "team": call.installation.home}
        found = {"id": user, "team_id": call.installation.home, "name": user.lower(), "deleted": False}
        return {"user": found | {"real_name": name, "profile": profile, "is_bot": bot, "tz": "Europe/Berlin"}}

    async def _react(self, call: Call) -> Json:
        """https://docs.slack.dev/reference/methods/reactions.add"""
        channel, ts, name = self._item(call)
        message = self._space.conversations.find(channel, ts)
        users = message.reactions.setdefault(name, []) if message else []
        if call.installation.user in users:
            raise refusal("already_reacted")
        users.append(call.installation.user)
        ours = self._space.webhook(channel, bot=call.installation)
        self._space.emit(ours.reaction(name, ts=ts, of=message.user if message else ""))
        return {}

    async def _unreact(self, call: Call) -> Json:
        """https://docs.slack.dev/reference/methods/reactions.remove"""
        channel, ts, name = self._item(call)
        message = self._space.conversations.find(channel, ts)
        users = message.reactions.get(name, []) if message else []
        if call.installation.user not in users:
            raise refusal("no_reaction")
        users.remove(call.installation.user)
        if message is not None and not users:
            del message.reactions[name]
        ours = self._space.webhook(channel, bot=call.installation)
        self._space.emit(ours.reaction(name, ts=ts, of=message.user if message else "", removed=True))
        return {}

    def _item(self, call: Call) -> tuple[str, str, str]:
        """Return what is reacted to. An unknown message is invented: the code under test may have it from a webhook."""
        channel, ts, name = call.needed("channel"), call.needed("timestamp"), call.needed("name", "invalid_name")
        if not re.fullmatch(r"[a-z0-9_+'-]{1,100}(::skin-tone-[2-6])?", name):
            raise refusal("invalid_name")
        if not re.fullmatch(r"\d+\.\d+", ts):
            raise refusal("bad_timestamp")
        if self._space.conversations.find(channel, ts) is None:
            self._space.conversations.keep(Message(channel, ts, "", "U2147483697"))
        return channel, ts, name
