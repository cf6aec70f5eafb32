"""Files of threads: stored in pieces within limits, kept as long as something needs them, carried by archives."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from unittest.mock import AsyncMock

import pytest

from answerback.archive import line, parse
from answerback.errors import FilesFull, MalformedArchive, NoSuchFile, NoSuchThread, StoreUnavailable, ThreadEnded
from answerback.events import Event
from answerback.files import CHUNK, StoredFile
from answerback.messages import Attachment, Author
from answerback.outgoing import File
from answerback.store import keys
from answerback.store.chats.chats import Chats
from answerback.store.redis import Database
from answerback.store.thread_ids import public_id
from answerback.store.threads.archives import Archives
from answerback.store.threads.files import UNUSED, FileLimits, Files
from answerback.store.threads.threads import Threads
from tests.redis.conftest import Server
from tests.redis.given import THREAD, accept, content_of

LIMITS = FileLimits(thread=3 * CHUNK, workspace=5 * CHUNK)


@pytest.fixture
def files(threads: Threads) -> Files:
    """The files of an empty store."""
    return Files(threads)


async def opened(threads: Threads) -> str:
    """Return the id of a new chat."""
    return (await Chats(threads).open("acme")).thread


async def stored(files: Files, thread: str, data: bytes, *, visitor: bool = False) -> StoredFile:
    """Return a file that was stored."""
    return await files.store(
        thread, content_of(data), name="a.bin", content_type="audio/wav", limits=LIMITS, visitor=visitor
    )


async def leftovers(threads: Threads) -> dict[str, object]:
    """Return what there is of files in the store, without the size of a workspace that has none."""
    names = [name.decode() for name in await threads.database.call("KEYS", "*file*")]
    found = {name: await threads.database.call("TYPE", name) for name in names if name != keys.file_sizes(0)}
    sizes = await threads.database.call("HVALS", keys.file_sizes(0))
    return found | ({"size": sizes} if set(sizes) - {b"0"} else {})


async def name_in_a_message(threads: Threads, thread: str, file: StoredFile) -> None:
    """Store a message that names a file."""
    attachment = Attachment(name=file.name, content_type=file.content_type, file=file.id, size=file.size)
    message = Event(
        delivery="", thread="", kind="message", text="", author=Author("ada"), message="m1", attachments=(attachment,)
    )
    await Chats(threads).say("acme", public_id(thread), message)


async def only_unused(threads: Threads) -> bytes:
    """Return the one file that no message names, as maintenance finds it."""
    (member,) = await threads.database.call("ZRANGE", keys.unused_files(0), 0, -1)
    return bytes(member)


async def days_later(threads: Threads, thread: str, file: StoredFile) -> object:
    """Let a file have been unused for more than a day. Return since when; None if it is used."""
    member = f"{thread} {file.id}"
    if await threads.database.call("ZSCORE", keys.unused_files(0), member) is None:
        return None
    return await threads.database.call("ZINCRBY", keys.unused_files(0), -UNUSED - 1, member)


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
async def test_a_file_is_read_as_it_was_stored(threads: Threads, files: Files, size: int) -> None:
    thread, data = await opened(threads), os.urandom(size)
    file = await stored(files, thread, data)
    assert (file.size, await files.get(thread, file.id), await files.all(thread)) == (size, file, [file])
    assert await files.content(thread, file.id) == data
    for start, end in ((0, 1), (CHUNK - 1, CHUNK + 1), (size // 2, size), (size, size + 5)):
        assert b"".join([piece async for piece in files.read(thread, file, start, end)]) == data[start:end]


async def test_a_thread_and_a_workspace_have_room_for_so_much(threads: Threads, files: Files) -> None:
    one, other = await opened(threads), await opened(threads)
    await stored(files, one, b"x" * (2 * CHUNK))
    with pytest.raises(FilesFull, match="of a thread may have 786432 bytes"):
        await stored(files, one, b"x" * (CHUNK + 1))
    assert await files.workspace_size("acme") == 2 * CHUNK, "nothing is kept of what was refused"
    kept = await stored(files, other, b"x" * (3 * CHUNK))
    with pytest.raises(FilesFull, match="WORKSPACE_MAX_FILE_BYTES"):
        await stored(files, one, b"x")
    assert await files.delete(other, kept.id)
    assert not await files.delete(other, kept.id)
    await stored(files, one, b"x" * CHUNK)
    assert await files.workspace_size("acme") == 3 * CHUNK


async def test_an_upload_that_breaks_off_leaves_nothing(threads: Threads, files: Files) -> None:
    thread = await opened(threads)

    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * (2 * CHUNK)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await files.store(thread, broken(), name="a", content_type="text/plain", limits=LIMITS)
    assert await leftovers(threads) == {}


async def test_why_an_upload_broke_off_is_told_although_redis_is_away_by_then(
    threads: Threads, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread = await opened(threads)

    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * CHUNK
        monkeypatch.setattr(threads.scripts, "delete_file", AsyncMock(side_effect=StoreUnavailable))
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await files.store(thread, broken(), name="a", content_type="text/plain", limits=LIMITS)
    monkeypatch.undo()
    assert await threads.database.call("ZINCRBY", keys.unused_files(0), -UNUSED - 1, await only_unused(threads))
    await files.delete_unused()
    assert await leftovers(threads) == {}


async def test_a_thread_that_is_deleted_during_an_upload_stays_deleted(threads: Threads, files: Files) -> None:
    thread = await opened(threads)

    async def deleting() -> AsyncIterator[bytes]:
        yield b"x" * CHUNK
        await Archives(threads).purge(thread)
        await Chats(threads).open("acme", thread.rpartition(":")[2])
        yield b"x" * CHUNK

    with pytest.raises(NoSuchThread):
        await files.store(thread, deleting(), name="a", content_type="text/plain", limits=LIMITS)
    assert await files.all(thread) == []
    assert await threads.database.call("EXISTS", keys.file_chunks(0, thread)) == 0
    with pytest.raises(NoSuchThread):
        await stored(files, "chat:acme:none", b"x")
    await Archives(threads).purge(thread)
    await threads.database.call("ZREMRANGEBYSCORE", keys.unused_files(0), "-inf", "inf")
    assert await leftovers(threads) == {}


async def test_a_file_that_no_message_names_is_deleted_after_a_day(threads: Threads, files: Files) -> None:
    thread = await opened(threads)
    named, unnamed, fresh = [await stored(files, thread, b"x") for _ in range(3)]
    assert await files.use(thread, [named.id]) == [named]
    await name_in_a_message(threads, thread, named)
    assert await days_later(threads, thread, named) is None
    await days_later(threads, thread, unnamed)
    assert await files.delete_unused() == 1
    assert {file.id for file in await files.all(thread)} == {named.id, fresh.id}
    with pytest.raises(NoSuchFile, match=unnamed.id):
        await files.use(thread, [fresh.id, unnamed.id])


async def test_a_crash_before_the_message_is_stored_leaves_its_file_unused(threads: Threads, files: Files) -> None:
    thread = await opened(threads)
    file = await stored(files, thread, b"x")
    await days_later(threads, thread, file)
    await files.use(thread, [file.id])
    assert await files.delete_unused() == 0, "the message is on its way"
    past = await threads.database.now() - UNUSED
    assert not await files.delete(thread, file.id, unused_since=past), "maintenance read what was unused before that"
    # The process dies here. The request is repeated:
    await files.use(thread, [file.id])
    await name_in_a_message(threads, thread, file)
    await name_in_a_message(threads, thread, file)
    assert await days_later(threads, thread, file) is None
    # Or it is not:
    other = await stored(files, thread, b"y")
    await files.use(thread, [other.id])
    await days_later(threads, thread, other)
    assert await files.delete_unused() == 1
    assert await files.all(thread) == [file]


async def test_a_message_that_is_refused_leaves_its_file_unused(threads: Threads, files: Files) -> None:
    thread = await opened(threads)
    file = await stored(files, thread, b"x")
    await files.use(thread, [file.id])
    await Chats(threads).end("acme", public_id(thread))
    with pytest.raises(ThreadEnded):
        await name_in_a_message(threads, thread, file)
    assert await days_later(threads, thread, file) is not None


async def test_what_a_crash_left_of_an_upload_is_deleted(threads: Threads, files: Files) -> None:
    thread = await opened(threads)
    names = [keys.thread(0, thread), keys.file_chunks(0, thread), keys.file_sizes(0), keys.unused_files(0)]
    for _ in range(2):
        await threads.scripts.add_chunk(
            names, id=thread, workspace="acme", file="th.1", number=0, chunk=b"xyz", room=100
        )
    assert await files.workspace_size("acme") == 3, "a repeated piece counts once"
    await threads.database.call("ZADD", keys.unused_files(0), 1, f"{thread} th.1")
    assert await files.delete_unused() == 0, "it was never a file"
    assert await leftovers(threads) == {}


async def test_a_visitor_names_only_files_of_visitors(threads: Threads, files: Files) -> None:
    thread = await opened(threads)
    own, servers = await stored(files, thread, b"x", visitor=True), await stored(files, thread, b"y")
    assert await files.use(thread, [own.id], visitor=True) == [own]
    with pytest.raises(NoSuchFile, match=servers.id):
        await files.use(thread, [own.id, servers.id], visitor=True)
    assert await files.use(thread, [own.id, servers.id]) == [own, servers]


async def test_an_archive_carries_files_and_a_purge_removes_them(threads: Threads, files: Files) -> None:
    thread, data, archives = await opened(threads), os.urandom(CHUNK + 7), Archives(threads)
    file = await stored(files, thread, data)
    await name_in_a_message(threads, thread, file)
    archive = await archives.read(thread)
    assert archive is not None
    written = line(archive)
    await archives.purge(thread)
    assert await leftovers(threads) == {}
    await archives.restore(parse(written))
    await archives.restore(parse(written), replace=True)
    assert await files.content(thread, file.id) == data
    assert await files.workspace_size("acme") == len(data)
    again = await archives.read(thread)
    assert again is not None
    assert again.files == archive.files
    await archives.purge(thread)
    assert await leftovers(threads) == {}
    for old, new in ((b'"size":262151', b'"size":9'), (file.id.encode(), b"th_other.1")):
        with pytest.raises(MalformedArchive, match="file"):
            parse(written.replace(old, new))


async def test_a_thread_with_a_new_file_is_not_removed_as_idle(threads: Threads, files: Files) -> None:
    thread, archives = await opened(threads), Archives(threads)
    archive = await archives.read(thread)
    assert archive is not None
    await stored(files, thread, b"x")
    assert not await archives.purge_idle(archive)

    async def read_at_the_end() -> AsyncIterator[bytes]:
        nonlocal archive
        yield b"x" * CHUNK
        archive = await archives.read(thread)

    file = await files.store(thread, read_at_the_end(), name="a", content_type="text/plain", limits=LIMITS)
    assert file.id not in {archived.file.id for archived in archive.files}
    assert not await archives.purge_idle(archive)


async def test_files_that_an_earlier_version_left_are_deleted(threads: Threads, files: Files) -> None:
    thread = await opened(threads)
    file = await stored(files, thread, b"x")
    await threads.database.call("DEL", keys.thread(0, thread))
    await days_later(threads, thread, file)
    assert await files.delete_unused() == 1
    assert await leftovers(threads) == {}
    assert await threads.database.call("EXISTS", keys.thread(0, thread)) == 0


async def test_a_file_of_a_reply_stays_when_a_stale_attempt_is_cancelled(threads: Threads) -> None:
    await accept(threads, 1)
    files, limits = Files(threads), FileLimits(thread=100, workspace=100)
    file = File("a.csv", b"1,2", "text/csv", f"{public_id(THREAD)}.{'0' * 20}", 3)

    async def half() -> AsyncIterator[bytes]:
        yield file.data
        # Meanwhile, the attempt of another worker stores it.
        await files.put(THREAD, file, limits=limits)
        raise asyncio.CancelledError

    stale = files.store(
        THREAD, half(), id=file.file, name=file.name, content_type=file.content_type, limits=limits, kept=True
    )
    with pytest.raises(asyncio.CancelledError):
        await stale
    assert await files.content(THREAD, file.file) == file.data
    await files.put(THREAD, file, limits=limits)
    assert await threads.database.call("ZCARD", keys.unused_files(0)) == 0


async def test_a_file_of_a_reply_is_there_only_when_replicas_have_it(threads: Threads, server: Server) -> None:
    await accept(threads, 1)
    limits = FileLimits(thread=100, workspace=100)
    file = File("a.csv", b"1,2", "text/csv", f"{public_id(THREAD)}.{'0' * 20}", 3)
    database = Database(server.url, timeout=0.5, replicas=1)
    alone = Files(Threads(database))
    # There is no replica. Stored by an earlier attempt, it is there already, but no more confirmed than before.
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await alone.put(THREAD, file, limits=limits)
        await Files(threads).put(THREAD, file, limits=limits)
    await database.close()
