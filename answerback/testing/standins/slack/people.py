"""What people do in Slack, with the events and requests that our app gets because of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from answerback.testing.standins.signatures import Delivery
from answerback.testing.standins.slack.conversations import Message
from answerback.testing.standins.slack.presence import Presence
from answerback.testing.standins.slack.space import NAME, Space
from answerback.testing.standins.slack.streams import Streams
from answerback.testing.standins.slack.webhooks import Slack as Webhook
from answerback.testing.standins.values import Json


class People:
    """The people of all workspaces."""

    def __init__(self, space: Space, streams: Streams, presence: Presence) -> None:
        self._space, self._streams, self._presence = space, streams, presence
        self.offers: Callable[[Json, str, str], dict[str, Any]] = lambda *_: {"trigger_id": None}
        """Returns what an interaction offers to the app: a trigger, a response URL."""
        self._acts: dict[str, Callable[[Json], Json]] = {
            "say": self._say,
            "edit": self._edit,
            "delete": self._delete,
            "react": self._react,
            "press": self._press,
            "shortcut": self._shortcut,
            "command": self._command,
            "stop": self._stop,
            "name": self._name,
            "kick": lambda fields: self._member(fields, outside=True),
            "invite": lambda fields: self._member(fields, outside=False),
            "uninstall": self._uninstall,
        }

    def act(self, act: str, details: Json) -> Json:
        """Do something, as `client.StandIns.act` describes it."""
        if act not in self._acts:
            raise ValueError(f"people do not {act!r} here, but {', '.join(self._acts)}")
        return self._acts[act](details)

    def add(self, acts: dict[str, Callable[[Json], Json]]) -> None:
        """Add what people do with another part."""
        self._acts |= acts

    def write(self, said: Json) -> Message:
        """Store a person's message without an event."""
        message = Message(
            said.get("channel", "C024BE91L"),
            said.get("ts") or self._space.conversations.timestamp(),
            said.get("text", ""),
            said.get("user", "U2147483697"),
            team=said.get("team", ""),
            thread_ts=said.get("thread_ts"),
            blocks=said.get("blocks"),
            attachments=said.get("attachments"),
            files=said.get("files", []),
            subtype=said.get("subtype"),
        )
        self._space.conversations.keep(message)
        return message

    def person(self, fields: Json, channel: str = "") -> Webhook:
        """Return the maker of events about a person's acts."""
        home = self._space.installations.by_team(fields.get("team", ""))
        where = channel or fields.get("channel", "C024BE91L")
        return self._space.webhook(where, fields.get("user", "U2147483697"), at=home)

    def _say(self, fields: Json) -> Json:
        """Write a message: a `message`, and an `app_mention` beside it if it mentions us."""
        message = self.write(fields)
        person, shown = self.person(fields), self._space.json(message)
        if message.channel in self._space.outside:
            return shown
        self._space.emit(person.written(shown))
        if f"<@{person.our_user}>" in message.text:
            self._space.emit(person.mentioned(shown))
        return shown

    def _edit(self, fields: Json) -> Json:
        message = self._message(fields)
        before = self._space.json(message)
        message.text, message.edited = fields["text"], self._space.conversations.timestamp()
        shown = self._space.json(message)
        self._space.emit(self._space.author(message).rewritten(shown, before))
        return shown

    def _delete(self, fields: Json) -> Json:
        message = self._message(fields)
        shown = self._space.json(message)
        self._space.conversations.remove(message)
        self._space.emit(self._space.author(message).erased(shown))
        return shown

    def _react(self, fields: Json) -> Json:
        """Add a reaction, or remove it."""
        message, name, removed = self._message(fields), fields.get("reaction", "thumbsup"), fields.get("removed", False)
        person = self.person(fields)
        users = message.reactions.setdefault(name, [])
        if removed == (person.user in users):
            users.remove(person.user) if removed else users.append(person.user)
        self._space.emit(person.reaction(name, ts=message.ts, of=message.user, removed=removed))
        return self._space.json(message)

    def _press(self, fields: Json) -> Json:
        """Press a button of a message, or choose the option with `value` of a menu."""
        message, id = self._message(fields), fields["action_id"]
        block, element = _element(message.blocks or [], id)
        action: Json = {"type": element["type"]}
        if element["type"] == "button":
            action |= {name: element[name] for name in ("text", "value", "url") if name in element}
        else:
            action["selected_option"] = next(
                option for option in element["options"] if option["value"] == fields["value"]
            )
        interaction = self.person(fields).button(
            id,
            ts=message.ts,
            thread_ts=message.thread_ts,
            block_id=block.get("block_id", "b1"),
            message=self._space.json(message, metadata=True),
            action=action,
            **self.offers(fields, message.channel, message.ts),
        )
        return self._sent(interaction)

    def _shortcut(self, fields: Json) -> Json:
        """Use a shortcut: a global one, or one of the message `ts`."""
        person, callback = self.person(fields), fields.get("callback_id", "summarize")
        offers = self.offers(fields, person.channel, fields.get("ts", ""))
        if "ts" not in fields:
            return self._sent(person.shortcut(callback, trigger_id=offers["trigger_id"]))
        message = self._message(fields)
        thread, text = message.thread_ts, message.text
        return self._sent(person.message_shortcut(callback, ts=message.ts, thread_ts=thread, text=text, **offers))

    def _command(self, fields: Json) -> Json:
        """Use a slash command."""
        person = self.person(fields)
        offers = self.offers(fields, person.channel, "")
        return self._sent(person.command(fields.get("command", "/deploy"), fields.get("text", ""), **offers))

    def _stop(self, fields: Json) -> Json:
        """Press the stop button of a thread in which an agent works."""
        channel, thread = fields["channel"], fields["thread_ts"]
        if not self._presence.processing(channel, thread) and not fields.get("anyway"):
            raise ValueError(f"people see no stop button: no session is processing in {channel}/{thread}")
        streams = self._streams.interrupt(channel, thread)
        self._space.emit(self.person(fields).session_stopped(thread, streams))
        return {"streaming_message_ts": streams}

    def _name(self, fields: Json) -> Json:
        """Name a user or a channel."""
        self._space.names[fields["id"]] = fields["name"]
        return fields

    def _member(self, fields: Json, *, outside: bool) -> Json:
        """Remove our app from a channel, or invite it."""
        (self._space.outside.add if outside else self._space.outside.discard)(fields["channel"])
        return fields

    def _uninstall(self, fields: Json) -> Json:
        """Remove our app from a workspace."""
        installation = self._space.installations.by_team(fields["team"])
        if installation is None:
            raise ValueError(f"the app is not installed in {fields['team']}")
        event = self._space.webhook("", at=installation).uninstalled()
        self._space.installations.remove(installation)
        self._space.emit(event)
        return fields

    def _sent(self, delivery: Delivery) -> Json:
        self._space.emit(delivery)
        return {"id": delivery.id}

    def _message(self, fields: Json) -> Message:
        message = self._space.conversations.find(fields["channel"], fields["ts"])
        if message is None:
            raise ValueError(f"there is no message {fields['channel']}/{fields['ts']} on {NAME}")
        return message


def _element(blocks: list[Json], action_id: str) -> tuple[Json, Json]:
    for block in blocks:
        for element in [*block.get("elements", []), block.get("accessory")]:
            if isinstance(element, dict) and element.get("action_id") == action_id:
                return block, element
    raise ValueError(f"the message has no element {action_id!r}")
