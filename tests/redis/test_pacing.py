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
    """A platform that accepts a message a minute in a channel, and six a minute in all."""

    def rates(self, reply: Reply) -> Sequence[Rate]:
        return [Rate("C1", 60.0), Rate("", 10.0)]


@pytest.fixture
async def scene(threads: Threads, outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """Such a platform, and nothing to send."""
    monkeypatch.setitem(CLIENTS, "slack", Paced("t", "https://slack.test"))
    return Scene(threads, outbox, "slack")


async def test_slots_are_given_in_turn_within_one_rate_after_the_other(outbox: Outbox) -> None:
    chat, bot = Rate("telegram/1:7", 60.0, burst=2), Rate("telegram/1", 10.0, burst=3)
    assert [await outbox.reserve_slot([chat, bot]) for _ in "12"] == [(2, 0)] * 2, "an idle chat does not wait"
    for number in (1, 2, 3):
        reserved, wait = await outbox.reserve_slot([chat, bot])
        assert reserved == 1
        assert number * MINUTE - 1000 < wait <= number * MINUTE
    assert await outbox.reserve_slot([bot]) == (1, 0), "replies that wait for their chat do not keep the bot busy"
    reserved, wait = await outbox.reserve_slot([bot])
    assert (reserved, wait > 9000) == (1, True)
    assert await outbox.reserve_slot([Rate("telegram/2", 60.0)]) == (1, 0), "another bot has rates of its own"


async def test_a_reply_waits_for_its_turn_and_keeps_it(scene: Scene) -> None:
    assert await scene.outbox.reserve_slot([Rate("slack/C1", 60.0)]) == (1, 0)
    await scene.given()
    now = await scene.outbox.clock(scene.thread)
    await scene.send()
    waiting = await scene.reply()
    assert (waiting.state, waiting.attempts) == ("pending", 0)
    assert now + MINUTE - 5000 < waiting.slot <= await scene.outbox.clock(scene.thread) + MINUTE
    # The next worker that claims it takes the same slot, and later replies the next ones.
    await lapse(scene.threads, "due", scene.thread)
    scene.sender = scene.another()
    await scene.send()
    assert (await scene.reply()).slot == waiting.slot
    assert (await scene.outbox.reserve_slot([Rate("slack/C1", 60.0)]))[1] > MINUTE
    # Once its slot has come, only what is shared by more is left to wait for.
    assert await scene.outbox.reserve_slot([Rate("slack", 10.0)]) == (1, 0)
    await _arrives(scene)
    await scene.send()
    assert MINUTE > (await scene.reply()).slot - await scene.outbox.clock(scene.thread) > 0
    await _arrives(scene)
    await scene.send(POSTED)
    assert (await scene.reply()).state == "sent"


async def test_a_platform_that_refuses_all_the_same_is_believed(scene: Scene) -> None:
    await scene.given()
    await scene.send(answer({"ok": False, "error": "ratelimited"}, 429, retry_after="60"))
    assert (await scene.reply()).state == "pending"
    assert await scene.outbox.paused(["slack/chat.postMessage:C1", "slack/C1", "slack"]) > 50


async def test_pacing_can_be_switched_off(scene: Scene) -> None:
    assert await scene.outbox.reserve_slot([Rate("slack/C1", 60.0)]) == (1, 0)
    scene.sender = scene.another(pacing=False)
    await scene.given()
    await scene.send(POSTED)
    assert (await scene.reply()).state == "sent"


async def _arrives(scene: Scene) -> None:
    """The slot of the reply comes."""
    reply = msgspec.structs.replace(await scene.reply(), slot=await scene.outbox.clock(scene.thread) - 1)
    await scene.threads.database.call("HSET", keys.outbox(0, scene.thread), reply.key, msgspec.msgpack.encode(reply))
    await lapse(scene.threads, "due", scene.thread)
