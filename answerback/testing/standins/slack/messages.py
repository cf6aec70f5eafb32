"""Post, update and delete messages: https://docs.slack.dev/reference/methods/?filter=chat"""

from __future__ import annotations

from answerback.testing.standins.slack.calls import Call, Method, refusal
from answerback.testing.standins.slack.content import LONGEST, LONGEST_UPDATE, content, metadata_of
from answerback.testing.standins.slack.conversations import Message
from answerback.testing.standins.slack.presence import Presence
from answerback.testing.standins.slack.space import NAME, Space
from answerback.testing.standins.slack.streams import Streams
from answerback.testing.standins.values import Json


class Messages:
    """The methods `chat.*` except for streams."""

    def __init__(self, space: Space, streams: Streams, presence: Presence) -> None:
        self._space, self._streams, self._presence = space, streams, presence

    def methods(self) -> list[Method]:
        """Return the methods."""
        return [
            Method("chat.postMessage", "chat:write", self._post),
            Method("chat.update", "chat:write", self._update),
            Method("chat.delete", "chat:write", self._delete),
            Method("chat.postEphemeral", "chat:write", self._ephemeral),
        ]

    async def _post(self, call: Call) -> Json:
        """https://docs.slack.dev/reference/methods/chat.postMessage"""
        channel = call.needed("channel", "channel_not_found")
        if channel in self._space.outside:
            raise refusal("not_in_channel")
        text, blocks = content(call, LONGEST)
        metadata = metadata_of(call)
        message = Message(
            channel,
            self._space.conversations.timestamp(),
            text,
            call.installation.user,
            call.installation.bot,
            call.installation.home,
            call.word("thread_ts") or None,
            metadata,
            blocks=blocks,
            attachments=call.objects("attachments", "invalid_attachments"),
        )
        self.keep(message, "chat.postMessage")
        return {"channel": channel, "ts": message.ts, "message": self._space.json(message, metadata=True)}

    def keep(self, message: Message, operation: str) -> None:
        """Store a message of ours, record it, and send its event."""
        space = self._space
        space.conversations.keep(message)
        self._presence.answered(message)
        payload = message.metadata["event_payload"] if message.metadata else {}
        space.journal.posted(
            NAME,
            operation,
            id=message.ts,
            thread=f"{message.channel}/{message.thread_ts}" if message.thread_ts else message.channel,
            body=message.text,
            key=str(payload.get("key", "")),
            who=message.bot or "",
            blocks=message.blocks or [],
        )
        if message.channel not in space.outside:
            space.emit(space.author(message).written(space.json(message, metadata=True)))

    def remove(self, message: Message) -> None:
        """Delete a message of ours, and send its event."""
        self._space.conversations.remove(message)
        self._space.journal.deleted(NAME, message.ts)
        self._space.emit(self._space.author(message).erased(self._space.json(message)))

    async def _update(self, call: Call) -> Json:
        """https://docs.slack.dev/reference/methods/chat.update

        A new text without blocks removes the blocks; blocks without a text leave the text.
        """
        message = self._own(call, "cant_update_message")
        if self._streams.open(message):
            raise refusal("streaming_state_conflict")
        before = self._space.json(message)
        text, blocks = content(call, LONGEST_UPDATE)
        if "metadata" in call.arguments:
            message.metadata = metadata_of(call) or None
        if (attachments := call.objects("attachments", "invalid_attachments")) is not None:
            message.attachments = attachments
        message.text, message.blocks = text or message.text, blocks
        if not blocks:
            message.edited = self._space.conversations.timestamp()
        self._space.journal.edited(NAME, message.ts, message.text, blocks or [])
        shown = self._space.json(message, metadata=True)
        self._space.emit(self._space.author(message).rewritten(shown, before))
        return {"channel": message.channel, "ts": message.ts, "text": message.text, "message": shown}

    async def _delete(self, call: Call) -> Json:
        """https://docs.slack.dev/reference/methods/chat.delete"""
        message = self._own(call, "cant_delete_message")
        if self._streams.open(message):
            raise refusal("cant_delete_message")
        self.remove(message)
        return {"channel": message.channel, "ts": message.ts}

    async def _ephemeral(self, call: Call) -> Json:
        """https://docs.slack.dev/reference/methods/chat.postEphemeral: no event, no history."""
        channel, user = call.needed("channel", "channel_not_found"), call.needed("user", "user_not_in_channel")
        text, blocks = content(call, LONGEST)
        ts, thread = self._space.conversations.timestamp(), call.word("thread_ts")
        where = f"{channel}/{thread}" if thread else channel
        posted = {"id": ts, "thread": f"{where}@{user}", "body": text, "who": call.installation.bot}
        self._space.journal.posted(NAME, "chat.postEphemeral", key="", blocks=blocks or [], **posted)
        return {"message_ts": ts}

    def _own(self, call: Call, otherwise: str) -> Message:
        channel = call.needed("channel", "channel_not_found")
        message = self._space.conversations.find(channel, call.word("ts"))
        if message is None:
            raise refusal("message_not_found")
        if message.bot != call.installation.bot:
            raise refusal(otherwise)
        return message
