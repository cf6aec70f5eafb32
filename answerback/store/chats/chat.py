"""A chat as it lies in the store, and the pages that its lists are read in."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import msgspec

from answerback.messages import Event, Message
from answerback.store.thread_ids import public_id
from answerback.store.threads.views import State, Summary

_encode = msgspec.json.Encoder(order="sorted").encode


class NewChat(msgspec.Struct, frozen=True, kw_only=True):
    """What a chat is opened with. `metadata` is a JSON object.

    user       whose it is: the product's own id of a person, any text; "" where it knows none
    agent      the name of the agent that answers; "" leaves it to the worker
    system     instructions that go with each of its messages
    ephemeral  no list shows it, and upkeep takes it away after an hour
    """

    user: str = ""
    agent: str = ""
    title: str = ""
    system: str = ""
    metadata: dict[str, Any] = {}
    ephemeral: bool = False

    @property
    def digest(self) -> str:
        """The same for the same."""
        return hashlib.blake2b(_encode(self), digest_size=10).hexdigest()

    def fields(self) -> dict[str, str | bytes]:
        """As it lies in the thread's hash."""
        return {
            "user": self.user,
            "wanted": self.agent,
            "title": self.title,
            "system": self.system,
            "metadata": _encode(self.metadata),
            "ephemeral": flag(self.ephemeral),
        }


class Chat(msgspec.Struct, frozen=True, kw_only=True):
    """A chat thread, or one of a platform's as the API shows it. Times are ms.

    id        its public id: "th_5d2…"; of a platform's thread, the internal one
    thread    its internal id: "chat:<workspace>:<id>"
    agent     the agent it was opened for (`wanted`); without one, the agent that answered last
    status    an ended one takes no more messages
    state     idle, waiting (for a worker), running, retrying (`error` says why)
    updated   when something was last said to it
    waiting, messages   how many wait, how many the history holds
    """

    id: str
    thread: str
    workspace: str
    platform: str = "chat"
    user: str = ""
    agent: str = ""
    wanted: str = ""
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
    buried: int = 0

    @classmethod
    def read(cls, summary: Summary, fields: dict[str, str], workspace: str) -> Chat:
        """A chat from its thread's hash."""
        return cls(
            id=public_id(summary.id),
            thread=summary.id,
            workspace=workspace,
            platform=summary.platform,
            user=fields.get("user", ""),
            agent=fields.get("wanted") or summary.agent,
            wanted=fields.get("wanted", ""),
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
            buried=int(fields.get("buried", 0)),
        )


class ChatPage(msgspec.Struct, frozen=True):
    """Some chats of a list, and where to go on; `cursor` is None at its end. A page may hold fewer than asked for."""

    chats: list[Chat]
    cursor: str | None


class MessagePage(msgspec.Struct, frozen=True):
    """Some of a chat's messages, oldest first, and where to go on; `cursor` is None at the end of what there is.

    waiting  at that end, what is not answered yet; the first may be under way
    """

    messages: list[Message]
    cursor: str | None
    waiting: list[Event] = []


class ChatSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A chat with what was said in it.

    earlier  how many messages came before the first of `messages`
    waiting  what is not answered yet, oldest first; the first may be under way
    after    the delta to follow it from: what was committed later comes again, and nothing is left out
    """

    chat: Chat
    messages: list[Message]
    earlier: int
    waiting: list[Event]
    after: str


def flag(value: bool) -> str:
    """Yes or no, as it lies in a hash."""
    return "1" if value else ""
