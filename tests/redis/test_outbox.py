"""The outbox: a thread's replies leave in order, by one sender at a time, each state stored before the next byte."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from answerback.errors import LeaseLost
from answerback.events import Event
from answerback.replies import DeadLetter, Reply
from answerback.store import keys
from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.outbox import Outbox, Outgoing
from answerback.store.threads.queues import queues
from answerback.store.threads.records import Commit, Lease
from answerback.store.threads.threads import Threads
from tests.redis.given import THREAD, accept, claim, counters, courier, dump, event, lapse, post, reply, turn, until


def sending(outgoing: Outgoing) -> Outgoing:
    return msgspec.structs.replace(
        outgoing, reply=msgspec.structs.replace(outgoing.reply, state="sending", attempts=1, first=1)
    )


def sent(outgoing: Outgoing) -> Outgoing:
    return msgspec.structs.replace(
        outgoing, reply=msgspec.structs.replace(outgoing.reply, state="sent", message="m", url="https://example.org")
    )


async def test_replies_leave_in_order(threads: Threads, outbox: Outbox) -> None:
    await post(threads, "r3", "r1", "r2")
    following: Outgoing | None
    (following,) = await courier(threads, outbox)
    order = []
    while following is not None:
        order.append(following.reply.key)
        following = await outbox.settle(sent(following))
    assert order == ["r3", "r1", "r2"]
    assert await counters(threads) == {"accepted": 1, "handled": 1, "sent": 3}
    assert not await threads.database.call("EXISTS", keys.queue(0, "due"), keys.unsent(0, THREAD))


async def test_one_sender_holds_an_outbox(threads: Threads, outbox: Outbox) -> None:
    await post(threads, "r1")
    found = await asyncio.gather(*[courier(threads, outbox) for _ in range(20)])
    assert sum(map(len, found)) == 1


async def handed(threads: Threads, number: int, *names: str) -> tuple[Commit, list[Outgoing]]:
    """Commit a turn by a worker that is ready to send. The commit, and what it may send now."""
    await accept(threads, number)
    finished = turn(await claim(threads), *map(reply, names))
    found: list[Outgoing] = []
    await threads.commit(
        finished, lambda _, fence: found.append(Outgoing(THREAD, fence, "worker", finished.replies[0]))
    )
    return finished, found


async def test_a_worker_that_is_ready_to_send_gets_the_outbox_with_its_commit(threads: Threads, outbox: Outbox) -> None:
    _, (held,) = await handed(threads, 1, "r1", "r2")
    assert await courier(threads, outbox) == []
    assert not await threads.database.call("EXISTS", keys.wake(0, "due"))
    assert await threads.extend(0, [("due", THREAD, held.fence)], "worker") == [Lease.HELD]
    await outbox.mark_sending(sending(held))
    following = await outbox.settle(sent(held))
    assert following is not None
    assert following.reply.key == "r2"


async def test_an_outbox_that_is_held_or_not_empty_is_not_handed_over(threads: Threads, outbox: Outbox) -> None:
    _, (held,) = await handed(threads, 1, "r1")
    assert (await handed(threads, 2, "r2"))[1] == []
    await outbox.defer(held, 60, retry=True)
    assert (await handed(threads, 3, "r3"))[1] == []
    await lapse(threads, "due")
    assert [found.reply.key for found in await courier(threads, outbox)] == ["r1"]


async def test_an_outbox_is_handed_over_once_even_if_the_commit_is_repeated(threads: Threads) -> None:
    commit, (held,) = await handed(threads, 1, "r1")
    await threads.commit(commit, lambda *_: pytest.fail("another worker may send by now"))
    assert await threads.extend(0, [("due", THREAD, held.fence)], "worker") == [Lease.HELD]


async def test_an_outbox_whose_worker_died_after_the_commit_is_sent_by_another(
    threads: Threads, outbox: Outbox
) -> None:
    _, (dead,) = await handed(threads, 1, "r1")
    await lapse(threads, "due")
    (heir,) = await courier(threads, outbox, owner="heir")
    assert (heir.reply, heir.fence) == (dead.reply, dead.fence + 1)
    with pytest.raises(LeaseLost):
        await outbox.mark_sending(sending(dead))
    await outbox.mark_sending(sending(heir))


async def test_a_late_claim_steals_no_outbox(threads: Threads, outbox: Outbox) -> None:
    await post(threads, "r1")
    slow = await threads.reserve(0, "due", 10)
    await lapse(threads, "due")
    (quick,) = await courier(threads, outbox)
    assert await outbox.claim(0, slow, "worker") == []
    await outbox.mark_sending(sending(quick))


async def test_the_next_reply_comes_under_a_new_lease(threads: Threads, outbox: Outbox) -> None:
    await post(threads, "r1", "r2")
    (outgoing,) = await courier(threads, outbox)
    await lapse(threads, "due")
    assert await outbox.settle(sent(outgoing)) is not None
    assert await courier(threads, outbox) == []


async def test_a_sender_and_a_turn_hold_a_thread_side_by_side(threads: Threads, outbox: Outbox) -> None:
    await post(threads, "r1")
    (outgoing,) = await courier(threads, outbox)
    await post(threads, "r2", number=901)
    following = await outbox.settle(sent(outgoing))
    assert following is not None
    assert following.reply == reply("r2")


async def test_a_sent_reply_keeps_its_fate_and_not_its_text(threads: Threads, outbox: Outbox) -> None:
    await post(threads, "r1")
    (outgoing,) = await courier(threads, outbox)
    await outbox.settle(sent(outgoing))
    assert await outbox.replies(THREAD) == {
        "r1": Reply(key="r1", thread=THREAD, text="", state="sent", message="m", url="https://example.org")
    }


async def test_a_reply_that_a_dead_sender_marked_is_found_by_the_next(threads: Threads, outbox: Outbox) -> None:
    await post(threads, "r1")
    (dead,) = await courier(threads, outbox)
    await outbox.mark_sending(sending(dead))
    await lapse(threads, "due")
    (heir,) = await courier(threads, outbox)
    assert heir.fence == dead.fence + 1
    assert (heir.reply.state, heir.reply.attempts, heir.reply.text) == ("sending", 1, "reply r1")


async def test_a_sender_that_lost_its_lease_changes_nothing(threads: Threads, outbox: Outbox) -> None:
    await post(threads, "r1", "r2")
    (late,) = await courier(threads, outbox)
    await lapse(threads, "due")
    await courier(threads, outbox)
    before = await dump(threads.database)
    letter = DeadLetter(id="r1", kind="reply", thread=THREAD, reason="no")
    for call in (
        outbox.mark_sending(sending(late)),
        outbox.settle(sent(late)),
        outbox.settle(late, letter),
        outbox.defer(late, 1, retry=True),
    ):
        with pytest.raises(LeaseLost):
            await call
    assert await threads.extend(0, [("due", THREAD, late.fence)], "worker") == [False]
    assert await dump(threads.database) == before


async def test_only_the_reply_at_the_head_can_be_marked(threads: Threads, outbox: Outbox) -> None:
    await post(threads, "r1", "r2")
    (first,) = await courier(threads, outbox)
    following = await outbox.settle(sent(first))
    assert following is not None
    # A mark that was long on its way would turn a sent reply back into one of unknown outcome.
    with pytest.raises(LeaseLost):
        await outbox.mark_sending(sending(first))
    await outbox.mark_sending(sending(following))
    found = await outbox.replies(THREAD)
    assert (found["r1"].state, found["r2"].state) == ("sent", "sending")


async def test_marks_made_together_stand_and_fall_alone(threads: Threads, outbox: Outbox) -> None:
    ids = [f"github:1:{number}" for number in range(10)]
    for number, id in enumerate(ids):
        await post(threads, "r", thread=id, number=number)
    held = await courier(threads, outbox)
    stale = [msgspec.structs.replace(outgoing, fence=9) for outgoing in held[::2]]
    results = await asyncio.gather(
        *[outbox.mark_sending(sending(outgoing)) for outgoing in stale + held[1::2]], return_exceptions=True
    )
    assert [type(result) for result in results] == [LeaseLost] * 5 + [type(None)] * 5


@pytest.mark.parametrize("names", [("r1",), ("r1", "r2")])
async def test_a_reply_is_settled_once_even_if_said_twice(
    threads: Threads, outbox: Outbox, names: tuple[str, ...]
) -> None:
    await post(threads, *names)
    (outgoing,) = await courier(threads, outbox)
    first = await outbox.settle(sent(outgoing))
    assert await outbox.settle(sent(outgoing)) == first
    assert (await counters(threads))["sent"] == 1
    assert await threads.database.call("LLEN", keys.unsent(0, THREAD)) == len(names) - 1


async def test_an_outbox_given_up_twice_is_left_to_whoever_comes_next(threads: Threads, outbox: Outbox) -> None:
    await post(threads, "r1")
    (outgoing,) = await courier(threads, outbox)
    assert await outbox.settle(sent(outgoing)) is None
    await post(threads, "r2", number=901)
    assert await outbox.settle(sent(outgoing)) is None
    assert await threads.extend(0, [("due", THREAD, outgoing.fence)], "worker") == [Lease.GIVEN_UP]
    assert [found.reply for found in await courier(threads, outbox)] == [reply("r2")]


async def test_a_reply_that_failed_is_followed_by_the_next(threads: Threads, outbox: Outbox) -> None:
    await post(threads, "r1", "r2")
    (outgoing,) = await courier(threads, outbox)
    letter = DeadLetter(id="r1", kind="reply", thread=THREAD, reason="no")
    for _ in range(2):
        following = await outbox.settle(outgoing, letter)
        assert following is not None
        assert following.reply == reply("r2")
    assert await counters(threads) == {"accepted": 1, "handled": 1, "failed replies": 1}


async def test_a_reply_that_is_too_long_is_sent_in_parts_in_its_place(threads: Threads, outbox: Outbox) -> None:
    await post(threads, "t.1", "t.2")
    (whole,) = await courier(threads, outbox)
    tried = sending(whole)
    first = await outbox.divide(tried, ["one", "two", "three"])
    assert await outbox.divide(tried, ["one", "two", "three"]) == first, "said twice, it is done once"
    assert (first.reply.key, first.reply.text, first.reply.state) == ("t.1", "one", "pending")
    second = msgspec.structs.replace(first, reply=msgspec.structs.replace(first.reply, state="sending", attempts=2))
    again = await outbox.divide(second, ["o", "ne"])
    order, following = [], outbox.settle(sent(again))
    while (held := await following) is not None:
        order.append((held.reply.key, held.reply.text))
        following = outbox.settle(sent(held))
    assert [text for _, text in order] == ["ne", "two", "three", "reply t.2"]
    assert len({key for key, _ in order}) == 4
    await post(threads, "t.3", number=901)
    with pytest.raises(LeaseLost):
        await outbox.divide(tried, ["one", "two"])


async def test_a_deferred_reply_is_attempted_again_after_its_delay(threads: Threads, outbox: Outbox) -> None:
    await post(threads, "r1")
    (outgoing,) = await courier(threads, outbox)
    await outbox.defer(sending(outgoing), 0.03, retry=True)
    assert await courier(threads, outbox) == []
    assert (await queues(threads)).replies.in_flight == 0
    found: list[Outgoing] = []

    async def due() -> bool:
        found.extend(await courier(threads, outbox))
        return bool(found)

    await until(due)
    assert found[0].reply == sending(outgoing).reply


async def test_an_outbox_is_deferred_once_even_if_said_twice(threads: Threads, outbox: Outbox) -> None:
    await post(threads, "r1")
    (outgoing,) = await courier(threads, outbox)
    await outbox.defer(outgoing, 60, retry=True)
    before = await dump(threads.database)
    await outbox.defer(outgoing, 60, retry=True)
    assert await threads.extend(0, [("due", THREAD, outgoing.fence)], "worker") == [Lease.GIVEN_UP]
    with pytest.raises(LeaseLost):
        await outbox.mark_sending(sending(outgoing))
    assert await dump(threads.database) == before


async def test_the_longest_pause_counts(outbox: Outbox) -> None:
    await outbox.pause("slack", 60)
    await outbox.pause("slack", 1)
    assert 59 < await outbox.paused(["slack"]) <= 60
    await outbox.pause("slack", 120)
    await outbox.pause("slack/C1", 30)
    assert 119 < await outbox.paused(["slack", "slack/C1"]) <= 120
    assert 29 < await outbox.paused(["github", "slack/C1"]) <= 30
    assert await outbox.paused(["github"]) == await outbox.paused([]) == 0


async def test_a_pause_ends(outbox: Outbox) -> None:
    await outbox.pause("slack", 0.02)

    async def over() -> bool:
        return await outbox.paused(["slack"]) == 0

    await until(over)


# Echoes


def echo(key: str) -> Event:
    ours = event(77, identities=("user:1",))
    return msgspec.structs.replace(ours, message="issue_comment:5", url="https://example.org/5", reply=key)


async def test_an_echo_settles_a_reply_of_unknown_outcome(threads: Threads, outbox: Outbox) -> None:
    await post(threads, "r1", "r2")
    (outgoing,) = await courier(threads, outbox)
    await outbox.mark_sending(sending(outgoing))
    await outbox.defer(sending(outgoing), 60, retry=True)
    assert await outbox.confirm(echo("r1"))
    confirmed = (await outbox.replies(THREAD))["r1"]
    assert (confirmed.state, confirmed.message, confirmed.text) == ("sent", "issue_comment:5", "")
    # The next one need not wait for what its forerunner waited for.
    assert [found.reply for found in await courier(threads, outbox)] == [reply("r2")]
    assert (await counters(threads))["sent"] == 1
    assert not await outbox.confirm(echo("r1"))


async def test_an_echo_of_the_last_reply_leaves_nothing_to_send(threads: Threads, outbox: Outbox) -> None:
    await post(threads, "r1")
    (outgoing,) = await courier(threads, outbox)
    await outbox.defer(sending(outgoing), 60, retry=True)
    assert await outbox.confirm(echo("r1"))
    for key in (keys.queue(0, "due"), keys.retrying(0, "due"), keys.unsent(0, THREAD)):
        assert not await threads.database.call("EXISTS", key)


@pytest.mark.parametrize("names", [("r1",), ("r1", "r2")])
async def test_an_echo_that_comes_before_the_response_disturbs_no_sender(
    threads: Threads, outbox: Outbox, names: tuple[str, ...]
) -> None:
    await post(threads, *names)
    (outgoing,) = await courier(threads, outbox)
    await outbox.mark_sending(sending(outgoing))
    assert await outbox.confirm(echo("r1"))
    assert await courier(threads, outbox) == []
    following = await outbox.settle(sent(outgoing))
    assert (following.reply.key if following else None) == (names[1] if len(names) > 1 else None)
    assert (await counters(threads))["sent"] == 1


@pytest.mark.parametrize("names", [("r1",), ("r1", "r2")])
async def test_a_lost_response_does_not_undo_what_an_echo_settled(
    threads: Threads, outbox: Outbox, names: tuple[str, ...]
) -> None:
    await post(threads, *names)
    (outgoing,) = await courier(threads, outbox)
    await outbox.mark_sending(sending(outgoing))
    await outbox.confirm(echo("r1"))
    await outbox.defer(sending(outgoing), 60, retry=True)
    assert (await outbox.replies(THREAD))["r1"].state == "sent"
    assert [found.reply.key for found in await courier(threads, outbox)] == list(names[1:])


async def test_a_sender_that_dies_after_the_echo_leaves_nobody_waiting(threads: Threads, outbox: Outbox) -> None:
    await post(threads, "r1")
    (outgoing,) = await courier(threads, outbox)
    await outbox.mark_sending(sending(outgoing))
    await outbox.confirm(echo("r1"))
    await lapse(threads, "due")
    assert await courier(threads, outbox) == []
    assert await threads.database.call("HGET", keys.thread(0, THREAD), "sending") == b""
    await post(threads, "r2", number=901)
    assert [found.reply for found in await courier(threads, outbox)] == [reply("r2")]


async def test_an_echo_of_nothing_that_we_know_changes_nothing(threads: Threads, outbox: Outbox) -> None:
    await post(threads, "r1")
    (outgoing,) = await courier(threads, outbox)
    await outbox.settle(outgoing, DeadLetter(id="r1", kind="reply", thread=THREAD, reason="no"))
    before = await dump(threads.database)
    for key in ("r1", "r9", ""):
        assert not await outbox.confirm(echo(key))
    assert await dump(threads.database) == before


async def test_a_replayed_reply_that_may_have_been_posted_is_looked_for_first(
    threads: Threads, outbox: Outbox, letters: DeadLetters
) -> None:
    await post(threads, "r1", "r2")
    (outgoing,) = await courier(threads, outbox)
    unknown = msgspec.structs.replace(outgoing.reply, state="failed", unknown=7, looks=2, first=5)
    following = await outbox.settle(
        msgspec.structs.replace(outgoing, reply=unknown), DeadLetter(id="r1", kind="reply", thread=THREAD, reason="?")
    )
    assert following is not None
    await outbox.settle(following, DeadLetter(id="r2", kind="reply", thread=THREAD, reason="no"))
    assert await letters.replay("r1")
    assert await letters.replay("r2")
    (again,) = await courier(threads, outbox)
    assert (again.reply.state, again.reply.unknown, again.reply.looks, again.reply.first) == ("sending", 7, 0, 5)
    second = await outbox.settle(sent(again))
    assert second is not None
    assert second.reply.state == "pending"
