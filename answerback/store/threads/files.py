"""The files of threads: uploaded in pieces, named in messages, read by agents, removed with their thread.

A file that no message names is deleted after a day, and so is what is left of an unfinished upload.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

import msgspec

from answerback.codec import decoder, encode
from answerback.errors import FilesFull, NoSuchFile, NoSuchThread, StoreFull, StoreUnavailable
from answerback.files import CHUNK, StoredFile
from answerback.outgoing import File
from answerback.store import keys
from answerback.store.thread_ids import public_id, workspace_of
from answerback.store.threads.threads import Threads

decode_file = decoder(StoredFile)

UNUSED = 86_400_000
"""ms after which a file that no message names is deleted."""
AT_ONCE = 16
"""Pieces that are read with one command."""


class FileLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The most bytes that the files of a thread, and those of a workspace, may have."""

    thread: int
    workspace: int


class Files:
    """The files of all threads."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._database = threads.database

    async def store(
        self,
        thread: str,
        content: AsyncIterator[bytes],
        *,
        name: str,
        content_type: str,
        limits: FileLimits,
        visitor: bool = False,
        id: str = "",
        kept: bool = False,
    ) -> StoredFile:
        """Store a file while it is read, and return it. If reading it fails, nothing is kept.

        Args:
            id: Its id; "": a new one.
            kept: Whether what was stored is kept if it fails; maintenance deletes it after a day.

        Raises:
            NoSuchThread: The thread does not exist, or was deleted meanwhile.
            FilesFull: There is no room for it.
        """
        id = id or f"{public_id(thread)}.{secrets.token_hex(10)}"
        room = limits.workspace - await self.workspace_size(workspace_of(thread))
        size, number = 0, 0
        try:
            async for chunk in _chunks(content):
                size += len(chunk)
                if size > room:
                    raise FilesFull(
                        f"the files of this workspace may have {limits.workspace} bytes together "
                        "(WORKSPACE_MAX_FILE_BYTES): delete some of them, or their threads"
                    )
                await self._add(thread, id, number, chunk, limits.thread)
                number += 1
            file = StoredFile(
                id=id,
                name=name,
                content_type=content_type,
                size=size,
                at=await self._database.now(),
                visitor=visitor,
            )
            async for p in self._threads.partitions.places(thread):
                finished = await self._threads.scripts.finish_file(
                    [keys.thread(p, thread), keys.files(p, thread), keys.file_chunks(p, thread)],
                    file=id,
                    record=encode(file),
                    size=size,
                    count=file.chunks,
                )
                if finished:
                    break
            else:
                raise NoSuchThread
        except BaseException as error:
            # Cancellation included: the client may have left. If this fails, too, maintenance deletes the file.
            if not kept or isinstance(error, FilesFull):
                with suppress(StoreUnavailable, StoreFull):
                    await self.delete(thread, id)
            raise
        return file

    async def put(self, thread: str, file: File, *, limits: FileLimits) -> None:
        """Store a file of a reply under its id, for as long as its thread. A repeated call changes nothing.

        Raises:
            FilesFull: There is no room for it.
        """

        async def content() -> AsyncIterator[bytes]:
            yield file.data

        while not await self._keep(thread, file.file):
            # Kept also if this fails: another attempt of the turn may have stored the same file meanwhile.
            name, kind = file.name, file.content_type
            await self.store(thread, content(), id=file.file, name=name, content_type=kind, limits=limits, kept=True)

    async def _keep(self, thread: str, id: str) -> bool:
        """Keep a file for as long as its thread. Return False if it is not there.

        Replicas confirm that it is: what an earlier attempt stored may not have been confirmed, and a failover may have
        taken it back since.
        """
        p = await self._threads.locate(thread)
        there, _ = await self._database.confirmed(
            ("HEXISTS", keys.files(p, thread), id), ("ZREM", keys.unused_files(p), f"{thread} {id}")
        )
        return bool(there)

    async def get(self, thread: str, id: str) -> StoredFile:
        """Return a file without its content. Raises `NoSuchFile`."""
        stored = await self._database.call("HGET", keys.files(await self._threads.locate(thread), thread), id)
        if stored is None:
            raise NoSuchFile
        return decode_file(stored)

    async def all(self, thread: str) -> list[StoredFile]:
        """Return the files of a thread, oldest first."""
        stored = await self._database.call("HVALS", keys.files(await self._threads.locate(thread), thread))
        return sorted(map(decode_file, stored), key=lambda file: (file.at, file.id))

    async def use(self, thread: str, ids: Sequence[str], *, visitor: bool = False) -> list[StoredFile]:
        """Return files that a message is to name, and keep them for another day.

        With the message, `Threads.accept` stores that they are kept as long as their thread.

        Args:
            visitor: Only files that visitors or users uploaded exist.

        Raises:
            NoSuchFile: One of them does not exist.
        """
        for id in ids:
            if visitor and not (await self.get(thread, id)).visitor:
                raise NoSuchFile(f"there is no file {id} in this thread")
        p, now = await self._threads.locate(thread), await self._database.now()
        # One transaction: maintenance deletes none of them before the message is stored.
        stored, _ = await self._database.together(
            ("HMGET", keys.files(p, thread), *ids),
            ("ZADD", keys.unused_files(p), "XX", *(word for id in ids for word in (now, f"{thread} {id}"))),
        )
        missing = [id for id, record in zip(ids, stored, strict=True) if record is None]
        if missing:
            raise NoSuchFile(f"there is no file {missing[0]} in this thread")
        return [decode_file(record) for record in stored]

    async def read(self, thread: str, file: StoredFile, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Yield the content of a file in pieces, from byte `start` up to `end`. Raises `NoSuchFile`."""
        end = file.size if end is None else min(end, file.size)
        if end <= start:
            return
        name = keys.file_chunks(await self._threads.locate(thread), thread)
        last = (end - 1) // CHUNK
        for first in range(start // CHUNK, last + 1, AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, last + 1))
            chunks = await self._database.call("HMGET", name, *(f"{file.id}:{number}" for number in numbers))
            for number, chunk in zip(numbers, chunks, strict=True):
                if chunk is None:
                    raise NoSuchFile
                offset = number * CHUNK
                yield chunk[max(0, start - offset) : end - offset]

    async def content(self, thread: str, id: str) -> bytes:
        """Return the whole content of a file. Raises `NoSuchFile`."""
        return b"".join([chunk async for chunk in self.read(thread, await self.get(thread, id))])

    async def delete(self, thread: str, id: str, *, unused_since: int | None = None) -> bool:
        """Delete a file, even if messages name it. Return False if there was none.

        With `unused_since` (ms), it is deleted only if no message names it and none was about to since then.
        """
        p = await self._threads.locate(thread)
        names = [
            keys.thread(p, thread),
            keys.files(p, thread),
            keys.file_chunks(p, thread),
            keys.file_sizes(p),
            keys.unused_files(p),
        ]
        return bool(
            await self._threads.scripts.delete_file(
                names,
                id=thread,
                workspace=workspace_of(thread),
                file=id,
                before="" if unused_since is None else unused_since,
            )
        )

    async def delete_unused(self, limit: int = 1000) -> int:
        """Delete files that no message has named for a day, at most `limit` per partition. Return how many."""
        past = await self._database.now() - UNUSED
        deleted = 0
        for p in await self._threads.partitions.all():
            unused = await self._database.call("ZRANGEBYSCORE", keys.unused_files(p), "-inf", past, "LIMIT", 0, limit)
            for member in unused:
                thread, _, id = member.decode().rpartition(" ")
                deleted += await self.delete(thread, id, unused_since=past)
        return deleted

    async def workspace_size(self, workspace: str) -> int:
        """Return the bytes of all files of a workspace."""
        partitions = await self._threads.partitions.all()
        sizes = [await self._database.call("HGET", keys.file_sizes(p), workspace) for p in partitions]
        return sum(int(size or 0) for size in sizes)

    async def _add(self, thread: str, id: str, number: int, chunk: bytes, room: int) -> None:
        async for p in self._threads.partitions.places(thread):
            outcome = await self._threads.scripts.add_chunk(
                [keys.thread(p, thread), keys.file_chunks(p, thread), keys.file_sizes(p), keys.unused_files(p)],
                id=thread,
                workspace=workspace_of(thread),
                file=id,
                number=number,
                chunk=chunk,
                room=room,
            )
            if outcome != b"gone":
                break
        else:
            raise NoSuchThread
        if outcome == b"full":
            raise FilesFull(
                f"the files of a thread may have {room} bytes together (THREAD_MAX_FILE_BYTES): delete some of them"
            )


async def _chunks(content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the content in pieces of `CHUNK` bytes; the last one is shorter. An empty file is one empty piece."""
    buffer = bytearray()
    number = 0
    async for data in content:
        buffer += data
        while len(buffer) >= CHUNK:
            yield bytes(buffer[:CHUNK])
            del buffer[:CHUNK]
            number += 1
    if buffer or not number:
        yield bytes(buffer)
