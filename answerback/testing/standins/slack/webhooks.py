"""Slack's events, built and signed: https://docs.slack.dev/apis/events-api/"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from answerback.testing.standins.signatures import Delivery
from answerback.testing.standins.slack.interactions import Interactions
from answerback.testing.standins.slack.signing import timestamp
from answerback.testing.standins.values import Json

__all__ = ["Slack", "timestamp"]


@dataclass(frozen=True, kw_only=True)
class Slack(Interactions):
    """A person in a Slack workspace. Each method returns the webhook of one thing that they do."""

    def url_verification(self, challenge: str = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P") -> Delivery:
        """Slack's handshake."""
        return self.signed({"token": "legacy", "challenge": challenge, "type": "url_verification"}, "url_verification")

    def message(
        self,
        text: str = "Hello",
        *,
        ts: str | None = None,
        thread_ts: str | None = None,
        event_id: str | None = None,
        **more: Any,
    ) -> Delivery:
        """`message`; `thread_ts` names the thread's first message. `more`: metadata, blocks, files, subtype …"""
        event = self._said(text, ts or timestamp(), thread_ts) | {"channel_type": self.channel_type}
        return self.event(event | {name: value for name, value in more.items() if value is not None}, event_id)

    def mention(
        self,
        text: str | None = None,
        *,
        ts: str | None = None,
        thread_ts: str | None = None,
        event_id: str | None = None,
    ) -> Delivery:
        """`app_mention`; Slack sends it beside the `message` with the same `ts`."""
        said = self._said(text or f"<@{self.our_user}> hello", ts or timestamp(), thread_ts)
        return self.event(said | {"type": "app_mention"}, event_id)

    def changed(
        self, text: str, *, ts: str, thread_ts: str | None = None, before: str = "", event_id: str | None = None
    ) -> Delivery:
        """`message_changed`: the message `ts` now says `text`."""
        edited = self._said(text, ts, thread_ts) | {"edited": {"user": self.user, "ts": timestamp()}}
        previous = self._said(before, ts, thread_ts)
        return self._about("message_changed", {"message": edited, "previous_message": previous}, event_id)

    def deleted(
        self, *, ts: str, thread_ts: str | None = None, before: str = "", event_id: str | None = None
    ) -> Delivery:
        """`message_deleted`: the message `ts` is gone."""
        previous = self._said(before, ts, thread_ts)
        return self._about("message_deleted", {"deleted_ts": ts, "previous_message": previous}, event_id)

    def written(self, shown: Json) -> Delivery:
        """`message`, of a message as Slack shows it."""
        return self.event(shown | self._where(shown["ts"]))

    def mentioned(self, shown: Json) -> Delivery:
        """`app_mention`, of a message as Slack shows it."""
        where = {"channel": self.channel, "event_ts": shown["ts"]}
        return self.event(shown | {"type": "app_mention"} | where)

    def rewritten(self, shown: Json, before: Json) -> Delivery:
        """`message_changed`, of a message as Slack shows it."""
        return self._about("message_changed", {"message": shown, "previous_message": before})

    def erased(self, before: Json) -> Delivery:
        """`message_deleted`, of a message as Slack showed it."""
        return self._about("message_deleted", {"deleted_ts": before["ts"], "previous_message": before})

    def reaction(self, name: str = "thumbsup", *, ts: str, of: str = "", removed: bool = False) -> Delivery:
        """`reaction_added` to the message `ts` of the user `of`, or `reaction_removed`."""
        event: Json = {"type": "reaction_removed" if removed else "reaction_added", "user": self.user, "reaction": name}
        item = {"type": "message", "channel": self.channel, "ts": ts}
        return self.event(event | {"item": item, "item_user": of or self.our_user, "event_ts": timestamp()})

    def session_stopped(self, thread_ts: str, streams: list[str] | None = None) -> Delivery:
        """`agent_session_stopped`: the stop button was pressed."""
        where = {"channel": self.channel, "thread_ts": thread_ts, "event_ts": timestamp()}
        streaming = {"streaming_message_ts": streams or []}
        return self.event({"type": "agent_session_stopped", "user": self.user} | where | streaming)

    def assistant_opened(self, thread_ts: str, context: Json | None = None, *, changed: bool = False) -> Delivery:
        """`assistant_thread_started` in a direct message, or `assistant_thread_context_changed`."""
        type = "assistant_thread_context_changed" if changed else "assistant_thread_started"
        thread = {"user_id": self.user, "channel_id": self.channel, "thread_ts": thread_ts, "context": context or {}}
        return self.event({"type": type, "assistant_thread": thread, "event_ts": timestamp()})

    def context_changed(self, context: Json | None = None) -> Delivery:
        """`app_context_changed`: what the person looks at beside an agent's view."""
        where = {"channel": self.channel, "user": self.user, "event_ts": timestamp()}
        return self.event({"type": "app_context_changed", **where, "context": context or {"entities": []}})

    def uninstalled(self) -> Delivery:
        """`app_uninstalled`."""
        return self.event({"type": "app_uninstalled"})

    def revoked(self) -> Delivery:
        """`tokens_revoked`."""
        return self.event({"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [self.our_user]}})

    def _about(self, subtype: str, parts: Json, event_id: str | None = None) -> Delivery:
        ts = timestamp()
        event = {"type": "message", "subtype": subtype, "hidden": True, "ts": ts}
        return self.event(event | parts | self._where(ts), event_id)

    def _where(self, ts: str) -> Json:
        return {"channel": self.channel, "event_ts": ts, "channel_type": self.channel_type}

    def _said(self, text: str, ts: str, thread_ts: str | None) -> Json:
        event: Json = {"type": "message", "user": self.user, "text": text, "ts": ts, "team": self.team}
        if self.bot_id is not None:
            profile = {"id": self.bot_id, "app_id": self.app_id, "name": "answerbot", "team_id": self.team}
            event |= {"bot_id": self.bot_id, "app_id": self.app_id, "bot_profile": profile}
        else:
            event["client_msg_id"] = str(uuid.uuid4())
        if thread_ts is not None:
            event |= {"thread_ts": thread_ts, "parent_user_id": self.user}
        return event | {"channel": self.channel, "event_ts": ts}
