"""Signed requests of Slack to an app: events as JSON, interactions and commands as forms."""

from __future__ import annotations

import itertools
import time
import uuid
from dataclasses import dataclass
from urllib.parse import urlencode

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
class Sender:
    """Where something happens, who does it, and our app there.

    enterprise    the organization of the workspace; "": none
    bot_id        set if a bot writes; `app_id` is then its app
    channel_type  "channel", "group", "im" (a direct message) or "mpim"
    """

    team: str = _DEFAULTS.slack_team
    enterprise: str = ""
    channel: str = "C024BE91L"
    channel_type: str = "channel"
    user: str = "U2147483697"
    bot_id: str | None = None
    app_id: str = _DEFAULTS.slack_app
    our_user: str = _DEFAULTS.slack_user
    secret: str = _DEFAULTS.slack_secret

    def event(self, event: Json, event_id: str | None = None) -> Delivery:
        """Any event, in its envelope."""
        identity = event_id or f"Ev{uuid.uuid4().hex[:10].upper()}"
        enterprise = self.enterprise or None
        ours = {"enterprise_id": enterprise, "team_id": self.team, "user_id": self.our_user, "is_bot": True}
        payload = {
            "token": "legacy",
            "team_id": self.team,
            "context_team_id": self.team,
            "context_enterprise_id": enterprise,
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
        fresh = self._signed(delivery.body, delivery.id, delivery.headers["Content-Type"])
        retry = {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": reason}
        return fresh._replace(headers=fresh.headers | retry)

    def signed(self, payload: Json, identity: str) -> Delivery:
        """Any payload."""
        return self._signed(msgspec.json.encode(payload), identity, "application/json")

    def form(self, fields: Json, identity: str) -> Delivery:
        """Any form."""
        return self._signed(urlencode(fields).encode(), identity, "application/x-www-form-urlencoded")

    def _signed(self, body: bytes, identity: str, content_type: str) -> Delivery:
        at = int(time.time())
        headers = {
            "Accept": "*/*",
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": str(at),
            "X-Slack-Signature": signatures.slack(self.secret, at, body),
        }
        return Delivery(headers, body, identity)
