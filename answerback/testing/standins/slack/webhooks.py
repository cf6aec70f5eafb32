"""Slack's webhooks, built and signed: https://docs.slack.dev/apis/events-api/"""

from __future__ import annotations

import itertools
import time
import uuid
from dataclasses import dataclass

import msgspec

from answerback.testing.standins import signatures
from answerback.testing.standins.options import Options
from answerback.testing.standins.signatures import Delivery
from answerback.testing.standins.values import Json

_DEFAULTS = Options()
_numbers = itertools.count(1)


def timestamp() -> str:
    """Return a `ts` that no other message of this process has."""
    return f"{int(time.time())}.{next(_numbers) % 1_000_000:06d}"


@dataclass(frozen=True, kw_only=True)
class Slack:
    """A person in a Slack workspace. Each method returns the webhook of one thing that they do.

    bot_id        set if a bot writes; `app_id` is then its app
    channel_type  "channel", "group", "im" (a direct message) or "mpim"
    """

    team: str = _DEFAULTS.slack_team
    channel: str = "C024BE91L"
    channel_type: str = "channel"
    user: str = "U2147483697"
    bot_id: str | None = None
    app_id: str = _DEFAULTS.slack_app
    our_user: str = _DEFAULTS.slack_user
    secret: str = _DEFAULTS.slack_secret

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
        metadata: Json | None = None,
    ) -> Delivery:
        """`message`; `thread_ts` names the thread's first message."""
        event = self._said(text, ts or timestamp(), thread_ts) | {"channel_type": self.channel_type}
        return self.event(event if metadata is None else event | {"metadata": metadata}, event_id)

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

    def _about(self, subtype: str, parts: Json, event_id: str | None) -> Delivery:
        ts = timestamp()
        event = {
            "type": "message",
            "subtype": subtype,
            "channel": self.channel,
            "hidden": True,
            "ts": ts,
            "event_ts": ts,
        }
        return self.event(event | parts | {"channel_type": self.channel_type}, event_id)

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

    def event(self, event: Json, event_id: str | None) -> Delivery:
        """Any event, in its envelope."""
        identity = event_id or f"Ev{uuid.uuid4().hex[:10].upper()}"
        ours = {"enterprise_id": None, "team_id": self.team, "user_id": self.our_user, "is_bot": True}
        payload = {
            "token": "legacy",
            "team_id": self.team,
            "context_team_id": self.team,
            "api_app_id": self.app_id,
            "event": event,
            "type": "event_callback",
            "event_id": identity,
            "event_time": int(time.time()),
            "authorizations": [ours | {"is_enterprise_install": False}],
            "is_ext_shared_channel": False,
            "event_context": f"4-{identity}",
        }
        return self.signed(payload, identity)

    def again(self, delivery: Delivery, number: int = 1, reason: str = "http_timeout") -> Delivery:
        """Slack's own retry of a delivery: the same body, signed anew."""
        fresh = self._signed(delivery.body, delivery.id)
        retry = {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": reason}
        return fresh._replace(headers=fresh.headers | retry)

    def signed(self, payload: Json, identity: str) -> Delivery:
        """Any payload."""
        return self._signed(msgspec.json.encode(payload), identity)

    def _signed(self, body: bytes, identity: str) -> Delivery:
        at = int(time.time())
        headers = {
            "Accept": "*/*",
            "Content-Type": "application/json",
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": str(at),
            "X-Slack-Signature": signatures.slack(self.secret, at, body),
        }
        return Delivery(headers, body, identity)
