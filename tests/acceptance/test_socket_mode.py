"""Slack without a public URL: events over WebSockets, read by one worker at a time. Real processes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from answerback.store.fleet.connections import Connections
from answerback.testing.standins.options import Options
from tests.acceptance.system import Process, System, until
from tests.standins.client import StandIns

ADDRESSED = "tests.acceptance.agents:addressed"
CONNECTION = "slack/socket"


@pytest.fixture
async def socket(tmp_path: Path) -> AsyncIterator[tuple[System, StandIns]]:
    """An Answerback that is reached over Socket Mode alone: without ingress, and without a signing secret."""
    options: dict[str, Any] = {"slack_socket_mode": "1", "slack_ack_seconds": 1, "slack_retries": "0,1,1,2,2,4,4,8"}
    async with StandIns.start(tmp_path, **options) as standins:
        settings = standins.environment() | {"SLACK_SIGNING_SECRET": "", "SLACK_APP_TOKEN": Options.slack_app_token}
        async with System.running(tmp_path, settings) as system:
            yield system, standins


async def reading(system: System, workers: list[Process]) -> tuple[Process, list[Process]]:
    """The worker that reads the connection, and the others."""
    leases = Connections(system.database)

    async def held() -> Process | None:
        holder = await leases.holder(CONNECTION)
        return next((worker for worker in workers if f"-{worker.pid}-" in holder), None)

    reader = await until(held, what="a worker reading the connection")
    assert reader is not None
    return reader, [worker for worker in workers if worker is not reader]


async def say(standins: StandIns, number: int) -> None:
    words = {"text": f"<@{Options.slack_user}> number {number}", "channel": f"C{number % 3}"}
    await standins.act("slack", "say", **words)


async def answered(standins: StandIns, count: int) -> None:
    """Each of so many messages is answered, and none twice."""
    posted = await standins.wait_for_messages(count, "slack", within=60)
    texts = sorted(message.body for message in posted)
    assert len(texts) == len(set(texts)) == count, texts


async def test_another_worker_goes_on_where_the_reader_was_killed(socket: tuple[System, StandIns]) -> None:
    system, standins = socket
    workers = [await system.worker(ADDRESSED) for _ in range(3)]
    said = 0
    for _ in range(2):
        reader, others = await reading(system, workers)
        for _ in range(15):
            said += 1
            await say(standins, said)
        await reader.kill()
        for _ in range(15):
            said += 1
            await say(standins, said)
        workers = others
        await answered(standins, said)
    # The last one hands the connection over: nobody waits for its lease.
    workers.append(await system.worker(ADDRESSED))
    reader, _ = await reading(system, workers)
    assert await reader.stop() == 0
    said += 1
    await say(standins, said)
    await answered(standins, said)


async def test_a_connection_is_replaced_before_and_after_slack_closes_it(socket: tuple[System, StandIns]) -> None:
    system, standins = socket
    worker = await system.worker(ADDRESSED)
    await reading(system, [worker])

    async def one() -> bool:
        return [each["retiring"] for each in (await standins.state("slack"))["sockets"]] == [False]

    # A worker has the lease before its connection is open.
    await until(one, what="a connection")
    said = 0
    for number, reason in enumerate(("warning", "refresh_requested", "")):
        for half in range(2):
            for _ in range(5):
                said += 1
                await say(standins, said)
            if half == 0:
                await standins.act("slack", "disconnect", **({"reason": reason} if reason else {}))

        async def replaced(times: int = number + 1) -> bool:
            return len(worker.lines("connection ends; opening another")) >= times

        await until(replaced, what="another connection")
        await answered(standins, said)
        # Slack announces the next end to the connection that is open by then, so wait until it is the only one.
        await until(one, what="the former connection being closed")


async def test_a_wrong_token_is_said_and_holds_up_nothing_else(tmp_path: Path) -> None:
    async with StandIns.start(tmp_path, slack_socket_mode="1") as standins:
        settings = standins.environment() | {"SLACK_APP_TOKEN": "xapp-1-wrong-token-of-somebody"}
        async with System.running(tmp_path, settings) as system:
            worker = await system.worker(ADDRESSED)

            async def refused() -> list[str]:
                return [line["error"] for line in worker.lines("connection not opened")]

            errors = await until(refused, what="the log saying it")
            assert "SLACK_APP_TOKEN" in errors[0]
            assert "wrong-token" not in worker.words()
