"""A Redis Cluster: every script and every key, failovers, slots that move, and workers that wait on few connections."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from arq.connections import ArqRedis

from answerback.errors import StoreUnavailable
from answerback.settings import Settings
from answerback.store import decode, keys, partitions
from answerback.store.connection.slots import slot
from answerback.store.fleet.keys import arq_job, arq_queue
from answerback.store.guard import Guard
from answerback.store.redis import Database, Value
from answerback.store.server import inspected
from answerback.store.stream.subscription import Subscription
from answerback.store.threads import moves
from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.threads import Threads
from tests.redis.given import event
from tests.redis.test_keys import everything
from tests.topologies.cluster import ClusterServers
from tests.topologies.shared import SharedServers
from tools.commands.redis_findings import redis_findings

PARTITIONS = 16
SOON = 60.0


@pytest.fixture
def cluster(shared_servers: SharedServers) -> ClusterServers:
    """The servers. All of them run, and are empty."""
    return shared_servers.cluster()


@pytest.fixture
async def store(cluster: ClusterServers) -> AsyncIterator[Database]:
    """An empty store."""
    database = Database(cluster.url, timeout=2, guard=Guard(), replicas=1)
    yield database
    await database.close()


@pytest.fixture
def threads(store: Database) -> Threads:
    """Its threads, in partitions on all servers."""
    return Threads(store, partitions=PARTITIONS)


async def accepted(threads: Threads, number: int, thread: str) -> None:
    """Send an event as a platform would: until it is acknowledged."""
    deadline = time.monotonic() + SOON
    while True:
        try:
            await threads.accept(event(number, thread))
            return
        except StoreUnavailable:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)


async def test_every_script_runs_where_its_keys_are(cluster: ClusterServers) -> None:
    database = Database(cluster.url, guard=Guard())
    threads = Threads(database, partitions=4)
    await everything(threads, Outbox(threads), DeadLetters(threads), cluster.url)
    assert len({cluster.primary_of(slot(keys.counters(p))).port for p in range(4)}) == 3
    await database.close()


async def test_partitions_are_spread_over_all_servers(threads: Threads, cluster: ClusterServers) -> None:
    await asyncio.gather(*[accepted(threads, number, f"github:1:{number}") for number in range(200)])
    sizes = [each.client.dbsize() for each in cluster.primaries()]
    assert min(sizes) > 50
    assert len(await inspected(threads.database)) == 3
    assert {server.mode for server in await inspected(threads.database)} == {"cluster"}


async def test_a_primary_dies_and_nothing_acknowledged_is_lost(threads: Threads, cluster: ClusterServers) -> None:
    restarting: asyncio.Task[None] | None = None

    def restart() -> None:
        cluster.failed_over()
        cluster.start()

    for number in range(300):
        if number == 100:
            cluster.kill()
            restarting = asyncio.create_task(asyncio.to_thread(restart))
        await accepted(threads, number, f"github:1:{number % 40}")
    assert restarting
    await restarting
    assert await _order(threads, 40) == {n: list(range(n, 300, 40)) for n in range(40)}


async def test_a_slot_moves_under_load(threads: Threads, cluster: ClusterServers) -> None:
    thread = "github:1:1"
    number = slot(keys.counters(threads.partitions.current.of(thread)))
    source = cluster.primary_of(number)
    for each in range(50):
        await accepted(threads, each, thread)
    moving = asyncio.create_task(asyncio.to_thread(cluster.migrate, number))
    count = 50
    while not moving.done() or count < 100:
        await accepted(threads, count, thread)
        count += 1
    await moving
    assert cluster.primary_of(number) is not source
    assert (
        len(await threads.database.call("LRANGE", keys.inbox(threads.partitions.current.of(thread), thread), 0, -1))
        == count
    )
    # Transactions, and what they read, follow as well.
    assert (
        await threads.database.together(("LLEN", keys.inbox(threads.partitions.current.of(thread), thread)), ("TIME",))
    )[0] == count


async def test_writes_to_a_slot_that_is_being_moved_are_confirmed_where_it_goes(
    store: Database, cluster: ClusterServers
) -> None:
    first, second = "ab:{moving}:1", "ab:{moving}:2"
    source = cluster.primary_of(slot(first))
    with cluster.migrating(slot(first)):
        assert await store.confirmed(("SET", first, "one")) == [True]
        assert await store.confirmed(("SET", second, "two"), ("GET", second)) == [True, b"two"]
        assert await store.together(("GET", first), ("GET", second)) == [b"one", b"two"]
        assert source.client.dbsize() == 0, "the other one has them"
    assert cluster.primary_of(slot(first)) is not source
    assert await store.call("GET", first) == b"one"


async def test_threads_move_to_other_partitions_and_servers(
    store: Database, threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moves, "ANNOUNCED", 0)
    monkeypatch.setattr(partitions, "FRESH", -1)
    await asyncio.gather(*[accepted(threads, number, f"github:1:{number % 30}") for number in range(90)])
    moving = moves.Moves(threads)
    for count in (5, 64):
        assert await moving.begin(count) == "begun"
        assert await moving.move_idle() == 0
        assert await moving.finish()
    assert (await Threads(store).accept(event(7, "github:1:7"))).status == "duplicate"
    assert await _order(threads, 30) == {n: [n, n + 30, n + 60] for n in range(30)}


async def test_a_primary_dies_while_records_of_deliveries_are_copied(
    store: Database, threads: Threads, cluster: ClusterServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copies die with it. The originals are on other servers, and are only deleted when replicas have copies."""
    monkeypatch.setattr(moves, "ANNOUNCED", 0)
    monkeypatch.setattr(partitions, "FRESH", -1)
    await asyncio.gather(*[accepted(threads, number, f"github:1:{number % 30}") for number in range(90)])
    moving = moves.Moves(threads)
    assert await moving.begin(1) == "begun"
    assert await moving.move_idle() == 0
    restarting: list[asyncio.Task[None]] = []
    together, source = store.together, ""

    async def fail_behind_copies(*commands: tuple[Value, ...]) -> list[Any]:
        nonlocal source
        word, name = str(commands[0][0]), str(commands[0][1])
        if word == "GET":
            source = name
        if restarting or word != "SET" or cluster.primary_of(slot(name)) is cluster.primary_of(slot(source)):
            return await together(*commands)
        with cluster.losing(slot(name)):
            answers = await together(*commands)
        restarting.append(asyncio.create_task(asyncio.to_thread(restart)))
        return answers

    def restart() -> None:
        cluster.failed_over()
        cluster.start()

    monkeypatch.setattr(store, "together", fail_behind_copies)
    refused = 0
    async with asyncio.timeout(SOON):
        while True:
            try:
                if await moving.finish():
                    break
            except StoreUnavailable:
                refused += 1
                await asyncio.sleep(0.05)
    await restarting[0]
    assert refused
    receipts = await asyncio.gather(*[threads.accept(event(n, f"github:1:{n % 30}")) for n in range(90)])
    assert {receipt.status for receipt in receipts} == {"duplicate"}


async def test_a_partition_that_is_open_again_after_a_failover_divides_no_thread(
    store: Database, threads: Threads, cluster: ClusterServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A primary dies with the mark that a partition is closed, which a process has seen already."""
    monkeypatch.setattr(moves, "ANNOUNCED", 0)
    monkeypatch.setattr(partitions, "FRESH", -1)
    former, later = partitions.Layout(0, PARTITIONS), partitions.Layout(1, 4)

    def at(p: keys.Partition) -> int:
        return cluster.primary_of(slot(keys.clock(p))).port

    p = former.partitions[0]  # it is closed first
    names = (f"github:1:{number}" for number in range(1000))
    thread = next(name for name in names if former.of(name) == p and at(later.of(name)) != at(p))
    await accepted(threads, 0, "github:2:0")
    moving = moves.Moves(threads)
    assert await moving.begin(later.count) == "begun"
    with cluster.losing(slot(keys.clock(p))):
        with pytest.raises(StoreUnavailable):
            await moving.close()
        assert await store.call("HEXISTS", keys.clock(p), "closed")
        with pytest.raises(StoreUnavailable):
            await threads.accept(event(1, thread))
    await asyncio.to_thread(cluster.failed_over)
    await asyncio.to_thread(cluster.start)
    assert not await store.call("HEXISTS", keys.clock(p), "closed")
    for number in (1, 2):
        await accepted(threads, number, thread)
    async with asyncio.timeout(SOON):
        while await moving.move_idle() or not await moving.finish():
            await asyncio.sleep(0.05)
    assert await _numbers(threads, thread) == [1, 2]


async def test_idle_workers_hold_few_connections_and_wake_at_once(cluster: ClusterServers, store: Database) -> None:
    many = Threads(store, partitions=64)

    async def worker(p: int, queue: keys.Queue, served: asyncio.Queue[None]) -> None:
        while True:
            reservation = await many.reserve(p, queue, 1)
            if reservation.threads:
                served.put_nowait(None)
            else:
                await many.wait_for_work(p, queue, 600)

    served: asyncio.Queue[None] = asyncio.Queue()
    loops = [asyncio.create_task(worker(p, queue, served)) for p in range(64) for queue in ("ready", "due")]
    try:
        deadline = time.monotonic() + SOON
        while max((found := _connections(cluster)).values()) > 4 or found.total() > 2 * 3 + 2:
            assert time.monotonic() < deadline, found
            await store.nodes()  # as every process does every five seconds
            await asyncio.sleep(0.2)
        for number in range(30):
            await accepted(many, number, f"github:1:{number}")
            await asyncio.wait_for(served.get(), SOON)
        # A worker that stops wakes another one: it may have taken a token for nothing.
        waiting = asyncio.create_task(many.wait_for_work(3, "due", 600))
        async with asyncio.timeout(SOON):
            while not waiting.done():
                await many.notify(3, "due")
                await asyncio.sleep(0.05)
    finally:
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)


async def test_what_is_published_anywhere_arrives_also_after_a_failover(
    store: Database, cluster: ClusterServers
) -> None:
    heard, connected = list[bytes](), list[None]()
    subscription = Subscription(store, lambda channel, message: heard.append(message), lambda: connected.append(None))
    await store.nodes()
    listening = asyncio.create_task(subscription.keep())
    await subscription.add("ab:news")
    for each in cluster.primaries():
        each.client.publish("ab:news", "one")
    async with asyncio.timeout(SOON):
        while len(heard) < 3:
            await asyncio.sleep(0.02)
        await asyncio.to_thread(cluster.kill)
        await asyncio.to_thread(cluster.failed_over)
        # Whatever was published in between may be missing: those who listen are told to read what is stored.
        while len(connected) < 2:
            await store.nodes()
            await asyncio.sleep(0.1)
    listening.cancel()


async def test_arqs_keys_are_in_one_slot(store: Database) -> None:
    name = arq_job("tidy", cluster=True)
    names = [arq_queue(cluster=True), f"{arq_queue(cluster=True)}:health-check", "arq:abort"]
    names += [f"arq:{kind}:{name}:1" for kind in ("job", "in-progress", "retry", "result")]
    assert len({slot(each) for each in names}) == 1
    pool = ArqRedis(store.pool, default_queue_name=arq_queue(cluster=True))
    assert await pool.enqueue_job(name, _job_id=f"{name}:1")
    assert await pool.enqueue_job(name, _job_id=f"{name}:1") is None


async def test_check_reports_every_node(store: Database, cluster: ClusterServers) -> None:
    settings = Settings.load({"REDIS_URL": cluster.url})
    assert len(await Threads(store).partitions.all()) == 64
    found = [finding async for finding in redis_findings(settings)]
    assert {each.level for each in found} == {"ok"}, found
    assert found[0].found.startswith("a Cluster of 3 primaries and 3 replicas at redis+cluster://")
    for server in cluster.primaries():
        assert any(f"at {server.address}, master of 1 replica" in each.found for each in found)


async def test_the_other_kind_of_url_is_named(store: Database, cluster: ClusterServers) -> None:
    for url, words in (
        (f"redis://{cluster.primaries()[0].address}", "use redis+cluster:// in REDIS_URL"),
        ("redis+cluster://127.0.0.1:1", "no node of the Cluster responds"),
    ):
        database = Database(url, guard=Guard())
        with pytest.raises(StoreUnavailable) as caught:
            await database.call("PING")
        assert words in str(caught.value)
        await database.close()


async def _order(threads: Threads, count: int) -> dict[int, list[int]]:
    """The numbers of the events of each thread, as they are stored."""
    return {number: await _numbers(threads, f"github:1:{number}") for number in range(count)}


async def _numbers(threads: Threads, thread: str) -> list[int]:
    name = keys.inbox(threads.partitions.current.of(thread), thread)
    entries = await threads.database.call("LRANGE", name, 0, -1)
    return [int(decode.entry(entry, thread).event.message) for entry in entries]


def _connections(cluster: ClusterServers) -> Counter[int]:
    """Connections of ours to each primary."""
    found: Counter[int] = Counter()
    for each in cluster.primaries():
        found[each.port] = sum(client["name"] == "answerback" for client in each.client.client_list())
    return found
