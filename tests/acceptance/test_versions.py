"""Deploys of incompatible code: a turn ends with the code that began it, or starts over, or says why it cannot."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from answerback.testing.standins.sender import Standard
from tests.acceptance.system import Process, System, until
from tests.acceptance.terminal import SUPERVISOR, command

DEPLOYS = 3


async def _logged(process: Process, event: str, times: int = 1) -> None:
    async def enough() -> bool:
        assert process.alive, process.words()
        return len(process.lines(event)) >= times

    await until(enough, what=event, within=60)


def _paid(system: System) -> Counter[str]:
    path = system.marks / "paid"
    return Counter(path.read_text().splitlines() if path.exists() else ())


@pytest.mark.long
async def test_deploys_of_incompatible_code_are_not_noticed(plain: System, tmp_path: Path) -> None:
    """Turns take steps, some fail and are repeated, and every few seconds other code takes over."""
    module, numbers = tmp_path / "deployed.py", itertools.count()

    def deploy(version: int) -> None:
        module.write_text(
            f"from tests.acceptance import versioned\n\nversioned.VERSION = 'v{version}'\n"
            "agents = versioned.several_agents\n"
        )
        os.utime(module, (1_700_000_000 + 10 * version,) * 2)  # or Python would take its bytecode for current

    deploy(0)
    await plain.ingress()
    supervisor = await plain.start(
        f"{SUPERVISOR} worker --processes 2",
        ANSWERBACK_AGENTS="deployed:agents",
        ANSWERBACK_VERSION="",
        PYTHONPATH=str(tmp_path),
        LEASE_SECONDS="30",  # nobody dies here: whoever lost a lease would take its steps twice
    )
    await _logged(supervisor, "all processes are ready")
    stop = asyncio.Event()

    async def load() -> int:
        sent = 0
        while not stop.is_set():
            number = next(numbers)
            text = f"m{number}" + (" fail" if number % 4 == 0 else "")
            await plain.deliver("standard", Standard().message(text, thread=f"t{number % 40}"))
            sent += 1
            await asyncio.sleep(0.1)
        return sent

    loading = asyncio.create_task(load())
    for version in range(1, DEPLOYS + 1):
        deploy(version)
        supervisor.signal(signal.SIGHUP)
        await _logged(supervisor, "all processes were replaced", version)
    stop.set()
    sent = await loading
    totals = await plain.quiet(sent, within=60)
    assert (totals.handled, totals.dead) == (sent, 0)
    paid = _paid(plain)
    assert len(paid) == 3 * sent
    assert [what for what, times in paid.items() if times > 1] == [], "a step of a turn was paid for twice"
    versions = Counter([text for n in range(min(40, sent)) for text in await plain.answers(f"standard:t{n}")])
    assert len(versions) > 2, "turns ended with several versions"
    assert not supervisor.lines("the code has changed; the turn starts over")


async def test_a_version_that_is_gone_leaves_its_turns_to_the_next(plain: System) -> None:
    """What may be repeated starts over; what may not is a dead letter that says so."""
    await plain.ingress()
    agents = "tests.acceptance.versioned:held_agents"
    old = await plain.worker(agents, CODE="one", ANSWERBACK_VERSION="one")
    for text in ("any", "once"):
        await plain.deliver("standard", Standard().message(text, thread=text))
        await plain.marked(f"began-{text}-one-1")
    new = await plain.worker(agents, CODE="two", ANSWERBACK_VERSION="two")
    settings = {**plain.settings, "REDIS_URL": plain.server.url}
    done = await asyncio.to_thread(command, "deploys", "--json", settings=settings)
    found = {row["version"]: (row["live"], row["draining"], row["pinned"]) for row in json.loads(done.out)}
    assert found == {"one": (1, 0, 2), "two": (1, 0, 0)}
    await old.kill()
    await plain.marked("began-any-two-2")
    plain.release()
    totals = await plain.quiet(1)
    assert (totals.handled, totals.dead) == (1, 1)
    assert await plain.answers("standard:any") == ["two"]
    (letter,) = [letter async for letter in plain.letters.list()]
    assert 'recorded "work with one", but the code has changed' in letter.reason
    assert _paid(plain) == {"any one": 1, "any two": 1, "once one": 1}
    (line,) = new.lines("the code has changed; the turn starts over")
    assert (line["began"], line["runs"]) == ("one", "two")


async def test_a_stopping_worker_finishes_the_turns_of_its_version(plain: System) -> None:
    """A turn of a worker that died goes on with the last worker of its version, which is stopping."""
    await plain.ingress()
    agents = "tests.acceptance.versioned:held_agents"
    settings = {"CODE": "one", "ANSWERBACK_VERSION": "one", "SHUTDOWN_GRACE_SECONDS": "60"}
    dying = await plain.worker(agents, WORKER_CONCURRENCY="1", **settings)
    await plain.deliver("standard", Standard().message("once and again", thread="a"))
    await plain.marked("began-once-and-again-one-1")
    stopping = await plain.worker(agents, **settings)
    await plain.deliver("standard", Standard().message("other", thread="b"))
    await plain.marked("began-other-one-1")
    new = await plain.worker(agents, CODE="two", ANSWERBACK_VERSION="two")
    stopping.signal(signal.SIGTERM)
    await dying.kill()
    await plain.marked("began-once-and-again-one-2")
    plain.release()
    assert await stopping.wait() == 0
    totals = await plain.quiet(2)
    assert (totals.handled, totals.dead) == (2, 0)
    assert await plain.answers("standard:a") == await plain.answers("standard:b") == ["one"]
    assert new.alive
