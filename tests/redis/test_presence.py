"""Presence on a platform that answers as it is told: what people see follows the turn, and never holds it up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, TypeVar

import msgspec
import pytest

from answerback.agents import Agent, Turn
from answerback.agents.journal import Journal
from answerback.errors import RateLimited, Rejected, Unavailable
from answerback.events import Event
from answerback.http.platform import BeforeSend, PlatformHttp
from answerback.messages import Author, TurnEnd
from answerback.platforms import Client, Exchange, Place, Presence, PresenceOutcome, Request
from answerback.store.fleet.presences import Presences
from answerback.store.fleet.workers import WorkerRegistry, WorkerReport
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.threads import Threads
from tests.redis.given import accept, claim, claim_all, turn
from worker.presence import requests, shown
from worker.presence.presences import PresenceKeeper
from worker.replies.clients import Clients

pytestmark = pytest.mark.one_server

T = TypeVar("T")
THREAD = "slack:T1:C1:1.2"


class Line(Presence):
    """A status line."""

    refresh = 90.0
    pace = 0.001
    lasting = False

    def working(self, place: Place, words: str) -> Exchange[None]:
        yield Request(method="POST", url=f"working {words}".strip())

    def idle(self, place: Place, outcome: PresenceOutcome) -> Exchange[None]:
        yield Request(method="POST", url=f"idle {outcome} {place.message}" if self.lasting else "idle")

    def limits(self, place: Place) -> Sequence[str]:
        return ["", "C1"]


class Platform(PlatformHttp):
    """Does what it is told, and keeps what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.errors: list[Exception] = []
        self.open = asyncio.Event()
        self.open.set()

    async def perform(self, exchange: Exchange[T], *, before_send: BeforeSend | None = None) -> T:
        self.asked.append(next(exchange).url)
        await self.open.wait()
        if self.errors:
            raise self.errors.pop(0)
        try:
            exchange.send(None)  # type: ignore[arg-type]
        except StopIteration as end:
            found: T = end.value
            return found
        raise AssertionError("it asked for more")


class Slack:
    """A client of which only the presence counts."""

    def __init__(self) -> None:
        self.presence = Line()


class Scene:
    """A keeper, and what it asked for."""

    def __init__(self, threads: Threads, outbox: Outbox) -> None:
        self.threads, self.outbox = threads, outbox
        self.platform, self.client = Platform(), Slack()
        self.workers = WorkerRegistry(threads.database)
        self.keeper = self.another("worker")
        self.records = Presences(threads.database)

    def another(self, owner: str) -> PresenceKeeper:
        """The keeper of a worker."""
        configured: Any = {"slack": self.client}
        clients = Clients(configured)
        return PresenceKeeper(clients, self.platform, self.threads, self.outbox, self.workers, owner=owner, lease=0.05)

    async def begin(self, presence: Any = "status", attempt: int = 1, keeper: PresenceKeeper | None = None) -> Turn:
        """A turn that begins."""

        async def think(turn: Turn) -> str:
            return ""

        event = Event(
            delivery="slack:T1:C1:1.3", thread=THREAD, kind="message", text="hi", author=Author("U1"), message="1.3"
        )

        async def write(*_: object) -> None: ...

        found = Turn(
            agent="helper", events=[event], history=[], attempt=attempt, state={}, journal=Journal({}, write),
        )  # fmt: skip
        found.presence = await (keeper or self.keeper).begin(Agent("helper", think, presence=presence), found, attempt)
        return found

    async def alive(self, worker: str, lease: int = 60_000) -> None:
        """A worker reports."""
        await self.workers.report(
            WorkerReport(
                id=worker, host="h", pid=1, started=1, seen=0, lease=lease, state="working", turns=0, sending=0,
                concurrency=1, done=0, failed=0,
            )
        )  # fmt: skip

    async def until(self, good: Callable[[list[str]], bool]) -> list[str]:
        """What was asked for, once it is as it should be."""
        async with asyncio.timeout(20):
            while not good(self.platform.asked):
                await asyncio.sleep(0.005)
        return self.platform.asked

    async def cleared(self) -> None:
        """Wait until nothing is recorded."""
        async with asyncio.timeout(20):
            while await self.records.all():
                await asyncio.sleep(0.005)


@pytest.fixture
async def scene(threads: Threads, outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    monkeypatch.setattr(shown, "DELAY", 0.01)
    monkeypatch.setattr(shown, "PACE", 0.01)
    monkeypatch.setattr(shown, "AGAIN", 0.01)
    found = Scene(threads, outbox)
    await claim_all(threads)  # from which the threads know the time of Redis
    yield found
    await found.keeper.close()


async def test_people_see_that_it_works_what_it_does_and_that_it_has_ended(scene: Scene) -> None:
    turn = await scene.begin()
    await scene.until(lambda asked: asked == ["working"])
    assert [record.owner for record in (await scene.records.all()).values()] == ["worker"]
    turn.progress("Searching…")
    await scene.until(lambda asked: asked[1:] == ["working Searching…"])
    turn.presence.end("completed")
    turn.presence.leave()
    await scene.until(lambda asked: asked[2:] == ["idle"])
    await scene.cleared()


async def test_a_turn_that_ends_at_once_needs_no_request(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown, "DELAY", 0.2)
    turn = await scene.begin()
    turn.progress("Searching…")
    turn.presence.end("completed")
    turn.presence.leave()
    await asyncio.sleep(0.3)
    assert scene.platform.asked == []
    assert await scene.records.all() == {}


async def test_only_the_newest_words_are_shown(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    turn = await scene.begin()
    scene.platform.open.clear()
    await scene.until(lambda asked: asked == ["working"])
    for number in range(50):
        turn.progress(f"Reading page {number}…")
    scene.platform.open.set()
    await scene.until(lambda asked: asked == ["working", "working Reading page 49…"])
    turn.presence.end("completed")


async def test_a_request_that_hangs_holds_nothing_up_and_the_end_comes_after_it(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "TIMEOUT", 0.1)
    turn = await scene.begin()
    scene.platform.open.clear()
    await scene.until(lambda asked: asked == ["working"])
    turn.presence.end("completed")  # returns at once
    turn.presence.leave()
    assert scene.platform.asked == ["working"]
    scene.platform.open.set()
    await scene.until(lambda asked: asked == ["working", "idle"])
    await scene.cleared()


async def test_a_failed_request_is_made_once_more(scene: Scene) -> None:
    scene.platform.errors = [Unavailable("no response"), Unavailable("no response"), Unavailable("no response")]
    turn = await scene.begin()
    await scene.until(lambda asked: asked == ["working", "working"])
    await asyncio.sleep(0.1)
    assert scene.platform.asked == ["working", "working"]
    turn.presence.end("completed")
    await scene.until(lambda asked: asked[2:] == ["idle", "idle"])


async def test_its_rate_limit_pauses_presence_and_no_reply(scene: Scene) -> None:
    scene.platform.errors = [RateLimited(60, "")]
    turn = await scene.begin()
    await scene.until(lambda asked: asked == ["working"])
    turn.progress("Searching…")
    await asyncio.sleep(0.1)
    assert scene.platform.asked == ["working"]
    assert await scene.outbox.paused(["slack", "slack/C1"]) == 0
    assert await scene.outbox.paused(["slack/presence"]) > 50
    turn.presence.end("completed")
    await scene.cleared()  # nothing was shown, so nothing has to be taken away
    assert scene.platform.asked == ["working"]


async def test_nothing_is_asked_for_while_replies_wait_for_the_platform(scene: Scene) -> None:
    await scene.outbox.pause("slack/C1", 60)
    turn = await scene.begin()
    await asyncio.sleep(0.1)
    turn.presence.end("completed")
    await scene.cleared()
    assert scene.platform.asked == []


async def test_what_is_refused_is_not_asked_for_again(scene: Scene) -> None:
    scene.platform.errors = [Rejected("missing_scope")]
    turn = await scene.begin()
    await scene.until(lambda asked: asked == ["working"])
    turn.progress("Searching…")
    turn.presence.end("completed")
    await scene.cleared()
    assert scene.platform.asked == ["working"]


async def test_a_package_that_raises_does_no_harm(scene: Scene) -> None:
    scene.platform.errors = [KeyError("channel")]
    turn = await scene.begin()
    await scene.until(lambda asked: asked == ["working"])
    turn.presence.end("completed")
    await scene.cleared()


async def test_another_attempt_shows_the_end_even_if_it_is_quick(scene: Scene) -> None:
    turn = await scene.begin(attempt=2)
    turn.presence.end("completed")
    await scene.until(lambda asked: asked == ["idle"])


async def test_a_later_turn_in_the_thread_is_not_cleared_by_the_one_before(scene: Scene) -> None:
    first = await scene.begin()
    scene.platform.open.clear()
    await scene.until(lambda asked: asked == ["working"])
    first.presence.end("completed")
    second = await scene.begin()
    scene.platform.open.set()
    await scene.until(lambda asked: asked == ["working", "working"])
    second.presence.end("completed")
    await scene.until(lambda asked: asked == ["working", "working", "idle"])
    await scene.cleared()


async def test_an_agent_may_show_nothing(scene: Scene) -> None:
    turn = await scene.begin(presence=None)
    turn.progress("Searching…")
    await asyncio.sleep(0.05)
    assert scene.platform.asked == []


@pytest.mark.parametrize("presence", ["status", "outcome"])
async def test_a_reaction_stays_unless_its_agent_shows_the_outcome(scene: Scene, presence: str) -> None:
    scene.client.presence.lasting = True
    turn = await scene.begin(presence)
    await scene.until(lambda asked: asked == ["working"])
    turn.progress("Searching…")
    turn.presence.end("failed")
    await scene.cleared()
    assert scene.platform.asked == ["working", *(["idle failed 1.3"] if presence == "outcome" else [])]


async def test_what_a_dead_worker_left_is_taken_away_by_another(scene: Scene) -> None:
    await scene.alive("another")
    dead, other = scene.keeper, scene.another("another")
    turn = await scene.begin(keeper=dead)
    await scene.until(lambda asked: asked == ["working"])
    turn.presence.leave()
    sweeping = asyncio.create_task(other.keep())
    await scene.until(lambda asked: asked == ["working", "idle"])
    await scene.cleared()
    sweeping.cancel()


async def test_what_a_live_worker_shows_is_left_alone(scene: Scene) -> None:
    await scene.alive("worker")
    await scene.begin()
    await scene.until(lambda asked: asked == ["working"])
    sweeping = asyncio.create_task(scene.another("another").keep())
    await asyncio.sleep(0.3)
    assert scene.platform.asked == ["working"]
    sweeping.cancel()


async def test_a_thread_that_waits_for_another_attempt_keeps_its_status(scene: Scene, threads: Threads) -> None:
    await scene.alive("worker")
    await accept(threads, 1, thread=THREAD)
    found = await scene.begin()
    await scene.until(lambda asked: asked == ["working"])
    found.presence.leave()
    sweeping = asyncio.create_task(scene.keeper.keep())
    await asyncio.sleep(0.3)
    assert scene.platform.asked == ["working"]
    # The turn is over, and whoever ended it did not show that.
    end = TurnEnd(turn=found.id, events=(found.id,), status="completed")
    await threads.commit(msgspec.structs.replace(turn(await claim(threads)), end=end))
    await scene.until(lambda asked: asked == ["working", "idle"])
    await scene.cleared()
    sweeping.cancel()


async def test_the_outcome_of_a_dead_worker_s_turn_is_the_recorded_one(scene: Scene, threads: Threads) -> None:
    scene.client.presence.lasting = True
    found = await scene.begin("outcome")
    await scene.until(lambda asked: asked == ["working"])
    found.presence.leave()
    await accept(threads, 1, thread=THREAD)
    end = TurnEnd(turn=found.id, events=(found.id,), status="completed")
    await threads.commit(msgspec.structs.replace(turn(await claim(threads)), end=end))
    sweeping = asyncio.create_task(scene.another("another").keep())
    await scene.until(lambda asked: asked == ["working", "idle completed 1.3"])
    sweeping.cancel()


def test_a_client_shows_nothing_by_default() -> None:
    class Plain(Client):
        """A client without any of what is optional."""

    assert Plain().presence is None  # type: ignore[abstract]
