"""Replies are sent no faster than a platform accepts them, by all workers together."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from answerback.platforms import Rate
from answerback.platforms.slack.api import Slack
from answerback.replies import Reply
from answerback.store import keys
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.threads import Threads
from tests.fixtures.exchanges import answer
from tests.redis.given import lapse
from tests.redis.sending import CLIENTS, Scene

pytestmark = pytest.mark.one_server
MINUTE = 60_000
POSTED = answer({"ok": True, "ts": "9.9"})


class Paced(Slack):
    """A platform that accepts a message a minute in a channel."""

    def rates(self, reply: Reply) -> Sequence[Rate]:
        return [Rate("C1", 60.0)]


@pytest.fixture
async def scene(threads: Threads, outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """Such a platform, and nothing to send."""
    monkeypatch.setitem(CLIENTS, "slack", Paced("t", "https://slack.test"))
    return Scene(threads, outbox, "slack")


async def test_slots_are_given_in_turn_within_all_rates(outbox: Outbox) -> None:
    bot, chat = Rate("telegram/1", 10.0, burst=4), Rate("telegram/1:7", 60.0, burst=2)
    first, second, third, other, fourth = [
        await outbox.reserve_slot(rates) for rates in ([bot, chat], [bot, chat], [bot, chat], [bot], [bot, chat])
    ]
    assert (first, second) == (0, 0), "an idle chat does not wait"
    assert MINUTE - 1000 < third <= MINUTE
    assert 2 * MINUTE - 1000 < fourth <= 2 * MINUTE
    # It is not behind those that wait for their chat: but the bot is counted to be busy then.
    assert other <= MINUTE
    assert await outbox.reserve_slot([Rate("telegram/2", 60.0)]) == 0, "another bot has rates of its own"


async def test_a_reply_waits_for_its_turn_and_keeps_it(scene: Scene) -> None:
    now = scene.outbox.now
    assert await scene.outbox.reserve_slot([Rate("slack/C1", 60.0)]) == 0
    await scene.given()
    await scene.send()
    waiting = await scene.reply()
    assert (waiting.state, waiting.attempts) == ("pending", 0)
    assert now + MINUTE - 1000 < waiting.slot <= scene.outbox.now + MINUTE
    # Whoever claims it next takes the same turn, and later replies the next ones.
    await lapse(scene.threads, "due", scene.thread)
    scene.sender = scene.another()
    await scene.send()
    assert abs((await scene.reply()).slot - waiting.slot) < 1000
    assert await scene.outbox.reserve_slot([Rate("slack/C1", 60.0)]) > MINUTE
    # Once it is its turn, nothing else has to be asked.
    await _arrives(scene, waiting.slot - scene.outbox.now)
    await scene.send(POSTED)
    assert (await scene.reply()).state == "sent"


async def test_a_turn_that_a_step_of_the_clock_put_far_away_is_taken_anew(scene: Scene) -> None:
    await scene.given()
    await _arrives(scene, -10 * 24 * 60 * MINUTE)
    await scene.send(POSTED)
    assert (await scene.reply()).state == "sent"


async def test_a_platform_that_refuses_all_the_same_is_believed(scene: Scene) -> None:
    await scene.given()
    await scene.send(answer({"ok": False, "error": "ratelimited"}, 429, retry_after="60"))
    assert (await scene.reply()).state == "pending"
    assert await scene.outbox.paused(["slack/chat.postMessage:C1", "slack/C1", "slack"]) > 50


async def test_pacing_can_be_switched_off(scene: Scene) -> None:
    assert await scene.outbox.reserve_slot([Rate("slack/C1", 60.0)]) == 0
    scene.sender = scene.another(pacing=False)
    await scene.given()
    await scene.send(POSTED)
    assert (await scene.reply()).state == "sent"


async def _arrives(scene: Scene, ms: int) -> None:
    """So many ms pass."""
    reply = await scene.reply()
    earlier = msgspec.structs.replace(reply, slot=(reply.slot or scene.outbox.now) - ms)
    await scene.threads.database.call("HSET", keys.outbox(0, scene.thread), reply.key, msgspec.msgpack.encode(earlier))
    await lapse(scene.threads, "due", scene.thread)
