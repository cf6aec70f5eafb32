"""Processes that die or stop: each row makes one fault happen, proves it, and shows that it left no trace.

No trace means: nothing lost, doubled or out of order on any platform, and all of it answered within the lease and a
second. Redis, the platforms and the agents have rows of their own: `test_faults_*.py`.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from answerback.store import keys
from tests.acceptance.sabotage import struck
from tests.acceptance.scene import NOISE, PROMISE, Scene, died, stopped
from tests.acceptance.system import free_port, until

REPEAT = int(os.environ.get("FAULTS_REPEAT", "1"))
"""How often each row is run, at another moment each time: FAULTS_REPEAT=20 pytest tests/acceptance/test_faults.py"""

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """One scene for all rows, with a worker that stays well."""
    async with Scene.open(tmp_path_factory.mktemp("faults")) as opened:
        opened.steady = await opened.worker()
        yield opened


KILLS = {
    "after-claim": "it has threads, and has begun nothing",
    "mid-step": "a step has begun",
    "before-record": "a step is done, and not recorded",
    "before-commit": "a turn is done, and not committed",
    "after-commit": "a turn is committed",
    "before-post": "a reply is marked as being sent, and is not",
    "after-post": "a reply is posted, and its answer was not seen",
    "before-settle": "a reply is known to be posted, and that is not recorded",
}


@pytest.mark.parametrize("turn", range(REPEAT))
@pytest.mark.parametrize("moment", KILLS)
async def test_kill_9_of_a_worker(scene: Scene, moment: str, turn: int) -> None:
    victim = await scene.worker(f"kill {moment} {random.randint(1, 4)}")
    fault = await scene.provoke()
    await died(victim)
    assert (fault.what, fault.where, fault.pid) == ("kill", moment, victim.pid)
    await scene.check()
    assert await scene.recovered(fault) < PROMISE + NOISE


@pytest.mark.parametrize("turn", range(REPEAT))
@pytest.mark.parametrize("moment", ["before-store", "after-store"])
async def test_kill_9_of_ingress(scene: Scene, moment: str, turn: int) -> None:
    """The provider tries again at another one: what was stored is a duplicate there, and has the same dispatch id."""
    port = str(free_port())
    victim = await scene.system.ingress(
        "tests.acceptance.sabotaged ingress", PORT=port, SABOTAGE=f"kill {moment} {random.randint(1, 5)}"
    )
    talks = [scene.talk(platform) for platform in ("github", "slack", "standard")]
    while victim.alive:
        talk = random.choice(talks)
        delivery = talk.say()
        try:
            status, _ = await scene.system.post(talk.platform, delivery, port=int(port))
            assert status == 202
            scene.accepted += 1
        except aiohttp.ClientError:
            await died(victim)
            assert struck(scene.log)[-1][:3] == ("kill", moment, victim.pid)
            receipt = await scene.system.deliver(talk.platform, delivery)
            assert receipt["status"] == ("duplicate" if moment == "after-store" else "accepted")
            scene.accepted += 1
    await scene.check()
    assert await scene.recovered(struck(scene.log)[-1]) < PROMISE + NOISE


@pytest.mark.parametrize("moment", ["mid-step", "before-commit", "before-post"])
async def test_a_worker_paused_past_its_lease_neither_commits_nor_posts_when_it_goes_on(
    scene: Scene, moment: str
) -> None:
    victim = await scene.worker(f"stop {moment} {random.randint(1, 4)}")
    fault = await scene.provoke()
    assert (fault.what, fault.where, fault.pid) == ("stop", moment, victim.pid)
    await stopped(victim)
    await scene.check()
    assert await scene.recovered(fault) < PROMISE + NOISE
    posted = await scene.standins.messages()
    victim.signal(signal.SIGCONT)

    async def noticed() -> bool:
        words = (
            "lease lost",
            "another worker has taken over this thread",
            "another worker now sends replies for this thread",
        )
        return any(victim.lines(word) for word in words)

    await until(noticed, what="the paused worker learning that it has lost its lease")
    assert await scene.standins.messages() == posted
    await scene.check()
    assert await victim.stop() == 0


async def test_two_workers_that_claim_at_once_get_different_threads(scene: Scene) -> None:
    workers = [await scene.worker() for _ in range(3)]
    for worker in workers:
        worker.signal(signal.SIGSTOP)
        await stopped(worker)
    scene.steady.signal(signal.SIGSTOP)
    talks = [scene.talk("standard") for _ in range(300)]
    await asyncio.gather(*[scene.say(talk) for talk in talks])
    for worker in (scene.steady, *workers):
        worker.signal(signal.SIGCONT)
    await scene.check()
    for talk in talks:
        thread = keys.thread(0, f"standard:{talk.name}")
        assert await scene.system.database.call("HMGET", thread, "fence", "crashes") == [b"1", b"0"]
    assert all([await worker.stop() == 0 for worker in workers])
    assert sum(worker.lines("worker stopped")[0]["turns"] for worker in workers) > 0
