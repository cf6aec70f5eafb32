"""Messages that are shown while they are written: https://docs.slack.dev/reference/methods/chat.startStream

A stream ends when it is stopped, by a person's stop button, or by itself some minutes after its start.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import Any

from answerback.testing.standins.slack.calls import Call, Method, refusal
from answerback.testing.standins.slack.content import LONGEST_MARKDOWN, check_blocks, metadata_of
from answerback.testing.standins.slack.conversations import Message
from answerback.testing.standins.slack.presence import STATUSES, Presence
from answerback.testing.standins.slack.space import NAME, Space
from answerback.testing.standins.values import Json

_LONGEST_TITLE = 256
_TASK_STATUSES = ("pending", "in_progress", "complete", "error")


@dataclass
class Stream:
    """An open stream: when it ends by itself (monotonic), whether a person stopped it, its tasks and plan."""

    message: Message
    until: float
    stopped: bool = False
    tasks: dict[str, Json] = field(default_factory=dict)
    plan: str = ""
    blocks: list[Any] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Whether it ended by itself."""
        return time.monotonic() >= self.until


class Streams:
    """The methods `chat.*Stream`."""

    def __init__(self, space: Space, presence: Presence) -> None:
        self._space, self._presence = space, presence
        self._dice = random.Random(space.options.slack_seed)
        self.reset()

    def reset(self) -> None:
        """Delete all streams."""
        self._streams: dict[tuple[str, str], Stream] = {}

    def methods(self) -> list[Method]:
        """Return the methods."""
        return [
            Method("chat.startStream", "chat:write", self._start),
            Method("chat.appendStream", "chat:write", self._append),
            Method("chat.stopStream", "chat:write", self._stop),
        ]

    def open(self, message: Message) -> bool:
        """Whether this message is being streamed."""
        stream = self._streams.get((message.channel, message.ts))
        return stream is not None and not stream.stopped and not stream.over

    def interrupt(self, channel: str, thread: str) -> list[str]:
        """Stop the open streams of a thread, as a person's stop button does. Return their messages."""
        found = [
            stream
            for stream in self._streams.values()
            if stream.message.channel == channel and stream.message.root == thread and self.open(stream.message)
        ]
        for stream in found:
            stream.stopped = True
        return [stream.message.ts for stream in found]

    def state(self) -> list[Json]:
        """Return every stream that was not stopped by us."""
        return [
            {
                "channel": stream.message.channel,
                "ts": stream.message.ts,
                "state": "stopped" if stream.stopped else "ended" if stream.over else "streaming",
                "tasks": list(stream.tasks.values()),
                "plan": stream.plan,
            }
            for stream in self._streams.values()
        ]

    async def _start(self, call: Call) -> Json:
        channel, thread = call.needed("channel", "channel_not_found"), call.word("thread_ts")
        if not thread:
            raise refusal("invalid_arguments", response_metadata={"messages": ["[ERROR] missing thread_ts"]})
        if channel[:1] != "D":
            for name in ("recipient_user_id", "recipient_team_id"):
                call.needed(name, f"missing_{name}")
        if call.word("task_display_mode") not in ("", "timeline", "plan"):
            raise refusal("invalid_arguments")
        ours = call.installation
        ts = self._space.conversations.timestamp()
        message = Message(channel, ts, "", ours.user, ours.bot, ours.home, thread)
        seconds = self._space.options.slack_stream_seconds * (
            1 - self._space.options.slack_stream_spread * self._dice.random()
        )
        stream = Stream(message, time.monotonic() + seconds)
        self._take(call, stream)
        self._streams[channel, ts] = stream
        self._space.conversations.keep(message)
        self._presence.answered(message)
        posted = {"id": ts, "thread": f"{channel}/{thread}", "body": message.text, "who": ours.bot}
        self._space.journal.posted(NAME, "chat.startStream", key="", **posted)
        self._space.emit(self._space.author(message).written(self._space.json(message)))
        return {"channel": channel, "ts": ts}

    async def _append(self, call: Call) -> Json:
        stream = self._open(call)
        if not call.arguments.get("markdown_text") and not call.arguments.get("chunks"):
            raise refusal("no_text")
        self._take(call, stream)
        self._space.journal.replace_text(NAME, stream.message.ts, stream.message.text)
        return {"channel": stream.message.channel, "ts": stream.message.ts}

    async def _stop(self, call: Call) -> Json:
        stream = self._open(call)
        status, blocks = call.word("session_status"), call.objects("blocks", "invalid_blocks_format")
        if status and status not in STATUSES:
            raise refusal("invalid_arguments")
        metadata = metadata_of(call)
        check_blocks(blocks or [])
        message = stream.message
        before = self._space.json(message)
        self._take(call, stream)
        if metadata is not None:
            message.metadata = metadata
        message.blocks = [*stream.blocks, *(blocks or [])] or None
        del self._streams[message.channel, message.ts]
        if status:
            self._presence.move(message.channel, message.root, status)
        payload = metadata["event_payload"] if metadata else {}
        self._space.journal.replace_text(NAME, message.ts, message.text, message.blocks or [], payload.get("key", ""))
        shown = self._space.json(message, metadata=True)
        self._space.emit(self._space.author(message).rewritten(shown, before))
        return {"channel": message.channel, "ts": message.ts, "message": shown}

    def _open(self, call: Call) -> Stream:
        channel, ts = call.needed("channel", "channel_not_found"), call.word("ts")
        message = self._space.conversations.find(channel, ts)
        if message is None:
            raise refusal("message_not_found")
        if message.bot != call.installation.bot:
            raise refusal("message_not_owned_by_app")
        stream = self._streams.get((channel, ts))
        if stream is not None and stream.stopped:
            raise refusal("stopped_by_user")
        if stream is None or stream.over:
            raise refusal("message_not_in_streaming_state")
        return stream

    def _take(self, call: Call, stream: Stream) -> None:
        """Add the pieces of a call. A wrong one is refused before any is added."""
        text, chunks = call.word("markdown_text"), call.objects("chunks", "invalid_chunks") or []
        if text and chunks:
            raise refusal("markdown_text_conflict")
        if text:
            chunks = [{"type": "markdown_text", "text": text}]
        for chunk in chunks:
            _check(chunk)
        for chunk in chunks:
            match chunk["type"]:
                case "markdown_text":
                    piece = str(chunk["text"])
                    joined = self._space.options.slack_stream_trims and stream.message.text
                    stream.message.text += piece.lstrip(" ") if joined else piece
                case "task_update":
                    stream.tasks[chunk["id"]] = stream.tasks.get(chunk["id"], {}) | chunk
                case "plan_update":
                    stream.plan = chunk["title"]
                case "blocks":
                    stream.blocks += chunk["blocks"]


def _check(chunk: Json) -> None:
    match chunk.get("type"):
        case "markdown_text" if isinstance(chunk.get("text"), str):
            if len(chunk["text"]) > LONGEST_MARKDOWN:
                raise refusal("msg_too_long")
            return
        case "task_update" if isinstance(chunk.get("id"), str) and isinstance(chunk.get("title"), str):
            words = [str(chunk.get(name) or "") for name in ("title", "details", "output")]
            if chunk.get("status") in _TASK_STATUSES and all(len(each) <= _LONGEST_TITLE for each in words):
                return
        case "plan_update" if isinstance(chunk.get("title"), str) and len(chunk["title"]) <= _LONGEST_TITLE:
            return
        case "blocks" if isinstance(chunk.get("blocks"), list):
            return
    raise refusal("invalid_chunks")
