"""What people do with an app's buttons, modals, shortcuts and commands, built and signed.

https://docs.slack.dev/reference/interaction-payloads, https://docs.slack.dev/interactivity/implementing-slash-commands
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import msgspec

from answerback.testing.standins.signatures import Delivery
from answerback.testing.standins.slack.signing import Sender, timestamp
from answerback.testing.standins.values import Json


def trigger() -> str:
    """Return a new trigger's id."""
    return f"{uuid.uuid4().int % 10**12}.{uuid.uuid4().int % 10**11}.{uuid.uuid4().hex}"


@dataclass(frozen=True, kw_only=True)
class Interactions(Sender):
    """A person at an app's buttons, modals, shortcuts and commands. Each method returns the request it leads to."""

    def button(
        self,
        action_id: str = "approve",
        value: str = "42",
        *,
        ts: str | None = None,
        thread_ts: str | None = None,
        block_id: str = "b1",
        label: str = "Approve",
        message: Json | None = None,
        response_url: str = "",
        trigger_id: str | None = None,
        action: Json | None = None,
        state: Json | None = None,
    ) -> Delivery:
        """`block_actions`: a button of the message `ts` was pressed; `action` replaces the button by any element."""
        at, id = ts or timestamp(), trigger_id or trigger()
        text = {"type": "plain_text", "text": label, "emoji": True}
        pressed: Json = {"action_id": action_id, "block_id": block_id, "text": text, "value": value, "type": "button"}
        if action is not None:
            pressed = {"action_id": action_id, "block_id": block_id} | action
        shown: Json = {"type": "message", "user": self.our_user, "ts": at, "text": "Deploy?", "team": self.team}
        shown |= {"bot_id": "B0ANSWERBOT", "app_id": self.app_id} | ({"thread_ts": thread_ts} if thread_ts else {})
        container = {"type": "message", "message_ts": at, "channel_id": self.channel, "is_ephemeral": False}
        payload = self._interaction("block_actions", id) | {
            "container": container | ({"thread_ts": thread_ts} if thread_ts else {}),
            "channel": {"id": self.channel, "name": "directmessage" if self.channel_type == "im" else "general"},
            "message": message or shown,
            "state": {"values": state or {}},
            "response_url": response_url or f"https://hooks.slack.com/actions/{self.team}/1/x",
            "actions": [pressed | {"action_ts": timestamp()}],
        }
        return self._payload(payload, id)

    def select(self, action_id: str, value: str, label: str = "", **where: Any) -> Delivery:
        """`block_actions`: an option of a menu was chosen."""
        option = {"text": {"type": "plain_text", "text": label or value, "emoji": True}, "value": value}
        return self.button(action_id, action={"type": "static_select", "selected_option": option}, **where)

    def suggestion(
        self, action_id: str, text: str = "", *, block_id: str = "b1", view: Json | None = None, ts: str = ""
    ) -> Delivery:
        """`block_suggestion`: a person types into a menu of a modal, or of the message `ts`."""
        payload = self._interaction("block_suggestion", trigger())
        del payload["trigger_id"]
        payload |= {"action_id": action_id, "block_id": block_id, "value": text}
        if view is not None:
            payload |= {"container": {"type": "view", "view_id": view["id"]}, "view": view}
        else:
            payload |= {
                "container": {"type": "message", "message_ts": ts, "channel_id": self.channel, "is_ephemeral": False},
                "channel": {"id": self.channel, "name": "general"},
                "message": {"type": "message", "ts": ts, "text": "", "team": self.team},
            }
        return self._payload(payload, f"{action_id} {text}")

    def submission(
        self,
        values: Json,
        *,
        callback_id: str = "feedback",
        private_metadata: str = "",
        view_id: str = "V0FEEDBACK",
        title: str = "Feedback",
        trigger_id: str | None = None,
        closed: bool = False,
        view: Json | None = None,
        response_urls: list[Json] | None = None,
    ) -> Delivery:
        """`view_submission`: a modal was submitted. `values`: block id → action id → the element's state."""
        id = trigger_id or trigger()
        shown = {
            "id": view_id,
            "team_id": self.team,
            "type": "modal",
            "blocks": [],
            "private_metadata": private_metadata,
            "callback_id": callback_id,
            "state": {"values": values},
            "hash": timestamp(),
            "title": {"type": "plain_text", "text": title, "emoji": True},
            "app_id": self.app_id,
            "external_id": "",
            "app_installed_team_id": self.team,
            "bot_id": "B0ANSWERBOT",
        }
        payload = self._interaction("view_closed" if closed else "view_submission", id)
        payload["view"] = shown | (view or {})
        if closed:
            del payload["trigger_id"]
            return self._payload(payload | {"is_cleared": False}, id)
        return self._payload(payload | {"response_urls": response_urls or []}, id)

    def shortcut(self, callback_id: str = "new_ticket", *, trigger_id: str | None = None) -> Delivery:
        """`shortcut`: a global one, which belongs to no channel."""
        id = trigger_id or trigger()
        payload = self._interaction("shortcut", id)
        del payload["api_app_id"]
        return self._payload(payload | {"callback_id": callback_id, "action_ts": timestamp()}, id)

    def message_shortcut(
        self,
        callback_id: str = "summarize",
        *,
        ts: str | None = None,
        thread_ts: str | None = None,
        text: str = "The build is red",
        response_url: str = "",
        trigger_id: str | None = None,
    ) -> Delivery:
        """`message_action`: a shortcut of the menu of the message `ts`."""
        at, id = ts or timestamp(), trigger_id or trigger()
        message: Json = {"type": "message", "user": self.user, "ts": at, "text": text, "team": self.team}
        payload = self._interaction("message_action", id)
        del payload["api_app_id"]
        return self._payload(
            payload
            | {
                "callback_id": callback_id,
                "action_ts": timestamp(),
                "message_ts": at,
                "channel": {"id": self.channel, "name": "general"},
                "message": message | ({"thread_ts": thread_ts} if thread_ts else {}),
                "response_url": response_url or f"https://hooks.slack.com/app/{self.team}/1/x",
            },
            id,
        )

    def command(
        self, command: str = "/deploy", text: str = "", *, response_url: str = "", trigger_id: str | None = None
    ) -> Delivery:
        """A slash command, which has no message."""
        id = trigger_id or trigger()
        fields = {
            "token": "legacy",
            "team_id": self.team,
            "team_domain": "standin",
            "channel_id": self.channel,
            "channel_name": "directmessage" if self.channel_type == "im" else "general",
            "user_id": self.user,
            "user_name": "ada",
            "command": command,
            "text": text,
            "api_app_id": self.app_id,
            "is_enterprise_install": "false",
            "response_url": response_url or f"https://hooks.slack.com/commands/{self.team}/1/x",
            "trigger_id": id,
        }
        enterprise = {"enterprise_id": self.enterprise, "enterprise_name": "Stand-in"} if self.enterprise else {}
        return self.form(fields | enterprise, id)

    def _interaction(self, type: str, trigger_id: str) -> Json:
        enterprise = {"id": self.enterprise, "name": "Stand-in"} if self.enterprise else None
        return {
            "type": type,
            "user": {"id": self.user, "username": "ada", "name": "ada", "team_id": self.team},
            "api_app_id": self.app_id,
            "token": "legacy",
            "trigger_id": trigger_id,
            "team": {"id": self.team, "domain": "standin"},
            "enterprise": enterprise,
            "is_enterprise_install": False,
        }

    def _payload(self, payload: Json, identity: str) -> Delivery:
        return self.form({"payload": msgspec.json.encode(payload).decode()}, identity)
