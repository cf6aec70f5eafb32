"""Sentinels: connections that follow the master, writes that replicas confirm, and what is said when neither works."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from answerback.accounts import Account
from answerback.errors import StoreUnavailable
from answerback.sealing import Seal
from answerback.settings import Settings
from answerback.store import keys
from answerback.store.access.api_keys import ApiKeys
from answerback.store.access.idempotency import Idempotency, StoredResponse
from answerback.store.access.session_tokens import SessionTokens
from answerback.store.access.sign_ins import SignIn, SignIns
from answerback.store.access.user_tokens import UserTokens
from answerback.store.chats.chats import Chats
from answerback.store.embedded.executable import find_server
from answerback.store.fleet.accounts import Accounts
from answerback.store.fleet.aliases import Aliases
from answerback.store.fleet.orders import Orders
from answerback.store.fleet.remote_agents import RemoteAgent, RemoteAgents
from answerback.store.guard import Guard
from answerback.store.redis import Database
from answerback.store.sessions import RedisSessions
from answerback.store.stream.subscription import Subscription
from answerback.store.threads.moves import Moves
from answerback.store.threads.receipt import Receipt
from answerback.store.threads.repair import requeue, set_attention, unlock
from answerback.store.threads.threads import Threads
from tests.redis.given import event
from tests.topologies.process import ServerProcess, free_port
from tests.topologies.sentinel import MASTER, SentinelServers, role
from tests.topologies.shared import SharedServers
from tools.commands.finding import Finding
from tools.commands.redis_findings import redis_findings

SOON = 60.0


@pytest.fixture
def sentinels(shared_servers: SharedServers) -> SentinelServers:
    """The servers. All of them run, and are empty."""
    return shared_servers.sentinels()


@pytest.fixture
async def store(sentinels: SentinelServers) -> AsyncIterator[Database]:
    """An empty store whose promises a replica confirms."""
    database = Database(sentinels.url, timeout=1.5, guard=Guard(), replicas=1)
    yield database
    await database.close()


async def accepted(threads: Threads, number: int = 1) -> Receipt:
    """Send an event as a platform would: until it is acknowledged."""
    deadline = time.monotonic() + SOON
    while True:
        try:
            return await threads.accept(event(number))
        except StoreUnavailable:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)


async def until(done: Callable[[], bool]) -> None:
    """Wait for something that happens by itself."""
    async with asyncio.timeout(SOON):
        while not done():
            await asyncio.sleep(0.02)


@pytest.fixture
async def patient(sentinels: SentinelServers, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """The same, which has much more time than it leaves to replicas: the rest must do on a busy machine."""
    waits = Database._waits
    monkeypatch.setattr(Database, "_waits", lambda database: [(*words[:-1], 300) for words in waits(database)])
    database = Database(sentinels.url, timeout=20, guard=Guard(), replicas=1)
    yield database
    await database.close()


async def test_nothing_is_acknowledged_that_no_replica_has(patient: Database, sentinels: SentinelServers) -> None:
    store, threads = patient, Threads(patient)
    assert (await accepted(threads, 1)).status == "accepted"
    sessions = RedisSessions(sentinels.url, lease=60, replicas=1)
    writes = await _answered_with_success(store, threads, sessions)
    master = sentinels.master()
    replicas = [server for server in sentinels.servers if server is not master]
    for replica in replicas:
        replica.pause()
    try:
        # The event is stored, and a second delivery finds it: neither is a promise.
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="0 of 1 replicas confirmed"):
                await threads.accept(event(2))
        outcomes = await asyncio.gather(*(write() for write in writes.values()), return_exceptions=True)
        promised = [name for name, outcome in zip(writes, outcomes, strict=True) if "0 of 1" not in str(outcome)]
        assert promised == [], outcomes
        assert store.guard
        assert store.guard.away
    finally:
        for replica in replicas:
            replica.go_on()
        await sessions.close()
    assert (await accepted(threads, 2)).status == "duplicate"


async def _answered_with_success(
    store: Database, threads: Threads, sessions: RedisSessions
) -> dict[str, Callable[[], Awaitable[object]]]:
    """What else the API and the commands answer with success, each prepared up to its last write."""
    api_keys, users, visitors, sign_ins = ApiKeys(store), UserTokens(store), SessionTokens(store), SignIns(store)
    remotes, orders, chats, repeats = RemoteAgents(store), Orders(store), Chats(threads), Idempotency(store)
    key, _ = await api_keys.create(scopes=["admin"])
    token, _ = await users.grant("default", "ada", key.id, seconds=60)
    other, _ = await users.grant("default", "eve", key.id, seconds=60)
    await visitors.grant("default", "th_1", key.id, seconds=60)
    link, secret = await sign_ins.link("default"), await sign_ins.begin(SignIn("default", key.id))
    weather = RemoteAgent(name="weather", url="https://example.com", lease=60_000)
    await remotes.register("default", weather)
    await orders.pause("agent:paused", by="ada")
    await chats.open("default", "th_1")
    await threads.accept(event(9, "github:1:9"))
    begun = str(await repeats.begin("d" * 64, "POST /", "b", alone=True))
    held = await sessions.claim("held")
    assert held
    accounts = Accounts(store, Seal(["a key that seals the credentials"]))
    await accounts.put("slack", Account(id="T1", name="Acme"))
    answer = StoredResponse(201, {}, b"{}")
    return {
        "create a key": lambda: api_keys.create(scopes=["admin"]),
        "rotate a key": lambda: api_keys.rotate(key.id, grace=60),
        "revoke a key": lambda: api_keys.revoke(key.id),
        "grant a user token": lambda: users.grant("default", "ada", key.id, seconds=60),
        "revoke a user token": lambda: users.revoke(token.id),
        "revoke a user's tokens": lambda: users.revoke_all("default", other.user),
        "grant a session token": lambda: visitors.grant("default", "th_2", key.id, seconds=60),
        "end a session": lambda: visitors.end("default", "th_1"),
        "make a link": lambda: sign_ins.link("default"),
        "use a link": lambda: sign_ins.redeem(link),
        "sign in": lambda: sign_ins.begin(SignIn("default", key.id)),
        "sign out": lambda: sign_ins.end(secret),
        "register an agent": lambda: remotes.register("default", msgspec.structs.replace(weather, name="other")),
        "renew an agent": lambda: remotes.renew("default", "weather"),
        "install an account": lambda: accounts.put("slack", Account(id="T2", name="Other")),
        "uninstall an account": lambda: accounts.uninstall("slack", "T1"),
        "remove an account": lambda: accounts.remove("slack", "T2"),
        "use the state of an installation": lambda: accounts.uses_state("d", 60_000),
        "move a thread": lambda: Aliases(store).add("teams:1", "teams:2"),
        "pause": lambda: orders.pause("everything", by="ada"),
        "resume": lambda: orders.resume("agent:paused"),
        "open a chat": lambda: chats.open("default", "th_2"),
        "change a chat": lambda: chats.change("default", "th_1", title="changed"),
        "cancel a turn": lambda: threads.cancel("github:1:9"),
        "set attention": lambda: set_attention(threads, "github:1:9", "muted"),
        "requeue": lambda: requeue(threads, "github:1:9"),
        "unlock": lambda: unlock(threads, "github:1:9"),
        "store a response": lambda: repeats.finish("d" * 64, begun, answer),
        "claim a session": lambda: sessions.claim("another"),
        "save a session": lambda: sessions.save(held, b"data"),
        "change the partitions": lambda: Moves(threads).begin(1),
    }


async def test_a_master_that_stood_still_takes_nothing_with_it(store: Database, sentinels: SentinelServers) -> None:
    threads = Threads(store)
    connected = list[None]()
    heard = list[bytes]()
    subscription = Subscription(store, lambda channel, message: heard.append(message), lambda: connected.append(None))
    listening = asyncio.create_task(subscription.keep())
    await subscription.add("ab:news")
    blocked = asyncio.create_task(store.wait("BLPOP", keys.wake(0, "ready"), seconds=600))
    former = sentinels.master()
    former.pause()
    try:
        receipt = await accepted(threads)
        assert sentinels.master() is not former
        # Those that wait for it, or listen to it, leave it too, although it never closed their connections.
        with pytest.raises(StoreUnavailable):
            await asyncio.wait_for(blocked, SOON)
        await until(lambda: len(connected) >= 2)
    finally:
        former.go_on()
    await until(lambda: role(former) == "slave")
    again = await accepted(threads)
    assert (again.status, again.dispatch_id) == ("duplicate", receipt.dispatch_id)
    async with asyncio.timeout(SOON):
        # The Sentinels may change their minds once more: what is published in that moment is not heard.
        while not heard:
            with suppress(StoreUnavailable):
                await store.call("PUBLISH", "ab:news", "hello")
            await asyncio.sleep(0.05)
    listening.cancel()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda url: url.replace(MASTER, "other"), f'monitor no master "other", but {MASTER}: correct the name'),
        (lambda url: f"redis+sentinel://127.0.0.1:{free_port()}/{MASTER}", "none of the Sentinels at 127.0.0.1"),
        (lambda url: url.replace("://", "://app:wrong@"), "rejected the user or password in REDIS_URL"),
        (
            lambda url: url + "?sentinel_username=app&sentinel_password=wrong",
            "set sentinel_username= and sentinel_password= in REDIS_URL",
        ),
    ],
)
async def test_what_is_wrong_with_the_url_is_named(
    sentinels: SentinelServers, change: Callable[[str], str], words: str
) -> None:
    database = Database(change(sentinels.url))
    with pytest.raises(StoreUnavailable) as caught:
        await database.call("PING")
    assert words in str(caught.value)
    await database.close()


async def test_sentinels_without_a_quorum_are_named(store: Database, sentinels: SentinelServers) -> None:
    master = sentinels.master()
    others = sentinels.sentinels[:2]
    for each in others:
        each.pause()
    master.pause()
    try:
        async with asyncio.timeout(SOON):
            while True:
                with pytest.raises(StoreUnavailable) as caught:
                    await store.call("PING")
                if f"run SENTINEL CKQUORUM {MASTER}" in str(caught.value):
                    break
    finally:
        for each in (master, *others):
            each.go_on()


async def test_check_reports_sentinels_and_replicas(store: Database, sentinels: SentinelServers) -> None:
    found = await _check(sentinels.url)
    master = sentinels.master()
    assert sum(each.about == "sentinel" and "2 replicas, 2 other Sentinels" in each.found for each in found) == 3
    assert any(f"at {master.address}, master of 2 replicas" in each.found for each in found)
    assert any("of memory in use" in each.found for each in found)
    assert {each.level for each in found} == {"ok"}
    # A replica of the test before may have yet to connect again.
    async with asyncio.timeout(SOON):
        while not (warnings := [each for each in await _check(sentinels.url, replicas=1) if each.level == "warning"]):
            await asyncio.sleep(0.05)
    [few] = warnings
    assert few.found == "REDIS_REPLICAS is 1, but 2 replicas are connected"
    assert few.advice.endswith("Set it to 2")
    stopped = [sentinels.sentinels[0], *(server for server in sentinels.servers if server is not master)]
    for each in stopped:
        each.kill()
    await until(lambda: master.client.info("replication")["connected_slaves"] == 0)
    missing: list[Finding] = []
    async with asyncio.timeout(SOON):
        # On a busy machine, Sentinels may take the master for dead for a moment.
        while not missing:
            found = await _check(sentinels.url)
            missing = [each for each in found if "REDIS_REPLICAS is 2, but 0 replicas are connected" in each.found]
    assert [each.advice for each in found if "does not respond" in each.found] == ["start it, or correct REDIS_URL"]
    assert [each.level for each in missing] == ["warning"]


async def test_a_store_without_its_data_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = ServerProcess(find_server(), tmp_path / "server", "--save", "")
    database = Database(f"redis://127.0.0.1:{server.port}", guard=Guard())
    try:
        for _ in range(2):
            server.start()
            server.ready()
            await accepted(Threads(database))
            server.kill()
    finally:
        server.stop()
        await database.close()
    assert capsys.readouterr().out.count("Redis came back without its data") == 1


async def _check(url: str, replicas: int = 2) -> list[Finding]:
    settings = Settings.load({"REDIS_URL": url, "REDIS_REPLICAS": str(replicas)})
    return [finding async for finding in redis_findings(settings)]
