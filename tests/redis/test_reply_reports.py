"""What platforms report of replies: each report has an effect once, and disturbs no sender."""

from __future__ import annotations

import msgspec
import pytest

from answerback.errors import StoreUnavailable
from answerback.notifications import ReplyStatus
from answerback.outgoing import Button, ReplyContent
from answerback.replies import DeadLetter, Reply
from answerback.store.redis import Database
from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.outbox import Outbox, Outgoing
from answerback.store.threads.threads import Threads
from tests.redis.conftest import Server
from tests.redis.given import THREAD, accept, claim, counters, courier, dump, lapse, turn

CONTENT = ReplyContent(actions=(Button("Yes", name="Yes"),))


def kept(key: str) -> Reply:
    """A reply to a platform that reports later what became of it."""
    return Reply(key=key, thread=THREAD, text=key, address={"to": "1"}, content=CONTENT, kept=True)


async def put(threads: Threads, *keys: str) -> None:
    await accept(threads, 900)
    await threads.commit(turn(await claim(threads), *map(kept, keys)))


def state(outgoing: Outgoing, state: str, **more: object) -> Outgoing:
    reply = msgspec.structs.replace(outgoing.reply, **{"state": state, "attempts": 1, "first": 1, **more})
    return msgspec.structs.replace(outgoing, reply=reply)


def status(key: str = "r1", message: str = "m1", error: str = "not on WhatsApp", *, sent: bool = False) -> ReplyStatus:
    outcome = {"state": "sent"} if sent else {"state": "failed", "error": error}
    return ReplyStatus(delivery="x:1", thread=THREAD, reply=key, message=message, **outcome)  # type: ignore[arg-type]


async def reasons(letters: DeadLetters) -> dict[str, str]:
    return {letter.id: letter.reason async for letter in letters.list()}


async def test_a_reply_that_was_sent_fails_once_when_its_platform_reports_that(
    threads: Threads, outbox: Outbox, letters: DeadLetters
) -> None:
    await put(threads, "r1")
    (outgoing,) = await courier(threads, outbox)
    await outbox.settle(state(outgoing, "sent", message="m1"))
    assert await outbox.report(status())
    assert not await outbox.report(status())
    assert await reasons(letters) == {"r1": "not on WhatsApp"}
    failed = (await outbox.replies(THREAD))["r1"]
    assert (failed.state, failed.error, failed.text) == ("failed", "not on WhatsApp", "")
    assert await counters(threads) == {"accepted": 1, "handled": 1, "sent": 1, "failed replies": 1}

    # A replay posts it as it was, at once: it is known not to be there.
    assert await letters.replay("r1")
    (again,) = await courier(threads, outbox)
    assert again.reply == kept("r1")
    # What is reported of the first attempt is no news of the second one.
    assert not await outbox.report(status())
    await outbox.settle(state(again, "sent", message="m2"))
    assert not await outbox.report(status())
    assert await outbox.report(status(message="m2", error=""))
    assert await reasons(letters) == {"r1": "the platform reports that the message was not delivered"}


async def test_a_report_settles_a_reply_of_unknown_outcome_as_failed(
    threads: Threads, outbox: Outbox, letters: DeadLetters
) -> None:
    await put(threads, "r1", "r2")
    (outgoing,) = await courier(threads, outbox)
    await outbox.mark_sending(state(outgoing, "sending"))
    await outbox.defer(state(outgoing, "sending", unknown=1), 60, retry=True)
    assert await outbox.report(status())
    assert await reasons(letters) == {"r1": "not on WhatsApp"}
    # The next one need not wait for what its forerunner waited for.
    assert [found.reply.key for found in await courier(threads, outbox)] == ["r2"]


@pytest.mark.parametrize("ending", ["sent", "failed", "lost"])
async def test_a_report_disturbs_no_sender(threads: Threads, outbox: Outbox, letters: DeadLetters, ending: str) -> None:
    await put(threads, "r1", "r2")
    (outgoing,) = await courier(threads, outbox)
    await outbox.mark_sending(state(outgoing, "sending"))
    assert await outbox.report(status())
    assert await courier(threads, outbox) == []
    if ending == "sent":
        following = await outbox.settle(state(outgoing, "sent", message="m1"))
    elif ending == "failed":
        letter = DeadLetter(id="r1", kind="reply", thread=THREAD, reason="another")
        following = await outbox.settle(state(outgoing, "failed"), letter)
    else:
        await outbox.defer(state(outgoing, "sending"), 60, retry=True)
        (following,) = await courier(threads, outbox)
    assert following is not None
    assert following.reply.key == "r2"
    assert await reasons(letters) == {"r1": "not on WhatsApp"}
    assert (await counters(threads))["failed replies"] == 1


async def test_a_report_about_nothing_that_we_sent_changes_nothing(threads: Threads, outbox: Outbox) -> None:
    await put(threads, "r1")
    before = await dump(threads.database)
    for key in ("r1", "r9", ""):
        assert not await outbox.report(status(key))
    assert await dump(threads.database) == before
    (outgoing,) = await courier(threads, outbox)
    await outbox.settle(state(outgoing, "sent", message="m1"))
    assert not await outbox.report(status(message="another"))
    assert not await outbox.report(status(sent=True))
    assert (await outbox.replies(THREAD))["r1"].state == "sent"


async def test_a_reply_whose_platform_reports_is_kept_whole(threads: Threads, outbox: Outbox) -> None:
    await put(threads, "r1", "r2")
    (outgoing,) = await courier(threads, outbox)
    await outbox.settle(state(outgoing, "sent", message="m1"))
    await lapse(threads, "due")
    assert await outbox.report(status("r2", "m2", sent=True))
    whole = await outbox.replies(THREAD)
    assert [(each.text, each.address, each.content) for each in (whole["r1"], whole["r2"])] == [
        (key, {"to": "1"}, CONTENT) for key in ("r1", "r2")
    ]


async def test_a_report_is_accepted_only_when_replicas_have_what_settled_its_reply(
    server: Server, threads: Threads, outbox: Outbox
) -> None:
    await put(threads, "r1")
    (outgoing,) = await courier(threads, outbox)
    await outbox.mark_sending(state(outgoing, "sending"))
    database = Database(server.url, timeout=0.5, replicas=1)
    alone = Outbox(Threads(database))
    # There is no replica. Reported again, it is settled already, but no more confirmed than before.
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await alone.report(status(sent=True))
    assert (await outbox.replies(THREAD))["r1"].state == "sent"
    await database.close()
