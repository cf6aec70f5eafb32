"""Agents that misbehave, and agents whose code changes.

A bad message ends in the dead letters, with the reason, and takes nobody along.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from tests.acceptance.sabotage import struck
from tests.acceptance.scene import Scene
from tests.acceptance.system import until
from tests.acceptance.talks import Talk

pytestmark = pytest.mark.asyncio(loop_scope="module")

ATTEMPTS = 3


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """One scene for all rows; workers are for the test to start."""
    folder = tmp_path_factory.mktemp("agents")
    async with Scene.open(folder, TURN_MAX_ATTEMPTS=str(ATTEMPTS), TURN_TIMEOUT_SECONDS="20") as opened:
        yield opened


@pytest.mark.parametrize(
    ("place", "deed", "settings", "reason"),
    [
        ("", "raise always", {}, "ValueError: attempt 3 failed on purpose"),
        ("hasty", "wait 60", {}, "TimeExceeded: the turn took longer than 1 s"),
        ("", "rubbish now", {}, "Rubbish"),
        ("rubbish", "now please", {}, "TypeError"),
        ("", "eat 50", {"MEMORY": "1000"}, "MemoryError"),
    ],
    ids=["raises", "hangs", "raises rubbish", "returns rubbish", "eats memory up to a limit"],
)
async def test_an_agent_that(scene: Scene, place: str, deed: str, settings: dict[str, str], reason: str) -> None:
    """Its message lies in the dead letters with the reason, those around it are answered."""
    worker = await scene.worker(**settings)
    bad = scene.talk("standard", place)
    bad.without.add(0)
    await scene.say(bad, deed)
    async with scene.chatter():
        if not place:
            await scene.say(bad, "well now")
        [letter] = await until(scene.dead, what="the dead letter")
    await scene.check()
    assert reason in letter.reason
    assert letter.thread == f"standard:{bad.name}"
    assert worker.alive
    assert await worker.stop() == 0
    assert await scene.system.letters.delete(letter.id)


async def test_a_step_that_took_effect_and_then_raised_is_not_done_again(scene: Scene) -> None:
    """Its turn waits for an operator, who says that it was done; the turn goes on behind it."""
    worker = await scene.worker()
    lost, refused = scene.talk("standard", "pay"), scene.talk("standard", "pay")
    lost.late.add(0)
    await scene.say(lost, "lose 9")
    await scene.say(refused, "refuse 1")
    await scene.say(lost)
    [letter] = await until(scene.dead, what="the dead letter")
    assert letter.error == "OutcomeUnknown"
    assert "raised ConnectionError: the answer was lost: it may have taken effect" in letter.reason
    assert (letter.done, letter.unknown) == ((), ("charge#1",))
    assert await scene.system.letters.replay(letter.id, done={"charge": "it was done"})
    await scene.check()
    charged = Counter(scene.charges.read_text().split())
    assert sum(count for name, count in charged.items()) == 3
    assert max(charged.values()) == 1
    assert await worker.stop() == 0


async def test_a_message_that_kills_its_workers_is_found_out_and_the_innocent_are_answered(scene: Scene) -> None:
    """Long turns share its workers, and die with them as often as it does, until it is alone."""
    before = len(struck(scene.log))
    async with scene.supervised(2) as dead:
        innocent = [scene.talk("standard") for _ in range(6)]
        await asyncio.gather(*[scene.say(talk, "wait 1.2") for talk in innocent])
        poison = scene.talk("standard")
        poison.without.add(0)
        await scene.say(poison, "kill always")
        await scene.say(poison)
        [letter] = await until(scene.dead, what="the dead letter", within=60)
        await scene.check(within=60)
    assert letter.reason == f"the worker died or lost its lease in {ATTEMPTS} attempts"
    assert letter.attempts == ATTEMPTS
    assert len(struck(scene.log)) - before == len(dead) == ATTEMPTS
    assert await scene.system.letters.delete(letter.id)


async def test_a_message_that_blocks_its_workers_does_not_keep_them(scene: Scene) -> None:
    before = len(struck(scene.log))
    async with scene.supervised(2, STUCK_SECONDS="5") as dead:
        bad = scene.talk("slack")
        bad.without.add(0)
        await scene.say(bad, "block always")
        async with scene.chatter():
            [letter] = await until(scene.dead, what="the dead letter", within=60)
        await scene.check(within=60)

        async def ended() -> int:
            return len(dead)

        # Its lease may be over, and all of this done, before the last one ends itself.
        await until(ended, lambda count: count == ATTEMPTS, what="the end of the workers that hang")
    assert letter.reason == f"the worker died or lost its lease in {ATTEMPTS} attempts"
    assert len(struck(scene.log)) - before == ATTEMPTS
    for worker in dead:
        assert "Timeout (0:00:05)!" in worker.words()
        assert "in _misbehave" in worker.words()
    assert await scene.system.letters.delete(letter.id)


async def test_a_deploy_of_other_steps_in_the_middle_of_a_turn_is_a_dead_letter_to_be_replayed(scene: Scene) -> None:
    old = await scene.worker(SHUTDOWN_GRACE_SECONDS="0.2")
    talk = scene.talk("github")
    await scene.say(talk, "wait 60")
    thread = (await until(_turns_begun(scene, talk)))[0]
    # The new code does not wait.
    pardon = scene.folder / "pardon"
    pardon.touch()
    new = await scene.worker(AGENT_SIGN="glance", PARDON=str(pardon))
    assert await old.stop() == 0
    [letter] = await until(scene.dead, what="the dead letter")
    assert letter.reason.startswith('CodeChanged: an earlier attempt of this turn recorded "look"')
    assert 'it runs "glance" instead' in letter.reason
    assert (letter.thread, letter.done[-1]) == (thread, "look#1")
    assert await scene.system.letters.replay(letter.id, fresh=True)
    await scene.check()
    assert not await scene.dead()
    assert await new.stop() == 0


async def test_a_rolling_deploy_of_code_that_fits_is_not_noticed(scene: Scene) -> None:
    worker = await scene.worker()
    failed = (await scene.system.queues()).attempts_failed
    async with scene.chatter():
        for _ in range(3):
            following = await scene.worker()
            assert await worker.stop() == 0
            worker = following
    await scene.check()
    assert not await scene.dead()
    assert (await scene.system.queues()).attempts_failed == failed
    assert await worker.stop() == 0


def _turns_begun(scene: Scene, talk: Talk) -> Callable[[], Awaitable[list[str]]]:
    async def begun() -> list[str]:
        """The threads with recorded steps."""
        found = await scene.system.database.call("KEYS", "ab:*:journal:*")
        return [key.decode().partition(":journal:")[2] for key in found if key.endswith(f":{talk.id}".encode())]

    return begun
