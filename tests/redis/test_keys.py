"""Every script declares all the keys it touches, and those of one call lie in one slot.

Proved by the server: MONITOR shows each script's call, and after it the commands that it issued itself.
"""

from __future__ import annotations

import asyncio
import codecs
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha1
from importlib import resources

import msgspec
import pytest

from answerback.events import Amendment
from answerback.messages import Message
from answerback.notifications import ReplyStatus
from answerback.platforms import Rate
from answerback.replies import DeadLetter, StreamedReply
from answerback.store import keys
from answerback.store.access.api_keys import ApiKeys
from answerback.store.access.idempotency import Idempotency, StoredResponse
from answerback.store.access.rate_limits import RateLimits
from answerback.store.chats.chat import NewChat
from answerback.store.chats.chats import Chats
from answerback.store.fleet.connections import Connections
from answerback.store.fleet.reachability import Probes
from answerback.store.fleet.redeliveries import Redeliveries, RedeliveryRequest
from answerback.store.fleet.remote_agents import RemoteAgent, RemoteAgents
from answerback.store.partitions import Layout
from answerback.store.redis import Database
from answerback.store.sessions import RedisSessions
from answerback.store.threads.archives import Archives
from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.files import FileLimits, Files
from answerback.store.threads.moves import Moves
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.records import StreamAppend
from answerback.store.threads.repair import requeue, set_attention, unlock
from answerback.store.threads.search import Filter, matching
from answerback.store.threads.threads import Threads
from tests.redis.conftest import Server
from tests.redis.given import claim, claim_all, content_of, courier, dead_letter, event, lapse, reply, step, turn

_LINE = re.compile(rb"\+[\d.]+ \[\d+ (?P<source>lua|[^\]]*)\] (?P<words>.*)\r\n")
_WORD = re.compile(rb'"((?:[^"\\]|\\.)*)"')
SCRIPTS = [
    file.name.removesuffix(".lua")
    for file in resources.files("answerback.store").joinpath("lua").iterdir()
    # Without those that look at the server, and touch nothing of a thread's.
    if file.name.endswith(".lua") and file.name not in ("probe.lua", "touch.lua", "try_write.lua")
]


MESSAGE = Message(role="assistant", text="half a")


class Watch:
    """What the server did: commands as (issued by a script, words)."""

    def __init__(self) -> None:
        self.commands: list[tuple[bool, list[bytes]]] = []


@asynccontextmanager
async def watching(server: Server, database: Database) -> AsyncIterator[Watch]:
    """Sees every command that the server runs during the block."""
    watch = Watch()
    reader, writer = await asyncio.open_unix_connection(server.socket, limit=2**24)
    writer.write(b"MONITOR\r\n")
    assert await reader.readline() == b"+OK\r\n"
    yield watch
    await database.call("ECHO", "the end")
    async with asyncio.timeout(30):
        while True:
            found = _LINE.fullmatch(await reader.readline())
            assert found
            words = [codecs.escape_decode(word)[0] for word in _WORD.findall(found["words"])]
            if words == [b"ECHO", b"the end"]:
                break
            watch.commands.append((found["source"] == b"lua", words))
    writer.close()


async def everything(threads: Threads, outbox: Outbox, letters: DeadLetters, url: str) -> None:
    """Each script at least once, in every partition, on each of its ways."""
    ids = [f"github:1:{number}" for number in range(32)]
    await threads.set_own_identities("github", ["user:7"])
    await asyncio.gather(*[threads.accept(event(number, id)) for number, id in enumerate(ids)])
    await asyncio.gather(
        *[threads.accept(event(number + 100, id, identities=("user:8",))) for number, id in enumerate(ids)]
    )
    await threads.accept(event(0, ids[0]))
    assert await matching(threads, ids, Filter(state="waiting")) == ids
    for text in ("better", None):
        await threads.amend(Amendment(delivery="github:edit", thread=ids[0], message="100", text=text))
    claims = await claim_all(threads)
    for p in threads.partitions.current.partitions:
        some = [found for found in claims if threads.partitions.current.of(found.thread) == p]
        assert len(some) >= 5, "every partition has threads enough for every way"
        for held in some:
            key = f"{held.entries[0].event.id}.0"
            await threads.step(step(held, "reply", reply(key, held.thread)))
            assert await threads.show(held, StreamedReply(key=f"{key}.1"))
            await threads.emit(StreamAppend(held.thread, held.fence, held.owner, held.position, [("turn", b"{}")]))
        await threads.take_more_events(some[0], 10, interruptible=True)
        await threads.cancel(some[0].thread)
        await threads.extend(p, [("ready", held.thread, held.fence) for held in some], "worker")
        await threads.scripts.count_step([keys.clock(p)], step=60_000)
        await threads.commit(turn(some[0], reply(f"{some[0].entries[0].event.id}.1", some[0].thread), state=b"\x80"))
        ended = turn(some[1], more=False, stream_events=[("done", b"{}")])
        question = Message(role="user", text="asked", turn="t", message=some[1].entries[0].event.message)
        await threads.commit(msgspec.structs.replace(ended, messages=[question]))
        late = Amendment(delivery="github:late", thread=some[1].thread, message=question.message, text="edited late")
        assert (await threads.amend(late)).reason == "changed the history"
        await threads.release(some[2], delay=60, error="no")
        await threads.reserve_parked(p, 5)
        await threads.give_back(p, "ready", await threads.reserve(p, "ready", 1))
        await threads.resume(p, "ready", ["agent:a"])
        await threads.forget(p, "worker")
        await threads.release(some[3], "interrupted", messages=[MESSAGE], stream_events=[("done", b"{}")])
        await threads.cancel(some[3].thread)
        await threads.scripts.watch(
            [keys.thread(p, some[3].thread)], id=some[3].thread, signals=keys.signals(), watched=1000
        )
        for held in some[4:]:
            await dead_letter(threads, held)
        found = [letter async for letter in letters.list() if threads.partitions.current.of(letter.thread) == p]
        await letters.replay(found[0].id)
        await letters.replay(found[-1].id, fresh=True)
    for held in await claim_all(threads):
        await dead_letter(threads, held)
    dead = [letter async for letter in letters.list()]
    await letters.delete(dead[0].id)
    for number, id in enumerate(ids):
        await threads.accept(event(number, id))
    for outgoing in await courier(threads, outbox):
        await outbox.mark_sending(outgoing)
        outgoing = await outbox.divide(outgoing, ["half of it", "the other half"])
        letter = DeadLetter(id=outgoing.reply.key, kind="reply", thread=outgoing.thread, reason="no")
        following = await outbox.settle(outgoing, letter)
        if following:
            await outbox.defer(following, 0, retry=True)
            echo = event(2000, following.thread, identities=("user:7",))
            await outbox.confirm(msgspec.structs.replace(echo, reply=following.reply.key))
        await letters.replay(letter.id)
    for outgoing in await courier(threads, outbox):
        await outbox.defer(outgoing, 60, retry=True)
        await outbox.confirm(msgspec.structs.replace(event(0, outgoing.thread), reply=outgoing.reply.key))
    for number, id in enumerate(ids):
        await threads.accept(event(number + 200, id))
    for held in await claim_all(threads):
        await threads.commit(turn(held, reply(f"again {held.thread}", held.thread), more=False))
    for outgoing in await courier(threads, outbox):
        await outbox.settle(
            msgspec.structs.replace(outgoing, reply=msgspec.structs.replace(outgoing.reply, state="sent"))
        )
        report = ReplyStatus(delivery="x:1", thread=outgoing.thread, reply=outgoing.reply.key, state="failed")
        assert await outbox.report(report)
    chats, files = Chats(threads), Files(threads)
    for number in range(24):
        chat = await chats.open("acme", opening=NewChat(user="ada", ephemeral=number % 2 == 0))
        await chats.change("acme", chat.id, pinned=True)
        await chats.say("acme", chat.id, event(1000 + number))
        kept = await files.store(
            chat.thread,
            content_of(b"x" * 300_000),
            name="x",
            content_type="text/plain",
            limits=FileLimits(thread=10**6, workspace=10**8),
        )
        assert len(await files.content(chat.thread, kept.id)) == 300_000
        if number % 3:
            assert await files.delete(chat.thread, kept.id)
            await chats.purge("acme", chat.id)
        else:
            ids.append(chat.thread)
    archives = Archives(threads)
    for id in ids:
        await unlock(threads, id)
        await requeue(threads, id)
        await set_attention(threads, id, "muted")
        whole = await archives.read(id)
        assert whole is not None
        await archives.restore(whole, replace=True)
        await archives.purge_idle(whole)
        await archives.purge(id)
        await archives.restore(whole)
    await access(threads.database)
    await fleet(threads.database)
    await sessions(url)


async def access(database: Database) -> None:
    """What callers of the API may do, and did."""
    api_keys, rates, requests = ApiKeys(database), RateLimits(database, rate=1, burst=2), Idempotency(database)
    (key, _), (other, _) = await api_keys.create(scopes=["admin"]), await api_keys.create(scopes=["admin"])
    await api_keys.rotate(key.id, grace=60)
    await Outbox(Threads(database)).reserve_slot([Rate("telegram/1", 1.0), Rate("telegram/1:7", 3.0, burst=5)])
    await asyncio.gather(*[rates.spend(each.id) for each in (key, other) for _ in range(4)])
    await api_keys.revoke(key.id)
    owner = await requests.begin("digest", "route", "body", alone=True)
    await requests.begin("digest", "route", "body", alone=True)
    assert isinstance(owner, str)
    await requests.finish("digest", owner, StoredResponse(200, {}, b"done"))
    await requests.begin("digest", "route", "body", alone=True)
    await Connections(database).hold("slack/socket", "worker", 5000)
    await Connections(database).release("slack/socket", "worker")
    await Redeliveries(database).ask("acme/widgets/hooks/1", "delivery", RedeliveryRequest(1, 1, 1), None)


async def fleet(database: Database) -> None:
    """Register a remote agent, renew its lease, remove it; take a probe."""
    remotes, remote = RemoteAgents(database), RemoteAgent(name="r", url="https://r", lease=60_000)
    await remotes.register("acme", remote)
    renewed = await remotes.renew("acme", "r")
    assert await Probes(database).take(9, lease=30)
    assert renewed is not None
    assert await remotes.remove_expired("acme", renewed)


async def move(threads: Threads) -> None:
    """Move all threads to other partitions."""
    moves = Moves(threads)
    await moves.begin(2)
    while not await moves.close():
        await asyncio.sleep(0.1)
    for thread in [id async for id in Archives(threads).ids()]:
        await moves.move(await threads.locate(thread), thread)
    while await moves.move_idle():
        for held in await claim_all(threads):
            await threads.commit(turn(held, more=False))
        for p in await threads.partitions.all():
            for id in await threads.database.call("ZRANGE", keys.queue(p, "due"), 0, -1):
                await lapse(threads, "due", id.decode())
                await lapse(threads, "ready", id.decode())
    await moves.finish()


async def sessions(url: str) -> None:
    """Claim, save, empty and release a session of a library's user."""
    store = RedisSessions(url)
    claimed = await store.claim("customer 7")
    assert claimed is not None
    assert await store.save(claimed, b"data")
    assert await store.renew(claimed)
    assert await store.save(claimed, b"")
    await store.release(claimed)
    await store.close()


@pytest.mark.one_server
async def test_scripts_touch_the_keys_they_declare_in_one_partition(server: Server, database: Database) -> None:
    threads = Threads(database, partitions=4, version="v1")
    async with watching(server, database) as watch:
        await everything(threads, Outbox(threads), DeadLetters(threads), server.url)
        await move(threads)
    names = {getattr(threads.scripts, name).sha.encode(): name for name in SCRIPTS}
    declared: set[bytes] = set()
    run: dict[str, set[bytes]] = {}
    name = ""
    for by_script, words in watch.commands:
        command = words[0].upper()
        if command in (b"EVALSHA", b"EVAL") and not by_script:
            count = int(words[2])
            declared = set(words[3 : 3 + count])
            # A key without a tag is its own: it may be alone in a call.
            tags = {key[key.index(b"{") : key.index(b"}") + 1] if b"{" in key else key for key in declared}
            assert len(tags) == 1, f"{tags} in one call"
            sha = words[1] if command == b"EVALSHA" else sha1(words[1], usedforsecurity=False).hexdigest().encode()
            name = names[sha.lower()]
            run.setdefault(name, set()).update(tags)
        elif by_script and command not in (b"TIME", b"PUBLISH"):
            touched = await database.call("COMMAND GETKEYS", *words)
            assert touched, words
            assert {key.encode() for key in touched} <= declared, f"{name} touches {touched}"
    assert set(run) == set(SCRIPTS), "every script was run"
    assert run["commit"] == run["accept"] == {b"{%d}" % p for p in range(4)}


async def test_threads_are_spread_over_all_partitions() -> None:
    layout = Layout(count=4)
    found = [layout.of(f"github:1:{number}") for number in range(400)]
    assert {p: found.count(p) > 50 for p in range(4)} == dict.fromkeys(range(4), True)
    assert layout.of("github:\udcff") in layout.partitions


async def test_partitions_know_nothing_of_each_other(database: Database) -> None:
    threads = Threads(database, partitions=4)
    for number in range(40):
        await threads.accept(event(number, f"github:1:{number}"))
    taken = await threads.reserve(2, "ready", 100)
    assert {threads.partitions.current.of(id) for id in taken.threads} == {2}
    held = (await threads.claim(2, taken, "worker"))[0]
    await lapse(threads, thread=held.thread)
    heirs = await claim_all(threads, limit=100)
    assert len(heirs) == 40 - len(taken.threads) + 1


async def test_a_forgotten_script_is_sent_again(threads: Threads) -> None:
    await threads.accept(event(1))
    await threads.database.call("SCRIPT", "FLUSH")
    await threads.commit(turn(await claim(threads)))
