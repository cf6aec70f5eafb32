"""Which servers and users the store works on: real ones, set up in every way that is refused or done without."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from importlib import resources
from pathlib import Path

import pytest
from redis.exceptions import ResponseError

from answerback.errors import ConfigurationError, StoreFull, StoreUnavailable, StoreUnfit
from answerback.store import keys, permissions
from answerback.store.guard import Guard
from answerback.store.redis import Database
from answerback.store.server import Server as About
from answerback.store.server import inspected
from answerback.store.stream.subscription import Subscription
from answerback.store.threads.threads import Threads
from tests.redis.conftest import Server, listens, serving
from tests.redis.given import accept, claim, turn

Login = Callable[[str], Awaitable[Database]]
OURS = Path(str(resources.files("answerback"))).parent
LEAST = ("+@all -@dangerous ~* &*", permissions.rule())


@pytest.fixture
async def login(server: Server, database: Database) -> AsyncIterator[Login]:
    """Opens a guarded database as a user "app" with this rule."""
    opened = list[Database]()

    async def log_in(rule: str) -> Database:
        await database.call("ACL", "SETUSER", "app", "reset", "on", ">secret", *rule.split())
        opened.append(Database(f"unix://app:secret@{server.socket}", guard=Guard()))
        return opened[-1]

    yield log_in
    for each in opened:
        await each.close()
    await database.call("ACL", "DELUSER", "app")


@pytest.fixture
def folder() -> Iterator[str]:
    """Where a server of the test's own listens: a socket's path must be short."""
    with tempfile.TemporaryDirectory(prefix="ab-") as folder:
        yield folder


async def test_the_rule_has_every_command_that_our_code_and_scripts_name(database: Database) -> None:
    known = {name.decode().upper() for name in await database.call("COMMAND LIST")}
    files = [*OURS.glob("answerback/store/**/*.py"), *OURS.glob("answerback/store/lua/**/*.lua")]
    named = {word for file in files for word in re.findall(r"""["']([A-Z]{3,20})["']""", file.read_text())}
    extra = (*permissions.OPTIONAL, *permissions.OF_CLUSTER, *permissions.OF_REPLICAS, permissions.WAITAOF[0])
    optional = {name.partition("|")[0] for name in extra}
    assert len(files) > 60
    assert (named & known) - optional <= set(permissions.required())


async def test_each_call_that_is_asked_about_is_long_enough_to_be_run(database: Database) -> None:
    for call in permissions.calls(replicas=1):
        (command,) = (await database.call("COMMAND", "INFO", call[0])).values()
        arity = command["arity"]
        assert len(call) == arity or (arity < 0 and len(call) >= -arity), call


@pytest.mark.parametrize("rule", LEAST, ids=["all but the dangerous ones", "the least"])
async def test_a_user_of_few_permissions_is_enough(login: Login, rule: str) -> None:
    database = await login(rule)
    threads = Threads(database)
    heard = list[bytes]()
    subscription = Subscription(database, lambda channel, what: heard.append(what), lambda: None)
    listening = asyncio.create_task(subscription.keep())
    try:
        await accept(threads, 1, 2)
        await subscription.add(keys.signals())
        held = await claim(threads)
        assert [entry.event.message for entry in held.entries] == ["1"]
        await threads.cancel(held.thread)
        async with asyncio.timeout(30):
            while not heard:
                await asyncio.sleep(0.01)
        await threads.commit(turn(held))
        await database.wait("BLPOP", keys.wake(0, "ready"), seconds=0.01)
    finally:
        listening.cancel()
    found = (await inspected(database))[0]
    assert (found.user, found.missing) == ("app", "")


async def test_what_cannot_be_seen_is_said(login: Login) -> None:
    database = await login(LEAST[0])
    [warning] = ((await inspected(database))[0]).warnings()
    assert "may not run INFO" in warning


async def test_a_server_without_info_and_config_is_good(binary: Path, folder: str) -> None:
    with serving(binary, folder, "--rename-command", "INFO", "", "--rename-command", "CONFIG", ""):
        database = Database(f"unix://{folder}/s", guard=Guard())
        await accept(Threads(database), 1)
        found = (await inspected(database))[0]
        await database.close()
    assert (found.mode, found.role, found.policy, found.missing) == ("standalone", "master", "", "")


@pytest.mark.parametrize(
    ("product", "version", "good"),
    [
        ("redis", "6.2.14", False),
        ("redis", "7.0.0", True),
        ("redis", "8.2.1", True),
        ("valkey", "7.2.5", False),
        ("valkey", "8.0.1", True),
    ],
)
def test_an_old_version_is_refused(product: str, version: str, good: bool) -> None:
    errors = About(product=product, version=version).unusable()
    assert (not errors) is good
    assert all(f"{product} {version} is too old" in error for error in errors)


@pytest.mark.parametrize(
    ("taken", "advice"),
    [
        ("-blpop", "+blpop"),
        ("-blpop -publish -zscan", "+blpop +publish +zscan"),
        ("-evalsha", "+evalsha"),
        ("-eval", permissions.rule()),
        ("-@scripting", permissions.rule()),
        ("resetkeys", permissions.rule()),
        ("resetkeys ~ab:*", "~arq:*"),
        ("resetchannels", "+publish +subscribe &ab:*"),
    ],
)
async def test_a_missing_permission_is_named_and_the_advice_mends_it(
    login: Login, database: Database, taken: str, advice: str
) -> None:
    guarded = await login(f"{permissions.rule()} {taken}")
    threads = Threads(guarded)
    with pytest.raises(StoreUnfit) as caught:
        await accept(threads, 1)
    assert f"ACL SETUSER app {advice}" in str(caught.value)
    assert await database.call("DBSIZE") == 0
    # It may be mended while we run: that is waited for, not refused at start.
    assert guarded.guard
    guarded.guard.refuse_at_start()
    await database.call("ACL", "SETUSER", "app", *advice.split())

    async def mended() -> bool:
        try:
            await accept(threads, 1)
        except StoreUnfit:
            return False
        return True

    async with asyncio.timeout(30):
        while not await mended():
            await asyncio.sleep(0.05)


async def test_a_permission_that_is_taken_away_stops_everything(login: Login, database: Database) -> None:
    guarded = await login(permissions.rule())
    threads = Threads(guarded)
    await accept(threads, 1)
    await database.call("ACL", "SETUSER", "app", "-rpush")
    with pytest.raises(StoreUnavailable):
        await accept(threads, 2)
    with pytest.raises(StoreUnfit, match=r"\+rpush"):
        await guarded.call("PING")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--cluster-enabled", "yes"), "Redis Cluster"),
        (("--replicaof", "127.0.0.1", "1"), "replica"),
        (("--maxmemory-policy", "allkeys-lru"), "maxmemory-policy is allkeys-lru"),
    ],
)
async def test_a_server_that_cannot_hold_the_promise_is_refused(
    binary: Path, folder: str, flags: tuple[str, ...], words: str
) -> None:
    with serving(binary, folder, *flags):
        database = Database(f"unix://{folder}/s", guard=Guard())
        for _ in range(2):
            with pytest.raises(StoreUnfit, match=words):
                await accept(Threads(database), 1)
        assert database.guard
        with pytest.raises(ConfigurationError, match=words):
            database.guard.refuse_at_start()
        await database.close()


async def test_a_sentinel_is_not_taken_for_a_redis(binary: Path, folder: str) -> None:
    (Path(folder) / "sentinel.conf").write_text(f"port 0\nunixsocket {folder}/s\ndir {folder}\n")
    process = await asyncio.create_subprocess_exec(binary, f"{folder}/sentinel.conf", "--sentinel", stdout=-3)
    database = Database(f"unix://{folder}/s", guard=Guard())
    try:
        async with asyncio.timeout(30):
            while not listens(Path(folder, "s")):
                await asyncio.sleep(0.01)
        with pytest.raises(StoreUnfit, match="Sentinel"):
            await accept(Threads(database), 1)
    finally:
        await database.close()
        process.terminate()
        await process.wait()


async def test_a_server_is_looked_at_again_when_it_comes_back(binary: Path, folder: str) -> None:
    database = Database(f"unix://{folder}/s", guard=Guard())
    threads = Threads(database)
    with serving(binary, folder):
        await accept(threads, 1)
    with pytest.raises(StoreUnavailable):
        await accept(threads, 2)
    with serving(binary, folder, "--maxmemory-policy", "allkeys-lru"), pytest.raises(StoreUnfit, match="allkeys-lru"):
        await accept(threads, 2)
    await database.close()


async def test_settings_that_change_under_a_connection_are_seen(server: Server, database: Database) -> None:
    guarded = Database(server.url, guard=Guard())
    await guarded.call("PING")
    await database.call("CONFIG", "SET", "maxmemory-policy", "volatile-lru")
    try:
        async with asyncio.timeout(30):
            while not guarded.guard or not guarded.guard.unfit:
                await asyncio.sleep(0.05)
                try:
                    await guarded.inspect()
                except StoreUnfit:
                    break
        with pytest.raises(StoreUnfit, match="volatile-lru"):
            await guarded.call("PING")
    finally:
        await database.call("CONFIG", "SET", "maxmemory-policy", "noeviction")
        await guarded.close()


@pytest.mark.parametrize(
    ("setting", "value", "error"),
    [("maxmemory", "1", StoreFull), ("min-replicas-to-write", "1", StoreUnavailable)],
)
async def test_a_write_is_tried_as_an_event_would_be_written(
    threads: Threads, database: Database, setting: str, value: str, error: type[Exception]
) -> None:
    await threads.scripts.try_write([keys.probe()])
    await database.call("CONFIG", "SET", setting, value)
    try:
        with pytest.raises(error):
            await threads.scripts.try_write([keys.probe()])
        with pytest.raises(error):
            await accept(threads, 1)
    finally:
        await database.call("CONFIG", "SET", setting, "0")


async def test_the_rule_is_one_that_a_server_takes(database: Database) -> None:
    await database.call("ACL", "SETUSER", "app", *permissions.rule().split())
    await database.call("ACL", "DELUSER", "app")
    with pytest.raises(ResponseError):
        await database.call("ACL", "SETUSER", "app", "+nosuch")
