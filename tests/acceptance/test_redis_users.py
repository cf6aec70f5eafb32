"""Ingress and workers under Redis users of few permissions, and on servers that cannot be used."""

from __future__ import annotations

import tempfile

import aiohttp
import pytest

from answerback.store import permissions
from answerback.store.embedded import find_server
from answerback.testing.standins.sender import Standard
from tests.acceptance.system import System, until
from tests.redis.conftest import serving


async def _user(system: System, rule: str) -> dict[str, str]:
    """The setting for processes that log in as a user with this rule."""
    await system.database.call("ACL", "SETUSER", "app", "reset", "on", ">secret", *rule.split())
    path = system.server.url.removeprefix("unix://")
    return {"REDIS_URL": f"unix://app:secret@{path}"}


@pytest.mark.parametrize("rule", ["+@all -@dangerous ~* &*", permissions.rule()], ids=["not dangerous", "least"])
async def test_a_user_of_few_permissions_is_answered(plain: System, rule: str) -> None:
    user = await _user(plain, rule)
    await plain.ingress(**user)
    worker = await plain.worker("tests.acceptance.agents:echoes", **user)
    await plain.deliver("standard", Standard().message("hello"))
    await plain.quiet(1)
    assert await worker.stop() == 0
    assert '"level": "error"' not in worker.words()
    check = await plain.start("tools check --offline", **user)
    await check.wait()
    assert "lacks permissions" not in check.words()


async def test_what_can_never_be_answered_is_not_accepted(plain: System) -> None:
    user = await _user(plain, f"{permissions.rule()} -blpop")
    ingress = await plain.start("ingress", PORT=str(plain.port), **user)
    worker = await plain.start("worker", ANSWERBACK_AGENTS="tests.acceptance.agents:echoes", **user)
    advice = "ACL SETUSER app +blpop"

    async def refused() -> bool:
        return all(process.log.exists() and advice in process.words() for process in (ingress, worker))

    await until(refused, what="both naming the permission")

    async def answer() -> int:
        try:
            return (await plain.post("standard", Standard().message("hello")))[0]
        except aiohttp.ClientError:
            return 0  # it does not listen yet

    assert await until(answer) == 503
    check = await plain.start("tools check --offline", **user)
    assert await check.wait() == 1
    assert advice in " ".join(check.words().split())
    assert ingress.alive
    assert worker.alive
    await plain.database.call("ACL", "SETUSER", "app", "+blpop")
    await plain.deliver("standard", Standard().message("hello"))
    await plain.quiet(1)
    assert worker.words().count(advice) == 1


async def test_a_redis_cluster_is_refused_in_words(plain: System) -> None:
    commands = ("ingress", "worker", "tools check --offline", "tools threads")
    # One node for all: without a port of its own, each would take port 10000 for its bus.
    with (
        tempfile.TemporaryDirectory(prefix="ab-") as folder,
        serving(find_server(), folder, "--cluster-enabled", "yes"),
    ):
        started = [
            await plain.start(command, REDIS_URL=f"unix://{folder}/s", PORT=str(plain.port)) for command in commands
        ]
        for process in started:
            assert await process.wait() == 1
            words = " ".join(process.words().split())
            assert "it is a node of a Redis Cluster" in words
            assert "use redis+cluster:// in REDIS_URL" in words
            assert "Traceback" not in process.words()
