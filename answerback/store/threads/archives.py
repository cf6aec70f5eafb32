"""Threads taken whole: read · restored · purged. One step each, so nothing that happens meanwhile is lost or stays."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

from answerback.archive import Archive
from answerback.errors import NewerData
from answerback.store import keys
from answerback.store.redis import Value
from answerback.store.thread_ids import workspace_of
from answerback.store.threads import archive_content as content
from answerback.store.threads.dead_letter_index import COUNTERS, DeadLetterIndex, mark
from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.threads import Threads

PAGE = 500
GONE = b'{"turn":"","reason":"the thread was deleted"}'
"""What the followers of a thread that is taken away are told."""


class Purged(msgspec.Struct, frozen=True, kw_only=True):
    """What was removed with a thread: how many of each. `owner` is the worker whose turn was running, "" if none."""

    thread: str
    owner: str
    messages: int
    events: int
    replies: int
    steps: int
    deltas: int
    dead: int


class Archives:
    """All threads of one store, each to be taken whole."""

    def __init__(self, threads: Threads, *, seen_days: float = 7.0) -> None:
        self._threads = threads
        self._database = threads.database
        self._letters = DeadLetters(threads, seen_days=seen_days)
        self._graves = DeadLetterIndex(threads)
        self._seen = int(seen_days * 86_400_000)

    async def ids(self) -> AsyncIterator[str]:
        """The ids of all threads that are there all the while, each once."""
        for p in range(self._threads.partitions):
            given: set[bytes] = set()
            cursor = -1
            while cursor:
                cursor, found = await self._database.call("ZSCAN", keys.threads(p), max(0, cursor), "COUNT", PAGE)
                for id, _ in found:
                    if id not in given:
                        given.add(id)
                        yield id.decode()

    async def idle(self, p: int, before: int, skip: int, limit: int) -> list[str]:
        """The ids of a partition's threads where nothing has happened since `before` (ms), oldest first."""
        found = await self._database.call("ZRANGEBYSCORE", keys.threads(p), "-inf", f"({before}", "LIMIT", skip, limit)
        return [id.decode() for id in found]

    async def read(self, id: str) -> Archive | None:
        """A thread as of its last commit, with what waits and what is dead. None when it is not known.

        Raises `NewerData`.
        """
        p = self._threads.partition(id)
        while True:
            before, dead = await self._graves.of(id)
            found = await self._database.together(
                ("ZSCORE", keys.threads(p), id),
                ("HGETALL", keys.thread(p, id)),
                ("LRANGE", keys.history(p, id), 0, -1),
                ("LRANGE", keys.inbox(p, id), 0, -1),
                ("HGETALL", keys.journal(p, id)),
                ("HVALS", keys.outbox(p, id)),
                ("LRANGE", keys.unsent(p, id), 0, -1),
                ("LRANGE", keys.ends(p, id), 0, -1),
                ("HMGET", keys.counters(p), *COUNTERS),
                *(("HMGET", key, *(dead or [""])) for key in (keys.letters(p), keys.graves(p))),
                ("ZMSCORE", keys.dead(p), *(dead or [""])),
            )
            updated, fields, history, inbox, journal, outbox, unsent, ends, counted, *graves = found
            # What was buried since we looked would be neither among what waits nor among what is dead.
            if mark(counted) == before:
                break
        if updated is None:
            return None
        try:
            return content.read(id, int(updated), fields, history, inbox, journal, outbox, unsent, ends, graves)
        except msgspec.MsgspecError as error:
            raise NewerData(
                f"{id} holds what a newer version of Answerback wrote ({error}): update this one"
            ) from error

    async def restore(self, archive: Archive, *, replace: bool = False) -> bool:
        """Put an archived thread here. False when one of its id is here, and `replace` is not.

        What waited in it is answered, what is dead can be replayed, and redeliveries of both are known.
        """
        p, id = self._threads.partition(archive.thread), archive.thread
        listed, deliveries = content.listed(archive, p), content.deliveries(archive)
        names = [*listed, *(keys.seen(p, delivery) for delivery in deliveries)]
        written = [
            archive.updated, self._seen, *content.written(archive),
            len(listed), *listed.values(), len(deliveries), *deliveries.values(),
        ]  # fmt: skip
        if replace:
            await self._displace(id, names, written)
            return True
        done = await self._replace(id, ["nothing", "", "", ""], "", names, written)
        return bool(done[0] == b"done")

    async def purge(self, id: str) -> Purged | None:
        """Remove a thread whole; whoever works on it is refused from then on. None when there was nothing.

        The marks of its deliveries stay as long as they would: they hold no text, and a redelivery is a
        duplicate rather than a new thread.
        """
        found, dead = await self._displace(id)
        _, there, owner, messages, events, replies, steps, deltas = found
        if not there and not dead:
            return None
        return Purged(
            thread=id,
            owner=owner.decode(),
            messages=messages,
            events=events,
            replies=replies,
            steps=steps,
            deltas=deltas,
            dead=dead,
        )

    async def drop(self, archive: Archive) -> bool:
        """Remove an idle thread, if it still is as it was when the archive was made, and nothing of it is dead."""
        p = self._threads.partition(archive.thread)
        before, dead = await self._graves.of(archive.thread)
        if dead and any(await self._database.call("ZMSCORE", keys.dead(p), *dead)):
            return False
        fields = archive.fields
        stand = f"{fields.get('position', 0)}:{fields.get('changes', 0)}"
        done = await self._replace(archive.thread, ["idle", archive.updated, stand, before], fields.get("user", ""))
        return bool(done[0] == b"done")

    async def _displace(
        self, id: str, names: Sequence[str] = (), written: Sequence[Value] = ()
    ) -> tuple[list[Any], int]:
        """Put something, or nothing, in a thread's place. What was there, and how many dead letters it had."""
        dropped = 0
        while True:
            # Dropped first, and nothing buried since: no letter is left by which a redelivery could bring it back.
            before, dead = await self._graves.of(id)
            for letter in dead:
                dropped += await self._letters.drop(letter)
            user = await self._database.call("HGET", keys.thread(self._threads.partition(id), id), "user")
            found = await self._replace(id, ["anything", "", "", before], (user or b"").decode(), names, written)
            if found[0] == b"done":
                return found, dropped

    async def _replace(
        self, id: str, terms: Sequence[Value], user: str, names: Sequence[str] = (), written: Sequence[Value] = ()
    ) -> list[Any]:
        p, workspace = self._threads.partition(id), workspace_of(id)
        every = [
            keys.queue(p, "ready"), keys.wake(p, "ready"), keys.retrying(p, "ready"),
            keys.queue(p, "due"), keys.wake(p, "due"), keys.retrying(p, "due"),
            keys.counters(p), keys.threads(p), keys.dead(p), keys.letters(p), keys.graves(p),
            keys.thread(p, id), keys.inbox(p, id), keys.history(p, id), keys.journal(p, id),
            keys.outbox(p, id), keys.unsent(p, id), keys.deltas(p, id),
            keys.chats(p, workspace), keys.chats(p, workspace, user), keys.ephemeral(p), keys.clock(p),
            keys.ends(p, id), keys.amended(p, id), *names,
        ]  # fmt: skip
        found: list[Any] = await self._threads.scripts.replace_thread(every, [id, *terms, user, GONE, *written])
        return found
