"""A chat as stored, and pages of chats and messages."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import msgspec

from answerback.attention import Attention
from answerback.events import Event
from answerback.messages import Message
from answerback.store.thread_ids import public_id
from answerback.store.threads.views import State, ThreadSummary

_encode = msgspec.json.Encoder(order="sorted").encode


class NewChat(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of a new chat. `metadata` is a JSON object.

    Attributes:
        user: The product's own id of the user, any text; "" if unknown.
        agent: Name of the agent that answers; "" leaves the choice to the worker.
        system: Instructions for all of its messages.
        ephemeral: Not listed, and removed by maintenance after an hour.
    """

    user: str = ""
    agent: str = ""
    title: str = ""
    system: str = ""
    metadata: dict[str, Any] = {}
    ephemeral: bool = False

    @property
    def digest(self) -> str:
        """A digest of all parameters, for comparison."""
        return hashlib.blake2b(_encode(self), digest_size=10).hexdigest()

    def fields(self) -> dict[str, str]:
        """Return the fields of the thread's hash."""
        return {
            "user": self.user,
            "wanted": self.agent,
            "title": self.title,
            "system": self.system,
            "metadata": _encode(self.metadata).decode(),
            "ephemeral": flag(self.ephemeral),
        }


class Chat(msgspec.Struct, frozen=True, kw_only=True):
    """A chat thread, or a platform's thread as the API shows it. Times are ms.

    Attributes:
        id: Its public id: "th_5d2…"; for a platform's thread, the internal id.
        thread: Its internal id: "chat:<workspace>:<id>".
        agent: The agent that is to answer (`wanted`), or else the agent that answered last.
        reassigned: Whether `wanted` was changed since the chat was opened.
        status: An ended chat accepts no more messages.
        state: idle, waiting (for a worker), running, retrying (`error` has the reason).
        updated: Time of the last message to it.
        waiting: Number of waiting events.
        messages: Number of messages in the history.
        attention: How attentive agents are in it. In a chat it has no effect.
    """

    id: str
    thread: str
    workspace: str
    platform: str = "chat"
    user: str = ""
    agent: str = ""
    wanted: str = ""
    reassigned: bool = False
    title: str = ""
    system: str = ""
    metadata: dict[str, Any] = {}
    pinned: bool = False
    archived: bool = False
    ephemeral: bool = False
    status: Literal["open", "ended"] = "open"
    state: State = "idle"
    error: str = ""
    url: str = ""
    created: int = 0
    updated: int = 0
    waiting: int = 0
    messages: int = 0
    dead_letters: int = 0
    attention: Attention = "default"

    @classmethod
    def read(cls, summary: ThreadSummary, fields: dict[str, str], workspace: str) -> Chat:
        """Create a chat from its thread's hash."""
        return cls(
            id=public_id(summary.id),
            thread=summary.id,
            workspace=workspace,
            platform=summary.platform,
            user=fields.get("user", ""),
            agent=fields.get("wanted") or summary.agent,
            wanted=fields.get("wanted", ""),
            reassigned=bool(fields.get("reassigned")),
            title=summary.title,
            system=fields.get("system", ""),
            metadata=msgspec.json.decode(fields.get("metadata") or "{}"),
            pinned=bool(fields.get("pinned")),
            archived=bool(fields.get("archived")),
            ephemeral=bool(fields.get("ephemeral")),
            status="ended" if fields.get("status") == "ended" else "open",
            state=summary.state,
            error=summary.error,
            url=summary.url,
            created=summary.created,
            updated=int(fields.get("updated") or summary.updated),
            waiting=summary.waiting,
            messages=summary.messages,
            dead_letters=int(fields.get("buried", 0)),
            attention=summary.attention,
        )


class ChatPage(msgspec.Struct, frozen=True):
    """A page of chats. `cursor`: for the next page, None at the end. A page may have fewer chats than requested."""

    chats: list[Chat]
    cursor: str | None


class MessagePage(msgspec.Struct, frozen=True):
    """A page of a chat's messages, oldest first. `cursor`: for the next page, None at the end.

    Attributes:
        waiting: On the last page, events not answered yet; the first may be in progress.
    """

    messages: list[Message]
    cursor: str | None
    waiting: list[Event] = []


class ChatSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A chat with its messages.

    Attributes:
        earlier: Number of messages before the first of `messages`.
        waiting: Events not answered yet, oldest first; the first may be in progress.
        after: The stream event to follow it from: later commits may be repeated, but nothing is left out.
    """

    chat: Chat
    messages: list[Message]
    earlier: int
    waiting: list[Event]
    after: str


def flag(value: bool) -> str:
    """Return a boolean as stored in a hash."""
    return "1" if value else ""
