"""What operators do to threads: unlock, requeue, purge, move."""

from __future__ import annotations

from hypothesis.stateful import rule

from answerback.store.threads.repair import requeue, unlock
from tests.redis.given import lapse
from tests.redis.machine import Turns, numbers
from tests.redis.model import thread_of


class Repairs(Turns):
    """Threads are taken from their workers, sent on early, purged, and put back from an archive."""

    @rule(number=numbers)
    def unlock(self, number: int) -> None:
        thread = self.model.threads[thread_of(number)]
        found = self.do(unlock(self.threads, thread.id))
        assert (found is None) == (not thread.known)
        if found is None:
            return
        assert (found.owner != "") == (thread.holder is not None)
        assert found.sending == (thread.sender is not None)
        if thread.holder:
            thread.holder, thread.claimable = None, True
            thread.attempts = max(0, thread.attempts - 1)
            thread.taken = 1 if thread.journal else 0
            thread.fence += 1
        if thread.sender:
            thread.sender = None
            thread.sender_fence += 1

    @rule(number=numbers)
    def requeue(self, number: int) -> None:
        thread = self.model.threads[thread_of(number)]
        found = self.do(requeue(self.threads, thread.id))
        assert (found is None) == (not thread.known)
        if found is None:
            return
        assert (found.turn == "empty") == (not thread.inbox)
        assert (found.turn == "held") == (thread.holder is not None)
        assert (found.replies == "empty") == (not thread.unsent)
        assert (found.replies == "held") == (thread.sender is not None)
        assert "lost" not in (found.turn, found.replies)
        if found.turn == "requeued":
            self.do(lapse(self.threads, "ready", thread.id))
            thread.claimable = True
        if found.replies == "requeued":
            self.do(lapse(self.threads, "due", thread.id))
            thread.sendable = True

    @rule(number=numbers)
    def purge(self, number: int) -> None:
        thread = self.model.threads[thread_of(number)]
        found = self.do(self.archives.purge(thread.id))
        assert (found is None) == (not thread.known)
        thread.amended.clear()
        if found is None:
            return
        dead, replies = self.model.graves(thread.id)
        assert (found.messages, found.events) == (len(thread.history), len(thread.inbox))
        assert (found.replies, found.dead) == (len(thread.replies), len(dead) + len(replies))
        for each in dead:
            del self.model.dead[each]
            self.model.seen[each] = "stored"
        for key in replies:
            del self.model.dead_replies[key]
        self.model.count("waiting", -len(thread.inbox))
        self.model.threads[thread.id] = thread.successor()

    @rule(number=numbers)
    def move(self, number: int) -> None:
        thread = self.model.threads[thread_of(number)]
        found = self.do(self.archives.read(thread.id))
        assert (found is None) == (not thread.known)
        if found is None:
            return
        assert not self.do(self.archives.restore(found))
        assert self.do(self.archives.restore(found, replace=True))
        dead, replies = self.model.graves(thread.id)
        self.model.count("restored", len(dead) + len(replies))
        heir = self.model.threads[thread.id] = thread.successor()
        heir.known, heir.inbox, heir.history, heir.journal = True, thread.inbox, thread.history, thread.journal
        heir.attempts, heir.taken, heir.position = (
            thread.attempts - thread.held,
            int(bool(thread.journal)),
            thread.position,
        )
        heir.unsent, heir.replies = thread.unsent, thread.replies
        heir.claimable, heir.sendable = bool(heir.inbox), bool(heir.unsent)
