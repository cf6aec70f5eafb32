"""Modals, triggers and response URLs: https://docs.slack.dev/surfaces/modals, https://docs.slack.dev/interactivity/handling-user-interaction"""

from __future__ import annotations

import re
import time
import uuid
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from answerback.testing.standins.slack.calls import Call, Method, refusal
from answerback.testing.standins.slack.conversations import Message
from answerback.testing.standins.slack.interactions import trigger
from answerback.testing.standins.slack.messages import Messages
from answerback.testing.standins.slack.people import People
from answerback.testing.standins.slack.space import NAME, Space
from answerback.testing.standins.standin import Operation, answer
from answerback.testing.standins.values import Json

_USES, _MINUTES = 5, 30
"""How often, and how long, a response URL may be used."""
_LONGEST_TITLE, _MOST_BLOCKS, _LONGEST_METADATA = 24, 100, 3_000
_TRIGGER = re.compile(r"\d+\.\d+\.[0-9a-f]{32}")


@dataclass
class Response:
    """A response URL: where it leads, and how often it was used."""

    until: float
    channel: str = ""
    ts: str = ""
    thread_ts: str | None = None
    user: str = ""
    uses: int = 0


class Views:
    """The methods `views.*`, response URLs, and what people do with modals."""

    def __init__(self, space: Space, messages: Messages, people: People) -> None:
        self._space, self._messages, self._people = space, messages, people
        people.offers = self._offers
        people.add(
            {
                "suggest": self._suggest,
                "submit": self._submit,
                "close": lambda fields: self._submit(fields, closed=True),
            }
        )
        self.reset()

    def reset(self) -> None:
        """Delete everything."""
        self._triggers: dict[str, float] = {}
        self._used: set[str] = set()
        self._responses: dict[str, Response] = {}
        self._views: dict[str, Json] = {}

    def methods(self) -> list[Method]:
        """Return the methods."""
        return [
            Method("views.open", "", self._open),
            Method("views.push", "", self._open),
            Method("views.update", "", self._update),
        ]

    def operations(self) -> list[Operation]:
        """Return the URLs that are not methods."""
        return [Operation("POST", "/response/{id}", "response_url", self._respond)]

    def state(self) -> list[Json]:
        """Return the modals that are open."""
        return list(self._views.values())

    def _offers(self, fields: Json, channel: str, ts: str) -> dict[str, Any]:
        """Return a trigger, and a response URL for what happened there."""
        id, response = trigger(), uuid.uuid4().hex
        self._triggers[id] = time.monotonic() + self._space.options.slack_trigger_seconds
        found = self._space.conversations.find(channel, ts) if ts else None
        until, user = time.monotonic() + _MINUTES * 60, fields.get("user", "U2147483697")
        self._responses[response] = Response(until, channel, ts, found.thread_ts if found else None, user)
        return {"trigger_id": id, "response_url": f"{self._space.url}/response/{response}"}

    async def _open(self, call: Call) -> Json:
        """https://docs.slack.dev/reference/methods/views.open, and `views.push` on top of an open one"""
        id = call.needed("trigger_id", "invalid_trigger_id")
        if not _TRIGGER.fullmatch(id):
            raise refusal("invalid_trigger_id")
        # An unknown one is accepted: the code under test may have it from a request that a test made.
        if time.monotonic() > self._triggers.get(id, float("inf")):
            raise refusal("expired_trigger_id")
        if id in self._used:
            raise refusal("exchanged_trigger_id")
        view = _view(call)
        self._used.add(id)
        shown = view | {
            "id": f"V{uuid.uuid4().hex[:10].upper()}",
            "team_id": call.installation.home,
            "state": {"values": {}},
            "hash": self._space.conversations.timestamp(),
            "app_id": call.installation.app,
            "bot_id": call.installation.bot,
            "app_installed_team_id": call.installation.home,
        }
        self._views[shown["id"]] = shown
        return {"view": shown}

    async def _update(self, call: Call) -> Json:
        """https://docs.slack.dev/reference/methods/views.update"""
        id, external = call.word("view_id"), call.word("external_id")
        found = next(
            (one for one in self._views.values() if id == one["id"] or external == one.get("external_id")), None
        )
        if found is None:
            raise refusal("not_found")
        if call.word("hash") not in ("", found["hash"]):
            raise refusal("hash_conflict")
        found |= _view(call) | {"hash": self._space.conversations.timestamp()}
        return {"view": found}

    async def _respond(self, request: web.Request) -> web.Response:
        """https://docs.slack.dev/interactivity/handling-user-interaction#message_responses"""
        id = request.match_info["id"]
        url = self._responses.setdefault(id, Response(time.monotonic() + _MINUTES * 60))
        if time.monotonic() > url.until or url.uses >= _USES:
            return answer({"ok": False, "error": "used_url" if url.uses >= _USES else "expired_url"}, 404)
        try:
            fields = msgspec.json.decode(await request.read(), type=dict[str, Any])
        except msgspec.DecodeError:
            return web.Response(status=400, text="invalid_payload")
        original = self._space.conversations.find(url.channel, url.ts)
        deleted = fields.get("delete_original") is True
        if not deleted and not fields.get("text") and not fields.get("blocks"):
            return answer({"ok": False, "error": "no_text"}, 400)
        url.uses += 1
        if deleted:
            if original is not None:
                self._space.conversations.remove(original)
                self._space.journal.deleted(NAME, original.ts)
        elif fields.get("replace_original") is True and original is not None:
            original.text, original.blocks = str(fields.get("text") or ""), fields.get("blocks")
            self._space.journal.edited(NAME, original.ts, original.text, original.blocks or [])
        else:
            self._write(fields, url)
        return web.Response(text="ok")

    def _write(self, fields: Json, url: Response) -> None:
        ours, text, blocks = self._space.installations.first, str(fields.get("text") or ""), fields.get("blocks")
        ts, thread = self._space.conversations.timestamp(), fields.get("thread_ts") or url.thread_ts
        if fields.get("response_type") == "in_channel":
            message = Message(url.channel, ts, text, ours.user, ours.bot, ours.home, thread, blocks=blocks)
            self._messages.keep(message, "response_url")
            return
        where = f"{url.channel}/{thread}" if thread else url.channel
        posted = {"id": ts, "thread": f"{where}@{url.user}", "body": text, "who": ours.bot}
        self._space.journal.posted(NAME, "response_url", key="", blocks=blocks or [], **posted)

    def _suggest(self, fields: Json) -> Json:
        """Type into a menu with options that the app is asked for: view_id or channel and ts, action_id, text."""
        person, view = self._people.person(fields), self._views.get(fields.get("view_id", ""))
        message = self._space.conversations.find(fields.get("channel", ""), fields.get("ts", ""))
        blocks = view["blocks"] if view else (message.blocks if message else None) or []
        for block in blocks:
            for element in [block.get("element"), *block.get("elements", [])]:
                if element and element.get("action_id") == fields["action_id"] and "external" in element["type"]:
                    where = {"block_id": block["block_id"], "view": view, "ts": fields.get("ts", "")}
                    delivery = person.suggestion(fields["action_id"], fields.get("text", ""), **where)
                    self._space.emit(delivery)
                    return {"id": delivery.id}
        raise ValueError(f"there is no menu {fields['action_id']!r} whose options are asked for")

    def _submit(self, fields: Json, *, closed: bool = False) -> Json:
        """Submit a modal, or close it: view_id, values, user."""
        view = self._views.pop(fields["view_id"], None)
        if view is None:
            raise ValueError(f"no modal {fields['view_id']} is open")
        id = trigger()
        self._triggers[id] = time.monotonic() + self._space.options.slack_trigger_seconds
        shown = {name: view[name] for name in view if name != "state"}
        delivery = self._people.person(fields).submission(
            fields.get("values", {}), view=shown, trigger_id=id, closed=closed
        )
        self._space.emit(delivery)
        return {"id": delivery.id}


def _view(call: Call) -> Json:
    view = call.json("view", "invalid_arguments")
    if not isinstance(view, dict) or view.get("type") != "modal" or not isinstance(view.get("blocks"), list):
        raise refusal("invalid_arguments", response_metadata={"messages": ["[ERROR] not a modal [json-pointer:/view]"]})
    title = view.get("title")
    words = title.get("text", "") if isinstance(title, dict) else ""
    if not 0 < len(words) <= _LONGEST_TITLE or len(view["blocks"]) > _MOST_BLOCKS:
        raise refusal("invalid_arguments", response_metadata={"messages": ["[ERROR] title [json-pointer:/view/title]"]})
    if len(str(view.get("private_metadata", ""))) > _LONGEST_METADATA:
        raise refusal("view_too_large")
    return view
