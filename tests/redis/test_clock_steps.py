"""The clock of Redis is set while work is under way: leases stand, nothing waits for longer, and it is told once."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from answerback.platforms import Rate
from answerback.store import clock, keys
from answerback.store.redis import Database
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.queues import queues
from answerback.store.threads.threads import Threads
from answerback.store.threads.views import thread_summary
from tests.redis.conftest import listens
from tests.redis.given import BROKEN, THREAD, accept, claim, claim_all, courier, event, lapse, mutate, post, turn, until
from tests.stepped import SteppedServer

OTHER = "github:1:2"
STEPS = [-3600, -60, -6, 6, 60, 3600]


@pytest.fixture(scope="module")
def stepped(binary: Path) -> Iterator[tuple[SteppedServer, str]]:
    """A server of each kind, on a clock that can be set, and its address."""
    with tempfile.TemporaryDirectory(prefix="ab-") as name:
        folder = Path(name)
        server, path = SteppedServer(folder / "clock", binary), folder / "s"
        process = subprocess.Popen(
            [server.binary, "--port", "0", "--unixsocket", path, "--save", "", "--dir", folder],
            stdout=subprocess.DEVNULL,
        )
        try:
            deadline = time.monotonic() + 10
            while not listens(path):
                assert process.poll() is None, f"{binary} does not start"
                assert time.monotonic() < deadline, f"{binary} does not listen"
                time.sleep(0.005)
            yield server, f"unix://{path}"
        finally:
            process.terminate()
            process.wait()


async def set_clock(server_clock: SteppedServer, threads: Threads, seconds: float) -> None:
    """Let the server's clock be so much ahead of ours."""
    server_clock.set(seconds)

    async def seen() -> bool:
        # Valkey looks at its clock now and then, and goes by its own measure in between.
        return abs(await threads.database.now() - (time.time() + seconds) * 1000) < 1000

    await until(seen)


async def step(server_clock: SteppedServer, threads: Threads, seconds: float) -> None:
    """Set the server's clock forward, or back."""
    await set_clock(server_clock, threads, server_clock.seconds + seconds)


@pytest.fixture
def server_clock(stepped: tuple[SteppedServer, str]) -> Iterator[SteppedServer]:
    """Its clock, which is right at first."""
    stepped[0].set(0)
    yield stepped[0]
    stepped[0].set(0)


@pytest.fixture
async def threads(stepped: tuple[SteppedServer, str], server_clock: SteppedServer) -> AsyncIterator[Threads]:
    """The threads of an empty store there, of whose workers one lives."""
    database = Database(stepped[1])
    threads = Threads(database)
    await set_clock(server_clock, threads, 0)
    await database.call("FLUSHALL")
    await threads.extend(0, [], "worker")
    yield threads
    await database.close()


@pytest.mark.parametrize("seconds", STEPS)
async def test_nobody_takes_over_what_a_living_worker_holds(
    server_clock: SteppedServer, threads: Threads, seconds: int
) -> None:
    await post(threads, "r1")
    outbox = Outbox(threads)
    (outgoing,) = await courier(threads, outbox)
    await accept(threads, 1, thread=OTHER)
    held = await claim(threads)
    await step(server_clock, threads, seconds)
    for _ in range(3):
        assert await claim_all(threads, owner="another") == []
        assert await courier(threads, outbox) == []
    leases: list[tuple[keys.Queue, str, int]] = [("ready", OTHER, held.fence), ("due", THREAD, outgoing.fence)]
    assert await threads.extend(0, leases, "worker") == [True, True]
    assert await claim_all(threads, owner="another") == []
    assert await threads.commit(turn(held)) == []


@pytest.mark.parametrize("seconds", STEPS)
async def test_what_waits_and_what_comes_is_claimed_at_once(
    server_clock: SteppedServer, threads: Threads, seconds: int
) -> None:
    await accept(threads, 1)
    await step(server_clock, threads, seconds)
    await accept(threads, 2, thread=OTHER)
    found = await queues(threads)
    assert (found.turns.waiting, found.turns.in_flight) == (2, 0)
    for id in (THREAD, OTHER):
        summary = await thread_summary(threads, id)
        assert summary is not None
        assert summary.state == "waiting"
    assert {held.thread for held in await claim_all(threads)} == {THREAD, OTHER}


@pytest.mark.parametrize("seconds", STEPS)
async def test_a_lease_and_a_delay_end_when_they_would_have(
    server_clock: SteppedServer, threads: Threads, seconds: int
) -> None:
    brief = Threads(threads.database, lease=0.5)
    await accept(brief, 1)
    await claim(brief)
    await accept(brief, 2, thread=OTHER)
    await brief.release(await claim(brief), delay=0.5)
    await step(server_clock, threads, seconds)
    began = time.monotonic()
    found: set[str] = set()

    async def both() -> bool:
        await brief.extend(0, [], "worker")
        found.update(held.thread for held in await claim_all(brief, owner="another"))
        return found == {THREAD, OTHER}

    await until(both, 10)
    # Not at once, though the clock is an hour ahead; what a step may take off is less than what is left.
    assert time.monotonic() - began > 0.2


async def test_after_a_standstill_the_living_renew_first(server_clock: SteppedServer, threads: Threads) -> None:
    """As when Redis stood still for longer than a lease, and somebody looks for work before the holders are heard."""
    await accept(threads, 1)
    held = await claim(threads)
    await step(server_clock, threads, 30)
    # Many calls, but of nobody that keeps the clock: none of them makes it go on.
    for number in range(20, 30):
        await accept(threads, number, thread=OTHER)
        await step(server_clock, threads, 1)
    await claim_all(threads, owner="another")
    assert await threads.extend(0, [("ready", THREAD, held.fence)], "worker") == [True]
    assert await threads.commit(turn(held)) == []


async def test_what_an_older_version_has_stored_stays_as_it_is(server_clock: SteppedServer, threads: Threads) -> None:
    """It kept its queues by the server's clock."""
    await accept(threads, 1)
    await claim(threads)
    await accept(threads, 2, thread=OTHER)
    await threads.release(await claim(threads), delay=60)
    await threads.database.call("DEL", keys.clock(0))
    taken = await threads.reserve(0, "ready", 10)
    assert taken.threads == ()
    assert taken.wait is not None
    assert 3000 < taken.wait <= 5000
    assert await threads.database.call("HGET", keys.clock(0), "now") == await threads.database.call(
        "HGET", keys.clock(0), "wall"
    )


async def test_the_lease_clock_never_runs_back(server_clock: SteppedServer, threads: Threads) -> None:
    before = till = 0
    for seconds in (0, -6, -60, 60, -3600, 0, 7200, -6):
        await set_clock(server_clock, threads, seconds)
        for _ in range(3):
            await threads.extend(0, [], "worker")
            now, _ = clock.read(*await threads.database.together(*clock.look(0)))
            taken = await threads.reserve(0, "ready", 1)
            assert now >= before
            assert taken.till >= till, "to the scripts as well"
            before, till = now, taken.till


async def test_each_step_is_told_and_counted_once(server_clock: SteppedServer, threads: Threads) -> None:
    workers = [threads, Threads(threads.database), Threads(threads.database)]
    for worker in workers:
        await worker.extend(0, [], "worker")
    with capture_logs() as logs:
        for count, seconds in enumerate((60, -60, -6), 1):
            await step(server_clock, threads, seconds)
            for worker in workers:
                await worker.extend(0, [], "worker")
                await worker.extend(0, [], "worker")
            found = (await queues(threads)).clock_steps
            assert found.count == count
            assert abs(found.last - seconds * 1000) < 1000
            assert abs(found.at - await threads.database.now()) < 5000
    told = [(line["way"], round(line["seconds"])) for line in logs if line["log_level"] == "warning"]
    assert told == [("forward", 60), ("back", 60), ("back", 6)]


async def test_a_step_before_the_first_heartbeat_of_a_worker_is_counted(
    server_clock: SteppedServer, threads: Threads
) -> None:
    fresh = Threads(threads.database)
    await fresh.reserve(0, "ready", 1)
    await step(server_clock, threads, 6)
    await fresh.extend(0, [], "fresh")
    assert (await queues(threads)).clock_steps.count == 1


def test_of_calls_that_overlap_a_step_it_is_observed_once() -> None:
    watch = clock.Watch()
    assert watch.observe(0, 10, 1_000_005) == 0
    assert watch.observe(20, 40, 1_006_030) > 5_000
    assert watch.observe(15, 50, 1_000_025) == 0, "it was sent, and read its clock, before the step"
    assert watch.observe(60, 70, 1_006_065) == 0


async def test_a_standstill_is_no_step(threads: Threads) -> None:
    with capture_logs() as logs:
        await threads.extend(0, [], "worker")
        await lapse(threads)
        await threads.accept(event(1))
        await threads.extend(0, [], "worker")
    assert logs == []
    watch = clock.Watch()
    assert watch.observe(0, 10, 1_000_005) == 0
    assert watch.observe(1000, 31_000, 1_031_000) == 0, "it was on its way for thirty seconds"
    assert watch.observe(32_000, 32_010, 1_092_005) > 59_000
    assert watch.observe(33_000, 33_010, 1_063_005) < -29_000


async def _nobody_takes_over(server_clock: SteppedServer, threads: Threads) -> None:
    await test_nobody_takes_over_what_a_living_worker_holds(server_clock, threads, 60)


@pytest.mark.parametrize(
    ("rule", "without", "look"),
    [
        ("passed < 0 or passed > most", "passed < 0", _nobody_takes_over),
        ("passed < 0 or passed > most", "passed < 0", test_after_a_standstill_the_living_renew_first),
        ("passed < 0 or passed > most", "passed > most", test_the_lease_clock_never_runs_back),
    ],
    ids=["a step without the cap", "a standstill without the cap", "set back without the floor"],
)
async def test_a_lease_clock_without_its_rule_is_noticed(
    server_clock: SteppedServer,
    threads: Threads,
    rule: str,
    without: str,
    look: Callable[[SteppedServer, Threads], Awaitable[None]],
) -> None:
    for script in ("reserve", "extend", "claim", "accept", "commit", "mark_sending", "settle"):
        mutate(threads, script, rule, without)
    with pytest.raises(BROKEN):
        await look(server_clock, threads)


@pytest.mark.parametrize("seconds", [-3600, 3600])
async def test_the_rates_of_replies_stay_as_they_are(
    server_clock: SteppedServer, threads: Threads, seconds: int
) -> None:
    outbox, rate = Outbox(threads), Rate("telegram/1:7", 4.0)
    for _ in "123":
        await outbox.reserve_slot([rate])
    await step(server_clock, threads, seconds)
    _, wait = await outbox.reserve_slot([rate])
    assert wait <= 12_000
    assert seconds > 0 or wait > 8_000
