"""Any order of anything that workers, platforms, operators and crashes do: the store is what the model is."""

from __future__ import annotations

import os

import msgspec
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test

from answerback.replies import DeadLetter
from answerback.store import keys
from answerback.store.decode import decode_entry, decode_message, decode_reply
from tests.redis.conftest import Server
from tests.redis.given import counters, courier, event, lapse
from tests.redis.machine import numbers, picks
from tests.redis.model import Courier
from tests.redis.repairs import Repairs

EXAMPLES = int(os.environ.get("STORE_MODEL_EXAMPLES", "25"))
STEPS = int(os.environ.get("STORE_MODEL_STEPS", "40"))
# To find the shortest way into a failure takes minutes: ask for it when there is one.
PHASES = [Phase.explicit, Phase.reuse, Phase.generate] + [Phase.shrink] * ("STORE_MODEL_SHRINK" in os.environ)


class Store(Repairs):
    """Replies leave and fail, operators replay and drop; and after each step store and model are compared."""

    @rule()
    def send(self) -> None:
        found = {outgoing.thread: outgoing for outgoing in self.do(courier(self.threads, self.outbox))}
        assert set(found) == {thread.id for thread in self.model.threads.values() if thread.sendable}
        for id, outgoing in found.items():
            thread = self.model.threads[id]
            assert outgoing.fence > thread.sender_fence
            assert outgoing.reply.key == thread.unsent[0]
            thread.sender = Courier(outgoing, thread)
            thread.sender_fence, thread.sendable = outgoing.fence, False
            self.couriers.append(thread.sender)

    @precondition(lambda self: any(thread.unsent and not thread.sendable for thread in self.model.threads.values()))
    @rule(pick=picks)
    def a_senders_lease_or_delay_ends(self, pick: int) -> None:
        some = [thread for thread in self.model.threads.values() if thread.unsent and not thread.sendable]
        thread = some[pick % len(some)]
        self.do(lapse(self.threads, "due", thread.id))
        thread.sendable = True

    @precondition(lambda self: self.couriers)
    @rule(pick=picks, twice=st.booleans())
    def mark(self, pick: int, twice: bool) -> None:
        one = self.couriers[pick % len(self.couriers)]
        sending = msgspec.structs.replace(one.outgoing.reply, state="sending")
        held = one.holds
        for _ in range(1 + twice):
            self.attempt(self.outbox.mark_sending(msgspec.structs.replace(one.outgoing, reply=sending)), held)
        if held:
            one.thread.replies[sending.key] = "sending"
            one.thread.sendable = False  # its lease began anew

    @precondition(lambda self: self.couriers)
    @rule(pick=picks, failed=st.booleans(), twice=st.booleans())
    def settle(self, pick: int, failed: bool, twice: bool) -> None:
        one = self.couriers[pick % len(self.couriers)]
        thread, key = one.thread, one.outgoing.reply.key
        state = "failed" if failed else "sent"
        letter = DeadLetter(id=key, kind="reply", thread=thread.id, reason="no") if failed else None
        settled = msgspec.structs.replace(one.outgoing, reply=msgspec.structs.replace(one.outgoing.reply, state=state))
        if not one.holds:
            # Given up by this very sender, it is no news; lost to another, it is refused.
            self.attempt(
                self.outbox.settle(settled, letter),
                thread.sender is None and thread.sender_fence == one.outgoing.fence,
            )
            return
        following = self.do(self.outbox.settle(settled, letter))
        if twice:
            assert self.do(self.outbox.settle(settled, letter)) == following
        thread.replies[key] = state
        self.model.count("failed replies" if failed else "sent")
        if failed:
            self.model.dead_replies[key] = thread.id
        del thread.unsent[0]
        thread.sendable = False
        if following is None:
            assert not thread.unsent
            thread.sender = None
        else:
            assert following.reply.key == thread.unsent[0]
            one.outgoing = following

    @precondition(lambda self: self.couriers)
    @rule(pick=picks, retry=st.booleans(), delay=st.sampled_from([0, 60]), twice=st.booleans())
    def defer(self, pick: int, retry: bool, delay: int, twice: bool) -> None:
        one = self.couriers[pick % len(self.couriers)]
        thread, held = one.thread, one.holds
        known = held or (thread.sender is None and thread.sender_fence == one.outgoing.fence)
        waiting = msgspec.structs.replace(one.outgoing.reply, state="pending")
        for _ in range(1 + twice):
            self.attempt(
                self.outbox.defer(msgspec.structs.replace(one.outgoing, reply=waiting), delay, retry=retry),
                known,
            )
        if held:
            thread.replies[waiting.key] = "pending"
            thread.sender, thread.sendable = None, delay == 0

    @rule(number=numbers, fresh=st.booleans())
    def replay(self, number: int, fresh: bool) -> None:
        waiting = self.model.dead.pop(number, None)
        assert self.do(self.letters.replay(event(number).id, fresh=fresh)) == (waiting is not None)
        if waiting:
            waiting.journal = {} if fresh else waiting.journal
            self.model.put(number, waiting)

    @rule(number=numbers)
    def drop(self, number: int) -> None:
        known = self.model.dead.pop(number, None) is not None
        assert self.do(self.letters.delete(event(number).id)) == known
        if known:
            self.model.seen[number] = "stored"

    @precondition(lambda self: self.model.dead_replies)
    @rule(pick=picks, again=st.booleans())
    def replay_or_drop_a_reply(self, pick: int, again: bool) -> None:
        key = sorted(self.model.dead_replies)[pick % len(self.model.dead_replies)]
        thread = self.model.threads[self.model.dead_replies.pop(key)]
        assert self.do(self.letters.replay(key) if again else self.letters.delete(key))
        if again:
            del thread.replies[key]
            thread.post(key)

    @invariant()
    def the_store_is_as_the_model(self) -> None:
        self.do(self._compare())

    async def _compare(self) -> None:
        model, call = self.model, self.database.call
        assert await counters(self.threads) == {name: value for name, value in model.counters.items() if value}
        dead: set[str] = set()
        for p in range(2):
            here = [thread for thread in model.threads.values() if self.threads.partitions.current.of(thread.id) == p]
            ready, due, letters, graves, buried = await self.database.together(
                ("ZRANGE", keys.queue(p, "ready"), 0, -1),
                ("ZRANGE", keys.queue(p, "due"), 0, -1),
                ("HKEYS", keys.dead_letters(p)),
                ("HKEYS", keys.dead_letter_payloads(p)),
                ("ZRANGE", keys.dead_letter_times(p), 0, -1),
            )
            assert {id.decode() for id in ready} == {thread.id for thread in here if thread.inbox}
            assert {id.decode() for id in due} == {thread.id for thread in here if thread.unsent}
            assert set(letters) == set(graves) == set(buried)
            dead |= {id.decode() for id in buried}
            for queue, inside in (("ready", set(ready)), ("due", set(due))):
                assert set(await call("ZRANGE", f"ab:{{{p}}}:{queue}:retrying", 0, -1)) <= inside
        assert dead == {event(number).id for number in model.dead} | set(model.dead_replies)
        for thread in model.threads.values():
            home = self.threads.partitions.current.of(thread.id)
            inbox, history, unsent, replies, journal = await self.database.together(
                ("LRANGE", keys.inbox(home, thread.id), 0, -1),
                ("LRANGE", keys.history(home, thread.id), 0, -1),
                ("LRANGE", keys.unsent(home, thread.id), 0, -1),
                ("HVALS", keys.outbox(home, thread.id)),
                ("HGETALL", keys.journal(home, thread.id)),
            )
            assert [(decode_entry(raw).event.text, decode_entry(raw).journal) for raw in inbox] == [
                (waiting.text, waiting.journal) for waiting in thread.inbox
            ]
            assert [decode_message(raw).turn for raw in history] == thread.history
            assert [key.decode() for key in unsent] == thread.unsent
            assert {reply.key: reply.state for reply in map(decode_reply, replies)} == thread.replies
            assert {name.decode(): record for name, record in journal.items()} == thread.journal


def test_the_store_is_as_the_model_whatever_happens(server: Server) -> None:
    class OnThisServer(Store):
        url = server.url

    run_state_machine_as_test(
        OnThisServer,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            suppress_health_check=list(HealthCheck),
            phases=PHASES,
        ),
    )
