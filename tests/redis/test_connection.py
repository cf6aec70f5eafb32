"""The connection to Redis, where a client library could surprise us."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from unittest.mock import ANY

import pytest
import uvloop
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from answerback.errors import StoreUnavailable
from answerback.store.redis import Database
from tests.redis.conftest import Server


async def test_a_loop_of_calls_ends_whenever_it_is_cancelled(database: Database) -> None:
    async def call_for_ever() -> None:
        while True:
            await database.call("PING")

    for moment in range(300):
        task = asyncio.create_task(call_for_ever())
        for _ in range(moment % 15 + 1):
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=5)
        assert done, f"cancelled in round {moment}, it runs on"


async def test_a_connection_serves_after_a_call_on_it_was_cancelled(database: Database) -> None:
    await database.call("SET", "key", "value")
    for moment in range(60):
        task = asyncio.create_task(database.call("PING"))
        for _ in range(moment % 15 + 1):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert await database.call("GET", "key") == b"value"


async def test_a_connection_that_the_server_closed_is_replaced(server: Server, database: Database) -> None:
    await database.call("SET", "key", "value")
    other = Database(server.url)
    for _ in range(3):
        await other.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        await asyncio.sleep(0.1)
        assert await database.call("GET", "key") == b"value"
    await other.close()


async def test_a_connection_with_an_unread_response_is_not_used(database: Database) -> None:
    await database.call("SET", "key", "value")
    async with database.connection((await database.nodes())[0]) as connection:
        await connection.send_command("ECHO", "somebody else's")
        async with asyncio.timeout(20):
            while not await connection.can_read_destructive():
                await asyncio.sleep(0.01)
    assert await database.call("GET", "key") == b"value"


async def test_calls_at_once_share_a_connection_and_each_gets_its_own_response(database: Database) -> None:
    await database.call("PING")
    calls = [database.call("ECHO", n) for n in range(100)]
    ids = [database.call("CLIENT", "ID") for _ in range(9)]
    wrong = database.call("EVAL", "return redis.call('GET')", 0)
    *results, error = await asyncio.gather(*calls, *ids, wrong, return_exceptions=True)
    assert results[:100] == [b"%d" % n for n in range(100)]
    assert len(set(results[100:])) == 1
    assert isinstance(error, ResponseError)
    assert await database.together(("SET", "key", "1"), ("GET", "key")) == [True, b"1"]
    assert await database.at_once(("GET", "key"), ("TIME",), ("GET", "none")) == [b"1", ANY, None]


async def test_no_call_outlives_a_server_that_hangs_or_dies(server: Server) -> None:
    database, other = Database(server.url, timeout=0.5), Database(server.url, timeout=30)
    await database.call("SET", "key", "value")
    try:
        pid = int((await other.call("INFO", "server"))["process_id"])
        os.kill(pid, signal.SIGSTOP)
        try:
            async with asyncio.timeout(20):
                with pytest.raises(StoreUnavailable):
                    await database.call("GET", "key")
        finally:
            os.kill(pid, signal.SIGCONT)
        async with asyncio.timeout(20):
            while True:
                with suppress(StoreUnavailable):
                    assert await database.call("GET", "key") == b"value"
                    break
        blocked = [asyncio.create_task(database.call("GET", "key")) for _ in range(3)]
        await other.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        for result in await asyncio.gather(*blocked, return_exceptions=True):
            assert result == b"value" or isinstance(result, StoreUnavailable)
        with suppress(StoreUnavailable):
            await database.call("PING")
        assert await database.call("GET", "key") == b"value"
    finally:
        await database.close()
        await other.close()


def test_a_call_fails_if_its_connection_is_closed_before_it_is_sent(server: Server) -> None:
    async def call() -> None:
        database = Database(server.url)
        assert await database.call("PING")
        [node] = await database.nodes()
        link = node.pipe._link
        assert link is not None
        link.close()
        await asyncio.sleep(0)
        with pytest.raises(RedisConnectionError):
            await asyncio.wait_for(link.send([b"*1\r\n$4\r\nPING\r\n"]), 30)
        assert await database.call("PING")
        await database.close()

    # As in ingress and workers: here, writing to a closed connection raises.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        failed: list[dict[str, object]] = []
        runner.get_loop().set_exception_handler(lambda _, context: failed.append(context))
        runner.run(call())
        assert failed == []
