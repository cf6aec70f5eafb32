"""What platforms report besides messages has its effect once, whatever else goes on in the thread."""

from __future__ import annotations

from answerback.accepting.notifications import Notifications
from answerback.attention import attention_of
from answerback.messages import Author
from answerback.notifications import Handover, Moved, ReplyStatus, Stop
from answerback.store import keys
from answerback.store.fleet.accounts import Accounts
from answerback.store.fleet.aliases import Aliases
from answerback.store.redis import Database
from answerback.store.threads.message_threads import MessageThreads
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.threads import Threads
from tests.redis.conftest import Server
from tests.redis.given import THREAD, claim, event, reply, turn


def receiver(threads: Threads, aliases: Aliases | None = None) -> Notifications:
    accounts = Accounts(threads.database, None)
    return Notifications(threads, Outbox(threads), aliases or Aliases(threads.database), accounts)


def _stop(number: int = 1) -> Stop:
    return Stop(delivery=f"github:stop-{number}", thread=THREAD, author=Author("1"))


async def test_stop_cancels_the_turn(threads: Threads) -> None:
    notifications = receiver(threads)
    assert (await notifications.receive("github", _stop())).status == "ignored"
    await threads.accept(event(1))
    assert (await notifications.receive("github", _stop(2))).status == "accepted"
    taken = await claim(threads)
    assert taken.cancelled
    await threads.commit(turn(taken))
    await threads.accept(event(2))
    assert (await notifications.receive("github", _stop(2))).status == "ignored"
    assert not (await claim(threads)).cancelled


async def test_a_conversation_that_people_took_over_is_muted_until_they_hand_it_back(threads: Threads) -> None:
    notifications = receiver(threads)
    over = Handover(delivery="github:over", thread=THREAD, to="people")
    assert (await notifications.receive("github", over)).status == "ignored"
    await threads.accept(event(1))
    assert (await notifications.receive("github", over)).status == "accepted"
    assert (await claim(threads)).attention == "muted"


async def test_a_conversation_comes_back_by_itself_after_a_while(threads: Threads) -> None:
    accounts = Accounts(threads.database, None)
    notifications = Notifications(threads, Outbox(threads), Aliases(threads.database), accounts, handback=3600)
    await threads.accept(event(1))
    await notifications.receive("github", Handover(delivery="github:over", thread=THREAD, to="people"))
    stored = (await threads.database.call("HGET", keys.thread(0, THREAD), "attention")).decode()
    assert (await claim(threads)).attention == "muted"
    until = int(stored.removeprefix("muted "))
    assert attention_of(stored) == "muted"
    assert attention_of(f"muted {until - 3_700_000}") == "default"
    await notifications.receive("github", Handover(delivery="github:back", thread=THREAD, to="agents"))
    assert await threads.database.call("HGET", keys.thread(0, THREAD), "attention") == b"default"


async def test_a_status_settles_a_reply(threads: Threads) -> None:
    notifications, outbox = receiver(threads), Outbox(threads)
    await threads.accept(event(1))
    taken = await claim(threads)
    await threads.commit(turn(taken, reply(f"{event(1).id}.0")))
    status = ReplyStatus(delivery="github:s1", thread=THREAD, reply=f"{event(1).id}.0", message="wamid.1")
    assert (await notifications.receive("github", status)).status == "accepted"
    assert (await notifications.receive("github", status)).status == "ignored"
    [settled] = (await outbox.replies(THREAD)).values()
    assert (settled.state, settled.message) == ("sent", "wamid.1")


async def test_events_with_the_new_id_of_a_thread_belong_to_it(threads: Threads, server: Server) -> None:
    other = Threads(Database(server.url))
    aliases, elsewhere = Aliases(threads.database), Aliases(other.database)
    assert await elsewhere.resolve("github:9:1") == "github:9:1"
    moved = Moved(delivery="github:m1", thread=THREAD, to="github:9:1")
    await receiver(threads, aliases).receive("github", moved)
    assert await aliases.resolve("github:9:1") == THREAD
    again = Moved(delivery="github:m2", thread="github:9:1", to="github:9:2")
    await receiver(threads, aliases).receive("github", again)
    # Back to where it was: nothing may lead in a circle.
    back = Moved(delivery="github:m3", thread="github:9:2", to=THREAD)
    await receiver(threads, aliases).receive("github", back)
    for id in ("github:9:1", "github:9:2", THREAD):
        assert await Aliases(other.database).resolve(id) == THREAD
    assert await aliases.resolve("slack:T1:C1:1") == "slack:T1:C1:1"
    await other.database.close()


async def test_a_reaction_belongs_to_the_thread_of_its_message_in_whatever_partition(server: Server) -> None:
    threads = Threads(Database(server.url), partitions=8)
    messages = MessageThreads(threads)
    root, answer = event(1), event(2)
    await threads.accept(root)
    await threads.accept(answer)
    await messages.record("github:ours", THREAD)
    found = [await messages.find(id, "github:elsewhere") for id in (root.delivery, answer.delivery, "github:ours")]
    assert found == [THREAD] * 3
    assert await messages.find("github:unknown", "github:elsewhere") == "github:elsewhere"
    await threads.database.close()
