"""Operations on complete threads: read · restore · purge. Each is atomic, so concurrent changes are never lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from answerback.archive import Archive
from answerback.errors import NewerData
from answerback.store import keys
from answerback.store.fleet.aliases import Aliases
from answerback.store.keys import Partition
from answerback.store.partitions import being_moved
from answerback.store.redis import Value
from answerback.store.thread_ids import workspace_of
from answerback.store.threads import archive_content as content
from answerback.store.threads.dead_letter_index import COUNTERS, DeadLetterIndex, version_of
from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.recency import ids_in
from answerback.store.threads.threads import Threads

GONE = b'{"turn":"","reason":"the thread was deleted"}'
"""The last stream event of a deleted thread."""
Contents = Mapping[str, Value | Sequence[Value]]
NOTHING: Contents = {"updated": ""} | dict.fromkeys(
    (
        *("fields", "messages", "ends", "entries", "steps", "replies", "unsent_keys", "letters"),
        *("files", "chunks", "scores", "states"),
    ),
    (),
)
"""What replaces a thread that is removed: the contents of an archive, as arguments of `replace_thread`."""


class Purged(msgspec.Struct, frozen=True, kw_only=True):
    """What was removed with a thread, as counts. `owner`: the worker whose turn was running, "" if none."""

    thread: str
    owner: str
    messages: int
    events: int
    replies: int
    steps: int
    stream_events: int
    dead: int


class Archives:
    """Export, import and removal of threads."""

    def __init__(self, threads: Threads, *, seen_days: float = 7.0) -> None:
        self._threads = threads
        self._database = threads.database
        self._letters = DeadLetters(threads, seen_days=seen_days)
        self._dead_letters = DeadLetterIndex(threads)
        self._aliases = Aliases(threads.database)
        self._seen = int(seen_days * 86_400_000)

    async def ids(self) -> AsyncIterator[str]:
        """Yield the ids of all threads, each once. Threads added or removed meanwhile may be missing."""
        for p in await self._threads.partitions.all():
            async for id in ids_in(self._database, p):
                yield id

    async def idle(self, p: Partition, before: int, skip: int, limit: int) -> list[str]:
        """Return the ids of a partition's threads that have not changed since `before` (ms), oldest first."""
        idle_ids = await self._database.call(
            "ZRANGEBYSCORE", keys.threads(p), "-inf", f"({before}", "LIMIT", skip, limit
        )
        return [id.decode() for id in idle_ids]

    async def read(self, id: str) -> Archive | None:
        """Return a thread as of its last commit, with waiting events and dead letters; None if it does not exist.

        Raises `NewerData`.
        """
        async for p in self._threads.partitions.places(id):
            archive = await self._read(p, id)
            if archive is not None:
                return archive
        return None

    async def _read(self, p: Partition, id: str) -> Archive | None:
        while True:
            before, dead = await self._dead_letters.of(p, id)
            values = await self._database.together(
                ("ZSCORE", keys.threads(p), id),
                ("HGETALL", keys.thread(p, id)),
                ("LRANGE", keys.history(p, id), 0, -1),
                ("LRANGE", keys.inbox(p, id), 0, -1),
                ("HGETALL", keys.journal(p, id)),
                ("HVALS", keys.outbox(p, id)),
                ("LRANGE", keys.unsent(p, id), 0, -1),
                ("LRANGE", keys.turn_ends(p, id), 0, -1),
                ("HGETALL", keys.files(p, id)),
                ("HGETALL", keys.file_chunks(p, id)),
                ("HMGET", keys.counters(p), *COUNTERS),
                *(("HMGET", key, *(dead or [""])) for key in (keys.dead_letters(p), keys.dead_letter_payloads(p))),
                ("ZMSCORE", keys.dead_letter_times(p), *(dead or [""])),
            )
            updated, fields, history, inbox, journal, outbox, unsent, ends, files, chunks, counted, *dead_letters = (
                values
            )
            # An event dead-lettered since then would be in neither the inbox nor the dead letters we read.
            if version_of(counted) == before:
                break
        if updated is None:
            return None
        try:
            return content.read(
                id, int(updated), fields, history, inbox, journal, outbox, unsent, ends, dead_letters, files, chunks
            )
        except msgspec.MsgspecError as error:
            raise NewerData(
                f"{id} contains data written by a newer version of Answerback ({error}): update this one"
            ) from error

    async def restore(self, archive: Archive, *, replace: bool = False) -> bool:
        """Import an archived thread. Return False if a thread with its id exists and `replace` is not set.

        Its waiting events are answered, its dead letters can be replayed, and redeliveries of both are recognised.
        """
        id, deliveries = archive.thread, content.deliveries(archive)
        await self._threads.partitions.record()
        async for p in self._threads.partitions.places(id):
            listed = content.listed(archive, p)
            names = [*listed, *(keys.seen(p, delivery) for delivery in deliveries)]
            contents: Contents = {
                "updated": archive.updated,
                **content.arguments(archive),
                "scores": [*listed.values()],
                "states": [*deliveries.values()],
            }
            if replace:
                done, _ = await self._purge_or_replace(p, id, names, contents)
            else:
                done = await self._replace(p, id, "nothing", names=names, contents=contents)
            if done[0] != b"moved":
                return bool(done[0] == b"done")
        raise being_moved(id)

    async def purge(self, id: str) -> Purged | None:
        """Remove a thread completely; a worker that holds it loses its lease. Return None if there was nothing.

        The records of its delivery ids are kept until they expire: they contain no text, and a redelivery is a
        duplicate rather than a new thread. Its second ids are removed, too; `id` may be one of them.
        """
        purged = await self._purge(id)
        if purged is None and (first := await self._aliases.resolve(id)) != id:
            return await self._purge(first)
        return purged

    async def _purge(self, id: str) -> Purged | None:
        async for p in self._threads.partitions.places(id):
            replaced, dead = await self._purge_or_replace(p, id)
            if replaced[0] == b"done":
                break
        else:
            raise being_moved(id)
        await self._aliases.forget(id)
        _, existed, owner, messages, events, replies, steps, stream_events = replaced
        if not existed and not dead:
            return None
        return Purged(
            thread=id,
            owner=owner.decode(),
            messages=messages,
            events=events,
            replies=replies,
            steps=steps,
            stream_events=stream_events,
            dead=dead,
        )

    async def purge_idle(self, archive: Archive) -> bool:
        """Remove an idle thread if it has not changed since it was archived and has no dead letters."""
        p = await self._threads.locate(archive.thread)
        before, dead = await self._dead_letters.of(p, archive.thread)
        if dead and any(await self._database.call("ZMSCORE", keys.dead_letter_times(p), *dead)):
            return False
        fields = archive.fields
        done = await self._replace(
            p,
            archive.thread,
            "idle",
            changed=archive.updated,
            version=f"{fields.get('position', 0)}:{fields.get('changes', 0)}",
            dead_letters=before,
            user=fields.get("user", ""),
        )
        if done[0] == b"done":
            await self._aliases.forget(archive.thread)
        return bool(done[0] == b"done")

    async def _purge_or_replace(
        self, p: Partition, id: str, names: Sequence[str] = (), contents: Contents = NOTHING
    ) -> tuple[list[Any], int]:
        """Replace a thread with an archive, or with nothing. Return what was there and the number of dead letters.

        ["moved"], if the thread is, or would be, in another partition.
        """
        deleted = 0
        while True:
            # Dead letters are deleted first, and none may be added since: a redelivery could revive the thread.
            before, dead = await self._dead_letters.of(p, id)
            for letter in dead:
                deleted += await self._letters.delete(letter)
            user = await self._database.call("HGET", keys.thread(p, id), "user")
            replaced = await self._replace(
                p, id, "anything", dead_letters=before, user=(user or b"").decode(), names=names, contents=contents
            )
            if replaced[0] in (b"done", b"moved"):
                return replaced, deleted

    async def _replace(
        self,
        p: Partition,
        id: str,
        expected: Literal["anything", "nothing", "idle"],
        *,
        changed: int = 0,
        version: str = "",
        dead_letters: str = "",
        user: str = "",
        names: Sequence[str] = (),
        contents: Contents = NOTHING,
    ) -> list[Any]:
        workspace = workspace_of(id)
        every = [
            keys.queue(p, "ready"), keys.wake(p, "ready"), keys.retrying(p, "ready"),
            keys.queue(p, "due"), keys.wake(p, "due"), keys.retrying(p, "due"),
            keys.counters(p), keys.threads(p),
            keys.dead_letter_times(p), keys.dead_letters(p), keys.dead_letter_payloads(p),
            keys.thread(p, id), keys.inbox(p, id), keys.history(p, id), keys.journal(p, id),
            keys.outbox(p, id), keys.unsent(p, id), keys.stream_events(p, id),
            keys.chats(p, workspace), keys.chats(p, workspace, user), keys.ephemeral(p), keys.clock(p),
            keys.turn_ends(p, id), keys.amendments(p, id),
            keys.files(p, id), keys.file_chunks(p, id), keys.file_sizes(p), *names,
        ]  # fmt: skip
        replaced: list[Any] = await self._threads.scripts.replace_thread(
            every,
            id=id,
            expected=expected,
            changed=changed,
            version=version,
            dead_letters=dead_letters,
            user=user,
            last_event=GONE,
            seen=self._seen,
            workspace=workspace,
            **contents,
        )
        return replaced
