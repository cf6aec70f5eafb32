"""One signed message in, one answer out, end to end."""

from __future__ import annotations

import asyncio
import re
import signal

from answerback.testing.standins.sender import GitHub, Slack, Standard
from tests.acceptance.system import System, until
from tests.standins.client import StandIns

ECHO = "tests.acceptance.agents:echoes"
COUNT = "tests.acceptance.agents:counts"
HOLD = "tests.acceptance.agents:holds"


async def test_a_github_comment_gets_exactly_one_comment(system: System, standins: StandIns) -> None:
    await system.ingress()
    await system.worker("tests.acceptance.agents:addressed")
    delivery = GitHub(login="octocat").issue_comment("Hello, @answerbot", number=7)
    receipt = await system.deliver("github", delivery)
    assert receipt["status"] == "accepted"
    assert receipt["thread"].endswith(":7")

    [comment] = await standins.wait_for_messages(1, "github")
    assert comment.thread == "acme/widgets#7"
    assert comment.body.startswith("echo: Hello, @answerbot")
    # GitHub tells us of our own comment too: it must not become an event.
    await standins.wait_for_deliveries(1)
    found = await system.quiet(1)
    assert found.accepted == 1
    assert len(await standins.messages("github")) == 1
    [reply] = (await system.transcript(receipt["thread"])).replies
    assert reply.state == "sent"
    assert reply.message


async def test_people_mute_a_thread(system: System, standins: StandIns) -> None:
    await system.ingress()
    await system.worker("tests.acceptance.agents:addressed")
    people = GitHub(login="octocat")
    texts = ("@answerbot mute", "lunch?", "@answerbot 1+1?")
    receipts = [
        await system.deliver("github", people.issue_comment(text, comment=100 + number))
        for number, text in enumerate(texts)
    ]
    posted = await standins.wait_for_messages(2, "github")
    assert posted[0].body.startswith("Muted: in this thread I answer only when I am mentioned.")
    assert posted[1].body.startswith("echo: @answerbot 1+1?")
    await system.quiet(3)
    shown = await system.start(f"tools threads show {receipts[0]['thread']}")
    assert await shown.wait() == 0
    assert re.search(r"attention +muted", shown.words())
    changed = await system.start(f"tools threads attention default {receipts[0]['thread']}")
    assert await changed.wait() == 0
    assert "attention is default, was muted" in changed.words()


async def test_a_slack_mention_gets_exactly_one_threaded_message(system: System, standins: StandIns) -> None:
    await system.ingress()
    await system.worker("tests.acceptance.agents:addressed")
    slack = Slack()
    mention = slack.mention("<@U0ANSWERBOT> can you help?", ts="1700000000.000100")
    message = slack.message("<@U0ANSWERBOT> can you help?", ts="1700000000.000100")
    receipts = await asyncio.gather(system.deliver("slack", mention), system.deliver("slack", message))
    assert sorted(receipt["status"] for receipt in receipts) == ["accepted", "duplicate"]
    assert receipts[0]["dispatch_id"] == receipts[1]["dispatch_id"]

    [said] = await standins.wait_for_messages(1, "slack")
    assert said.thread.endswith("/1700000000.000100")
    await standins.wait_for_deliveries(1)
    assert (await system.quiet(1)).accepted == 1
    assert len(await standins.messages("slack")) == 1


async def test_a_reply_to_the_generic_door_is_signed_and_sent_once(system: System, standins: StandIns) -> None:
    await system.ingress()
    await system.worker(ECHO)
    await system.deliver("standard", Standard().message("hello", thread="ticket-1"))
    [reply] = await standins.wait_for_messages(1, "standard")
    assert "echo: hello" in reply.body
    await system.quiet(1)


async def test_without_a_credential_a_reply_stays_in_its_thread(plain: System) -> None:
    await plain.ingress()
    await plain.worker(ECHO)
    receipt = await plain.deliver("standard", Standard().message("hello", thread="ticket-1"))
    await plain.quiet(1)
    assert await plain.answers(receipt["thread"]) == ["echo: hello"]


async def test_what_is_said_during_a_turn_is_posted_before_its_end_and_once(system: System, standins: StandIns) -> None:
    await system.ingress()
    await system.worker("tests.acceptance.agents:talks")
    receipt = await system.deliver("slack", Slack().message("hello", ts="1700000000.000200"))
    said = await standins.wait_for_messages(2, "slack")
    assert [message.body for message in said] == ["one moment", "here it is"]
    await system.quiet(1)
    assert await system.answers(receipt["thread"]) == ["one moment", "here it is"]


async def test_the_same_delivery_50_times_at_once_is_one_entry_and_one_reply(
    system: System, standins: StandIns
) -> None:
    await system.ingress()
    await system.worker(ECHO)
    delivery = GitHub().issue_comment("once, please", number=3)
    receipts = await asyncio.gather(*[system.deliver("github", delivery) for _ in range(50)])
    assert sorted(receipt["status"] for receipt in receipts) == ["accepted"] + ["duplicate"] * 49
    assert len({receipt["dispatch_id"] for receipt in receipts}) == 1
    await standins.wait_for_messages(1, "github")
    found = await system.quiet(1)
    assert (found.accepted, found.handled, found.replies_sent) == (1, 1, 1)
    assert len(await standins.messages("github")) == 1


async def test_200_messages_in_one_thread_are_answered_in_order(system: System, standins: StandIns) -> None:
    await system.ingress()
    await system.worker(COUNT, HISTORY_WINDOW="1000")
    await system.worker(COUNT, HISTORY_WINDOW="1000")
    for number in range(200):
        await system.deliver("standard", Standard().message(f"message {number}", thread="long"))
    await system.quiet(200, within=60)
    assert await system.answers("standard:long") == [str(number) for number in range(200)]
    said = await standins.messages("standard")
    assert len(said) == 200
    transcript = await system.transcript("standard:long")
    assert [message.text for message in transcript.messages if message.role == "user"] == [
        f"message {number}" for number in range(200)
    ]


async def test_500_threads_at_once_on_two_workers_lose_double_and_reorder_nothing(plain: System) -> None:
    await plain.ingress()
    await plain.worker(COUNT)
    await plain.worker(COUNT)
    standard = Standard()

    async def talk(thread: int) -> None:
        for number in range(3):
            await plain.deliver("standard", standard.message(f"{number}", thread=f"t{thread}"))

    # As many connections as a provider might hold.
    waiting = iter(range(500))

    async def connection() -> None:
        for thread in waiting:
            await talk(thread)

    await asyncio.gather(*[connection() for _ in range(128)])
    found = await plain.quiet(1_500, within=90)
    assert (found.accepted, found.handled, found.dead) == (1_500, 1_500, 0)
    for thread in range(500):
        transcript = await plain.transcript(f"standard:t{thread}")
        said = [message.text for message in transcript.messages]
        assert said == ["0", "0", "1", "1", "2", "2"], (thread, said)


async def test_kill_9_in_mid_turn_another_worker_answers_when_the_lease_is_over(plain: System) -> None:
    await plain.ingress()
    first = await plain.worker(HOLD)
    receipt = await plain.deliver("standard", Standard().message("are you there?", thread="t"))
    await plain.marked("are you there?-1")
    second = await plain.worker(HOLD)
    await first.kill()
    plain.release()
    await plain.quiet(1)
    assert await plain.answers(receipt["thread"]) == ["are you there? (attempt 2)"]
    assert second.alive


async def test_sigterm_lets_turns_finish(plain: System) -> None:
    await plain.ingress()
    worker = await plain.worker(HOLD)
    receipt = await plain.deliver("standard", Standard().message("hello", thread="t"))
    await plain.marked("hello-1")
    worker.signal(signal.SIGTERM)

    async def stopping() -> bool:
        return bool(worker.lines("stopping"))

    await until(stopping, what="the worker stopping")
    plain.release()
    assert await worker.wait() == 0
    assert await plain.answers(receipt["thread"]) == ["hello"]
    assert not await plain.roster.workers()


async def test_what_does_not_finish_in_time_is_handed_back_at_once_and_not_counted(plain: System) -> None:
    await plain.ingress()
    first = await plain.worker(HOLD, LEASE_SECONDS="600", SHUTDOWN_GRACE_SECONDS="0.3")
    receipt = await plain.deliver("standard", Standard().message("hello", thread="t"))
    await plain.marked("hello-1")
    await plain.worker(HOLD)
    assert await first.stop() == 0
    plain.release()
    await plain.quiet(1)
    assert await plain.answers(receipt["thread"]) == ["hello"]


async def test_a_failed_turn_is_tried_again_with_what_follows_waiting_behind_it(plain: System) -> None:
    await plain.ingress()
    await plain.worker("tests.acceptance.agents:failing")
    for text in ("fail 2", "fail 0"):
        await plain.deliver("standard", Standard().message(text, thread="t"))
    found = await plain.quiet(2)
    assert await plain.answers("standard:t") == ["ok after 3", "ok after 1"]
    assert found.attempts_failed == 2


async def test_after_the_last_try_the_event_is_dead_lettered_and_the_thread_goes_on(plain: System) -> None:
    await plain.ingress()
    await plain.worker("tests.acceptance.agents:failing", TURN_MAX_ATTEMPTS="2")
    await plain.deliver("standard", Standard().message("fail always", thread="t"))
    await plain.deliver("standard", Standard().message("fail 0", thread="t"))
    found = await plain.quiet(2)
    assert (found.handled, found.dead) == (1, 1)
    [letter] = [letter async for letter in plain.letters.list()]
    assert letter.reason == "ValueError: attempt 2 of 'fail always' failed on purpose"
    assert letter.attempts == 2
    assert "agents.py" in letter.traceback
    assert await plain.answers("standard:t") == ["ok after 1"]


async def test_redis_may_be_killed_and_come_back(plain: System) -> None:
    ingress = await plain.ingress()
    worker = await plain.worker(COUNT)
    await plain.deliver("standard", Standard().message("before", thread="t"))
    await plain.quiet(1)
    await asyncio.to_thread(plain.server.kill)
    status, _ = await plain.post("standard", Standard().message("lost?", thread="t"))
    assert status == 503
    await asyncio.to_thread(plain.server.start)
    await plain.deliver("standard", Standard().message("after", thread="t"))
    await until(plain.queues, lambda found: found.handled == 2 and not found.events_waiting, what="the second answer")
    assert await plain.answers("standard:t") == ["0", "1"]
    assert ingress.alive
    assert worker.alive


async def test_a_worker_paused_past_its_lease_neither_posts_nor_commits(system: System, standins: StandIns) -> None:
    await system.ingress()
    first = await system.worker(HOLD)
    receipt = await system.deliver("slack", Slack().message("hello", ts="1700000000.000300"))
    await system.marked("hello-1")
    first.signal(signal.SIGSTOP)
    await system.worker(HOLD)
    await system.marked("hello-2")
    # The paused one, too: when it goes on it is done with its own answer, and would post it.
    system.release()
    await standins.wait_for_messages(1, "slack", within=60)
    first.signal(signal.SIGCONT)

    async def lost() -> bool:
        return bool(first.lines("lease lost") or first.lines("another worker has taken over this thread"))

    await until(lost, what="the paused worker learning that its lease is lost")
    await system.quiet(1)
    assert await system.answers(receipt["thread"]) == ["hello (attempt 2)"]
    assert len(await standins.messages("slack")) == 1
