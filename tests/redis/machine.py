"""The real store beside the model: what platforms and workers do to threads, in any order, late or twice."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from answerback.errors import LeaseLost
from answerback.events import Amendment
from answerback.messages import Message
from answerback.store.redis import Database
from answerback.store.threads.amendments import GONE
from answerback.store.threads.archives import Archives
from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.outbox import Outbox, Outgoing
from answerback.store.threads.records import Commit
from answerback.store.threads.threads import Threads
from tests.redis.given import claim_all, dead_letter, event, lapse, reply, step, turn
from tests.redis.model import EVENTS, Courier, Holder, Model, Waiting, thread_of

T = TypeVar("T")
numbers = st.integers(0, EVENTS - 1)
picks = st.integers(0, 10_000)


class Turns(RuleBasedStateMachine):
    """Events come and turns are run. Late workers stay around and go on writing."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.database = Database(self.url)
        self.threads = Threads(self.database, partitions=2)
        self.outbox = Outbox(self.threads)
        self.letters = DeadLetters(self.threads)
        self.archives = Archives(self.threads)
        self.model = Model()
        self.holders: list[Holder] = []
        self.couriers: list[Courier] = []
        self.commits: list[Commit] = []
        self.do(self.database.call("FLUSHALL"))

    def teardown(self) -> None:
        self.do(self.database.close())
        self.loop.close()

    def do(self, call: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(call)

    def attempt(self, call: Coroutine[Any, Any, T], held: bool) -> T | None:
        """Do what only a holder may; anyone else loses."""
        try:
            result = self.do(call)
        except LeaseLost:
            assert not held
            return None
        assert held
        return result

    # Ingress -------------------------------------------------------------------------------------

    @rule(number=numbers)
    def accept(self, number: int) -> None:
        receipt = self.do(self.threads.accept(event(number, thread_of(number))))
        text = self.model.threads[thread_of(number)].amended.get(number, f"message {number}")
        match self.model.seen.get(number):
            case "stored":
                assert receipt.status == "duplicate"
            case "dead" if text is None:
                assert receipt.status == "duplicate"
            case "dead":
                assert receipt.reason == "replayed from the dead letters"
                self.model.put(number, self.model.dead.pop(number))
            case _ if text is None:
                assert (receipt.status, receipt.reason) == ("ignored", "its message was deleted before it arrived")
            case _:
                assert receipt.status == "accepted"
                self.model.put(number, Waiting(number, text))
                self.model.count("accepted")

    @rule(number=numbers, text=st.sampled_from(["better", "best", None]))
    def amend(self, number: int, text: str | None) -> None:
        thread = self.model.threads[thread_of(number)]
        amendment = Amendment(delivery=f"github:edit-{number}", thread=thread.id, message=str(number), text=text)
        receipt = self.do(self.threads.amend(amendment))
        if text is not None and thread.amended.get(number, "") is None:
            assert (receipt.status, receipt.reason) == ("ignored", GONE)
            return
        thread.amended[number] = text
        place = next((at for at, waiting in enumerate(thread.inbox) if waiting.number == number), -1)
        if place < thread.taken or thread.inbox[place].journal:
            assert receipt.status == "ignored"
            return
        assert receipt.status == "accepted"
        if text is not None:
            thread.inbox[place].text = text
            return
        del thread.inbox[place]
        self.model.count("waiting", -1)
        if place == 0:
            thread.attempts = 0
        if not thread.inbox:
            thread.claimable = False

    # Workers -------------------------------------------------------------------------------------

    @rule()
    def claim(self) -> None:
        claims = {held.thread: held for held in self.do(claim_all(self.threads))}
        assert set(claims) == {thread.id for thread in self.model.threads.values() if thread.claimable}
        for id, found in claims.items():
            thread = self.model.threads[id]
            head = thread.inbox[0]
            assert found.fence > thread.fence
            assert found.attempt == thread.attempts + 1
            assert found.position == thread.position
            assert [(entry.event.message, entry.event.text, entry.journal) for entry in found.entries] == [
                (str(head.number), head.text, head.journal)
            ]
            assert [message.turn for message in found.history] == thread.history
            assert found.journal == thread.journal
            thread.holder = Holder(found, thread)
            thread.fence, thread.attempts, thread.taken, thread.claimable = found.fence, found.attempt, 1, False
            self.holders.append(thread.holder)

    @rule()
    def a_worker_takes_and_dies(self) -> None:
        for p in range(2):
            for id in self.do(self.threads.reserve(p, "ready", 100)).threads:
                assert self.model.threads[id].claimable
                self.model.threads[id].claimable = False

    @precondition(lambda self: any(thread.inbox and not thread.claimable for thread in self.model.threads.values()))
    @rule(pick=picks)
    def a_lease_or_a_delay_ends(self, pick: int) -> None:
        some = [thread for thread in self.model.threads.values() if thread.inbox and not thread.claimable]
        thread = some[pick % len(some)]
        self.do(lapse(self.threads, thread=thread.id))
        thread.claimable = True

    @precondition(lambda self: self.holders)
    @rule(pick=picks, name=st.sampled_from(["look#1", "reply#1"]), twice=st.booleans())
    def step(self, pick: int, name: str, twice: bool) -> None:
        holder = self.holders[pick % len(self.holders)]
        key = f"{holder.claim.entries[0].event.id}.0"
        replies = [reply(key, holder.thread.id)] if name == "reply#1" else []
        held = holder.holds
        for _ in range(1 + twice):
            self.attempt(self.threads.step(step(holder.claim, name, *replies)), held)
        if held:
            holder.thread.journal[name] = b"done"
            for posted in replies:
                holder.thread.post(posted.key)

    @precondition(lambda self: self.holders)
    @rule(pick=picks, more=st.booleans(), twice=st.booleans(), replies=st.integers(0, 2), sends=st.booleans())
    def commit(self, pick: int, more: bool, twice: bool, replies: int, sends: bool) -> None:
        holder = self.holders[pick % len(self.holders)]
        claim, thread, held = holder.claim, holder.thread, holder.holds
        turn_id = claim.entries[0].event.id
        posted = [reply(f"{turn_id}.{number}", thread.id) for number in range(replies)]
        finished = msgspec.structs.replace(
            turn(claim, *posted, more=more), messages=[Message(role="user", text="", turn=turn_id)]
        )
        # Said again, while this very turn under this fence was the last to be done with, it is no news.
        again = thread.done == (turn_id, claim.fence)
        fences: list[int] = []
        taken = (lambda _, fence: fences.append(fence)) if sends else None
        found = self.attempt(self.threads.commit(finished, taken), held or again)
        if not held:
            assert not fences
            return
        self.commits.append(finished)
        if twice:
            assert self.do(self.threads.commit(finished, taken)) == found
        idle = not thread.unsent and thread.sender is None
        thread.history.append(turn_id)
        self._done(holder)
        for one in posted:
            thread.post(one.key)
        assert len(fences) == (sends and idle and thread.unsent[:1] == [one.key for one in posted[:1]] != [])
        for fence in fences:
            thread.sender = Courier(Outgoing(thread.id, fence, claim.owner, posted[0]), thread)
            assert fence > thread.sender_fence
            thread.sender_fence, thread.sendable = fence, False
            self.couriers.append(thread.sender)
        self.model.count("handled")
        assert [entry.event.message for entry in found or []] == [
            str(waiting.number) for waiting in thread.inbox[:1] if more
        ]
        if found:
            claim.entries, claim.position = found, claim.position + 1
            thread.holder, thread.claimable, thread.attempts, thread.taken = holder, False, 1, 1

    def _done(self, holder: Holder) -> None:
        """The head of a thread is done with, and the thread given up."""
        thread = holder.thread
        thread.done = (event(thread.inbox.pop(0).number).id, thread.fence)
        thread.position += 1
        thread.journal, thread.attempts, thread.taken, thread.holder = {}, 0, 0, None
        thread.claimable = bool(thread.inbox)
        self.model.count("waiting", -1)

    @precondition(lambda self: self.commits)
    @rule(pick=picks)
    def an_old_commit_arrives_late(self, pick: int) -> None:
        commit = self.commits[pick % len(self.commits)]
        try:
            self.do(self.threads.commit(commit))
        except LeaseLost:
            pass

    @precondition(lambda self: self.holders)
    @rule(pick=picks, failed=st.booleans(), delay=st.sampled_from([0, 60]), twice=st.booleans())
    def release(self, pick: int, failed: bool, delay: int, twice: bool) -> None:
        holder = self.holders[pick % len(self.holders)]
        thread, held = holder.thread, holder.holds
        for _ in range(1 + (twice and held)):
            try:
                self.do(self.threads.release(holder.claim, "failed" if failed else "handed back", delay=delay))
                # Said after the thread was given up, it is no news.
                assert held or (thread.holder is None and thread.fence == holder.claim.fence)
            except LeaseLost:
                assert not held
        if held:
            thread.holder, thread.claimable = None, delay == 0
            thread.attempts -= not failed
            thread.taken = 1 if thread.journal else 0
            self.model.count("failed", failed)

    @precondition(lambda self: self.holders)
    @rule(pick=picks, twice=st.booleans())
    def dead_letter(self, pick: int, twice: bool) -> None:
        holder = self.holders[pick % len(self.holders)]
        thread, held = holder.thread, holder.holds
        head = thread.inbox[0] if held else None
        if not held:
            # A late one may say again what it was told to have done, and nothing else.
            try:
                self.do(dead_letter(self.threads, holder.claim, {}))
            except LeaseLost:
                pass
            return
        assert head is not None
        journal = head.journal | thread.journal
        for _ in range(1 + twice):
            self.do(dead_letter(self.threads, holder.claim, journal))
        self.model.dead[head.number] = Waiting(head.number, head.text, journal)
        self.model.seen[head.number] = "dead"
        self._done(holder)
        self.model.count("buried")

    @precondition(lambda self: self.holders)
    @rule()
    def heartbeat(self) -> None:
        for p in range(2):
            some = [held for held in self.holders if self.threads.partitions.current.of(held.thread.id) == p]
            found = self.do(
                self.threads.extend(p, [("ready", held.thread.id, held.claim.fence) for held in some], "worker")
            )
            assert found == [held.lease for held in some]
            for held in some:
                if held.holds:
                    held.thread.claimable = False
