"""The connection to Redis, where a client library could surprise us."""

from __future__ import annotations

import asyncio

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
