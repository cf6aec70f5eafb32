"""Chat threads: threads that can be opened before their first message, listed, changed, ended and removed."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from answerback.errors import NoSuchThread, ThreadDiffers
from answerback.events import Event
from answerback.messages import Author
from answerback.store import keys
from answerback.store.chats.chat import Chat, ChatPage, ChatSnapshot, MessagePage, NewChat, flag
from answerback.store.chats.chat_ids import is_chat_id, thread_of
from answerback.store.chats.chat_messages import page_of_messages, snapshot_of
from answerback.store.chats.listing import page_of
from answerback.store.partitions import being_moved
from answerback.store.redis import Value
from answerback.store.thread_ids import DEFAULT_WORKSPACE, is_chat, public_id, workspace_of
from answerback.store.threads.archives import Archives
from answerback.store.threads.receipt import ChatFields, Only, Receipt
from answerback.store.threads.search import Filter
from answerback.store.threads.threads import Threads
from answerback.store.threads.views import thread_fields

EPHEMERAL = 3_600_000
"""ms before maintenance removes an ephemeral chat, in addition to the time it is to be kept."""

_json = msgspec.json.Encoder(order="sorted").encode


class Place(NamedTuple):
    """Where a message goes: a chat, as it was when it was looked at.

    Attributes:
        thread: The internal id of the chat.
        wanted: The name of the agent that answers in it; "" if none is chosen.
        after: The id of its newest stream event; "0" if there is none.
        now: The time, ms.
        opening: What the message opens it with, unless it exists; None if it has been opened.
    """

    workspace: str
    thread: str
    user: str
    wanted: str
    after: str
    now: int
    opening: ChatFields | None = None


class Chats:
    """The chat threads of all workspaces."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._database = threads.database
        self._archives = Archives(threads)

    async def open(self, workspace: str, id: str = "", opening: NewChat | None = None, *, kept: float = 0) -> Chat:
        """Open a chat, or return the one that was opened with `id` before. Without an `id`, one is generated.

        An ephemeral chat is kept for at least `kept` seconds, during which the request may be repeated.

        Raises:
            ThreadDiffers: the existing chat was opened with other parameters.
            NoSuchThread: the id is invalid.
        """
        opening = opening or NewChat()
        thread = thread_of(workspace, id or f"th_{secrets.token_hex(10)}")
        new = _opening(workspace, opening, kept)
        await self._threads.partitions.record()
        async for p in self._threads.partitions.places(thread):
            lists = [keys.chats(p, workspace), keys.chats(p, workspace, opening.user)]
            names = [
                keys.thread(p, thread), keys.clock(p),
                keys.threads(p), *(lists if new.later is None else [keys.ephemeral(p)]),
            ]  # fmt: skip
            opened = await self._threads.scripts.open_chat(
                names, id=thread, digest=new.digest, later=new.later or 0, fields=new.fields
            )
            if opened != b"moved":
                break
        else:
            raise being_moved(thread)
        if opened == b"different":
            raise ThreadDiffers
        return await self._read(workspace, id or public_id(thread), platforms=False)

    async def get(self, workspace: str, id: str, *, platforms: bool = False) -> Chat | None:
        """Return a chat. With `platforms`, in the workspace `default`, `id` may be a platform's thread."""
        foreign = platforms and workspace == DEFAULT_WORKSPACE and ":" in id and not is_chat(id)
        if not foreign and not is_chat_id(id):
            return None
        thread = id if foreign else thread_of(workspace, id)
        stored = await thread_fields(self._threads, thread)
        if stored is None or not (foreign or "opened" in stored[1]):
            return None
        return Chat.read(*stored, workspace)

    async def belongs(self, workspace: str, id: str, user: str) -> bool:
        """Return whether there is a chat of this id, and it is the user's."""
        if not is_chat_id(id):
            return False
        thread = thread_of(workspace, id)
        name = keys.thread(await self._threads.locate(thread), thread)
        opened, owner = await self._database.call("HMGET", name, "opened", "user")
        return opened is not None and owner == user.encode(errors="surrogatepass")

    async def list(
        self,
        workspace: str,
        *,
        user: str | None = None,
        wanted: Filter | None = None,
        platforms: bool = False,
        cursor: str = "",
        limit: int = 50,
    ) -> ChatPage:
        """Return a page of the chats of a workspace, or of one user, that match `wanted`, newest message first.

        Chats that move to the front meanwhile are not repeated, and those that do not move are not left out. With
        `platforms`, the platforms' threads are included in the workspace `default`. Raises `BadCursor`.
        """
        return await page_of(
            self._threads,
            workspace,
            user=user,
            wanted=wanted or Filter(),
            platforms=platforms and workspace == DEFAULT_WORKSPACE and user is None,
            cursor=cursor,
            limit=limit,
        )

    async def change(
        self,
        workspace: str,
        id: str,
        *,
        title: str | None = None,
        pinned: bool | None = None,
        archived: bool | None = None,
        agent: str | None = None,
        system: str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> Chat:
        """Change the given fields. The position in lists does not change. Raises `NoSuchThread`.

        An agent ("": the default one) answers the messages stored from now on; `system` applies from the next turn on.
        """
        fields: list[Value] = []
        if title is not None:
            fields += ("title", title)
        if pinned is not None:
            fields += ("pinned", flag(pinned))
        if archived is not None:
            fields += ("archived", flag(archived))
        if agent is not None:
            fields += ("wanted", agent, "reassigned", flag(True))
        if system is not None:
            fields += ("system", system)
        if metadata is not None:
            fields += ("metadata", _json(metadata))
        return await self._change(workspace, id, fields)

    async def end(self, workspace: str, id: str) -> Chat:
        """End a chat: it accepts no more messages; waiting ones are still answered. Raises `NoSuchThread`."""
        return await self._change(workspace, id, ["status", "ended"])

    async def place(self, workspace: str, id: str) -> Place:
        """Return where a message to a chat goes. Raises `NoSuchThread`."""
        thread = thread_of(workspace, id)
        p = await self._threads.locate(thread)
        fields, (seconds, micros), newest = await self._database.at_once(
            ("HMGET", keys.thread(p, thread), "user", "wanted"),
            ("TIME",),
            ("XREVRANGE", keys.stream_events(p, thread), "+", "-", "COUNT", 1),
        )
        if fields[0] is None:
            raise NoSuchThread
        user, wanted = (value.decode() if value else "" for value in fields)
        after = newest[0][0].decode() if newest else "0"
        return Place(workspace, thread, user, wanted, after, int(seconds) * 1000 + int(micros) // 1000)

    def new_place(self, workspace: str, id: str, agent: str, *, kept: float = 0) -> Place:
        """Return where a message goes that opens an ephemeral chat with an agent, unless it exists: see `open`.

        Raises `NoSuchThread`.
        """
        now, opening = time.time_ns() // 1_000_000, _ephemeral(workspace, agent, kept)
        return Place(workspace, thread_of(workspace, id), "", agent, "0", now, opening)

    async def say(self, workspace: str, id: str, event: Event) -> Receipt:
        """Store a message in a chat. Raises what `place` and `say_at` raise."""
        return await self.say_at(await self.place(workspace, id), event)

    async def say_at(self, place: Place, event: Event) -> Receipt:
        """Store a message. Its `message` is an id unique within the chat: a repeated one is a duplicate.

        The event's delivery, thread, channel and `direct` are set here, and its author, time and agent if missing. With
        arrival "drop" it is stored only if no event is running or waiting in the chat.

        Raises:
            NoSuchThread, ThreadDiffers, ThreadEnded, Busy, MalformedBody: nothing was stored.
        """
        message = msgspec.structs.replace(
            event,
            delivery=f"{place.thread}:{event.message}",
            thread=place.thread,
            channel=place.workspace,
            direct=True,
            author=event.author if event.author.id else Author(place.user or "user"),
            at=event.at or place.now,
            agent=event.agent or place.wanted,
        )
        only: Only = "idle" if event.arrival == "drop" else "open"
        return await self._threads.accept(message, place.opening or only, place.user)

    async def messages(
        self, workspace: str, id: str, *, cursor: str = "", limit: int = 100, platforms: bool = False
    ) -> MessagePage:
        """Return a page of a chat's messages, oldest first, and with the last page the waiting events.

        Raises `NoSuchThread` or `BadCursor`.
        """
        chat = await self._read(workspace, id, platforms)
        return await page_of_messages(self._threads, chat, cursor=cursor, limit=limit)

    async def snapshot(self, workspace: str, id: str, *, platforms: bool = False) -> ChatSnapshot:
        """Return a chat with its messages and waiting events. Raises `NoSuchThread`."""
        return await snapshot_of(self._threads, await self._read(workspace, id, platforms))

    async def record_return(self, workspace: str, id: str) -> int:
        """Record that the client came back to a chat for its answer. Return the time, ms. Raises `NoSuchThread`."""
        now = await self._database.now()
        await self._change(workspace, id, ["returned", now])
        return now

    async def returned_at(self, workspace: str, id: str) -> int:
        """Return when the client last came back to a chat for its answer, ms; 0 if never."""
        thread = thread_of(workspace, id)
        returned = await self._database.call(
            "HGET", keys.thread(await self._threads.locate(thread), thread), "returned"
        )
        return int(returned or 0)

    async def cancel(self, workspace: str, id: str) -> bool:
        """Cancel the running turn, or the next one if none is running. Return whether there was one."""
        return await self._threads.cancel(thread_of(workspace, id))

    async def purge(self, workspace: str, id: str) -> bool:
        """Remove a chat with all its messages, even while a turn is running. Return False if there was none."""
        chat = await self.get(workspace, id)
        return chat is not None and await self._archives.purge(chat.thread) is not None

    async def purge_ephemeral(self, limit: int = 1000) -> int:
        """Remove ephemeral chats older than an hour, at most `limit` per partition. Return how many."""
        past = await self._database.now() - EPHEMERAL
        purged = 0
        for p in await self._threads.partitions.all():
            name = keys.ephemeral(p)
            for id in await self._database.call("ZRANGEBYSCORE", name, "-inf", past, "LIMIT", 0, limit):
                workspace, public = workspace_of(id.decode()), public_id(id.decode())
                purged += await self.purge(workspace, public)
                await self._database.call("ZREM", name, id)
        return purged

    async def _read(self, workspace: str, id: str, platforms: bool) -> Chat:
        chat = await self.get(workspace, id, platforms=platforms)
        if chat is None:
            raise NoSuchThread
        return chat

    async def _change(self, workspace: str, id: str, fields: Sequence[Value]) -> Chat:
        thread = thread_of(workspace, id)
        if fields:
            async for p in self._threads.partitions.places(thread):
                if await self._threads.scripts.update_chat([keys.thread(p, thread)], fields=fields):
                    break
            else:
                raise NoSuchThread
        return await self._read(workspace, id, platforms=False)


@lru_cache(maxsize=1000)
def _ephemeral(workspace: str, agent: str, kept: float) -> ChatFields:
    return _opening(workspace, NewChat(agent=agent, ephemeral=True), kept)


def _opening(workspace: str, new: NewChat, kept: float) -> ChatFields:
    fields = ["platform", "chat", "channel", workspace, "workspace", workspace]
    for field in new.fields().items():
        fields += field
    later = int(kept * 1000) if new.ephemeral else None
    if later is not None:
        fields += ("kept", str(later))
    return ChatFields(digest=new.digest, fields=tuple(fields), user=new.user, later=later)
