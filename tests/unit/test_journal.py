"""The journal: what was done in a turn is not done again, and changed code is noticed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest

from answerback.agents.journal import Journal, current_step
from answerback.agents.limits import STANDARD, TurnLimits
from answerback.errors import CodeChanged, LimitExceeded, NoEffect, OutcomeUnknown, TurnFailed
from answerback.replies import Reply
from answerback.steps import settle, unknown_steps


class Attempts:
    """A turn that is run several times over one journal; after `crash_after` writes its worker dies."""

    def __init__(self) -> None:
        self.records: dict[str, bytes] = {}
        self.replies: list[str] = []
        self.writes = 0
        self.crash_after: int | None = None
        self.ran: list[str] = []

    def journal(self, limits: TurnLimits = STANDARD) -> Journal:
        return Journal(dict(self.records), self._write, None, limits=limits)

    async def _write(self, name: str, record: bytes, replies: Sequence[Reply]) -> None:
        if self.crash_after is not None and self.writes >= self.crash_after:
            raise ConnectionError("the worker died here")
        self.writes += 1
        self.records[name] = record
        self.replies += [reply.key for reply in replies]

    def work(self, result: object):  # type: ignore[no-untyped-def]
        async def run() -> object:
            self.ran.append(f"{current_step()}={result}")
            return result

        return run


async def test_a_finished_step_returns_its_recorded_result() -> None:
    attempts = Attempts()
    assert await attempts.journal().step("charge", attempts.work({"id": 7})) == {"id": 7}
    assert await attempts.journal().step("charge", attempts.work({"id": 8})) == {"id": 7}
    assert attempts.ran == ["charge#1={'id': 7}"]


async def test_steps_of_one_name_are_told_apart_by_their_order() -> None:
    attempts = Attempts()
    for expected in ([1, 2], [1, 2]):
        journal = attempts.journal()
        assert [await journal.step("charge", attempts.work(number)) for number in (1, 2)] == expected
    assert attempts.ran == ["charge#1=1", "charge#2=2"]


async def test_a_step_that_began_and_left_no_result_is_not_run_again() -> None:
    attempts = Attempts()
    attempts.crash_after = 1
    with pytest.raises(ConnectionError):
        await attempts.journal().step("charge", attempts.work(1))
    attempts.crash_after = None
    with pytest.raises(OutcomeUnknown, match='step "charge" started'):
        await attempts.journal().step("charge", attempts.work(1))
    assert len(attempts.ran) == 1


async def test_an_idempotent_step_is_run_again_with_the_same_key() -> None:
    attempts = Attempts()
    attempts.crash_after = 0
    with pytest.raises(ConnectionError):
        await attempts.journal().step("charge", attempts.work(1), idempotent=True)
    attempts.crash_after = None
    await attempts.journal().step("charge", attempts.work(1), idempotent=True)
    assert attempts.ran == ["charge#1=1", "charge#1=1"]


async def test_what_stands_for_an_unknown_result_is_recorded_too() -> None:
    attempts = Attempts()
    attempts.crash_after = 1
    with pytest.raises(ConnectionError):
        await attempts.journal().step("charge", attempts.work(1))
    attempts.crash_after = None
    for _ in range(2):
        journal = attempts.journal()
        assert await journal.step("charge", attempts.work(1), unknown=attempts.work("unknown")) == "unknown"
        journal.close()
    assert attempts.ran == ["charge#1=1", "charge#1=unknown"]


def effect(attempts: Attempts, error: BaseException):  # type: ignore[no-untyped-def]
    """Takes effect, and then raises."""

    async def run() -> None:
        await attempts.work("effect")()
        raise error

    return run


RAISED: dict[str, Callable[[], BaseException]] = {
    "an error": lambda: ValueError("the answer was lost"),
    "an error that cannot be shown": lambda: Unprintable(),
    "a timeout": TimeoutError,
    "a cancellation": asyncio.CancelledError,
    "an exit": lambda: SystemExit(1),
    "an interrupt from the keyboard": KeyboardInterrupt,
    "what a step inside it said of itself": lambda: inner("outer#1>inner#1"),
}


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even this")


def inner(step: str) -> NoEffect:
    error = NoEffect("nothing was sent")
    error.step = step
    return error


@pytest.mark.parametrize("what", RAISED)
async def test_a_step_that_took_effect_and_then_raised_is_not_run_again(what: str) -> None:
    attempts = Attempts()
    error = RAISED[what]()
    with pytest.raises(type(error)):
        await attempts.journal().step("charge", effect(attempts, error))
    for _ in range(4):
        with pytest.raises(OutcomeUnknown, match='step "charge" started') as unknown:
            await attempts.journal().step("charge", attempts.work("effect"))
        assert unknown.value.step == "charge#1"
    assert attempts.ran == ["charge#1=effect"]
    assert unknown_steps(attempts.records) == ("charge#1",)


async def test_a_step_that_says_that_nothing_happened_is_run_again() -> None:
    class Declined(NoEffect):
        """The card was declined."""

    attempts = Attempts()
    with pytest.raises(Declined):
        await attempts.journal().step("charge", effect(attempts, Declined()))
    assert await attempts.journal().step("charge", attempts.work(1)) == 1


async def test_an_idempotent_step_that_raised_is_run_again_with_the_same_key() -> None:
    attempts = Attempts()
    with pytest.raises(ValueError, match="no"):
        await attempts.journal().step("charge", effect(attempts, ValueError("no")), idempotent=True)
    assert await attempts.journal().step("charge", attempts.work(1), idempotent=True) == 1
    assert attempts.ran == ["charge#1=effect", "charge#1=1"]


async def test_a_step_around_one_that_failed_safely_has_an_unknown_outcome() -> None:
    attempts = Attempts()
    journal = attempts.journal()

    async def outer() -> None:
        await attempts.work("mail")()
        await journal.step("inner", effect(attempts, NoEffect("nothing was sent")))

    with pytest.raises(NoEffect):
        await journal.step("outer", outer)
    with pytest.raises(OutcomeUnknown, match='step "outer"'):
        await attempts.journal().step("outer", outer)
    assert unknown_steps(attempts.records) == ("outer#1",)


async def test_what_stands_for_an_unknown_result_may_fail_and_the_step_is_not_run_all_the_same() -> None:
    attempts = Attempts()
    with pytest.raises(ValueError, match="lost"):
        await attempts.journal().step("charge", effect(attempts, ValueError("lost")))
    tell = effect(attempts, ValueError("the model is away"))
    for _ in range(2):
        with pytest.raises(ValueError, match="the model is away"):
            await attempts.journal().step("charge", attempts.work("again"), unknown=tell)
    assert "charge#1=again" not in attempts.ran


async def test_a_turn_is_bound_to_what_it_did_once_and_to_nothing_else() -> None:
    attempts = Attempts()
    journal = attempts.journal()
    await journal.step("ask", attempts.work(1), idempotent=True)
    with pytest.raises(NoEffect):
        await journal.step("book", effect(attempts, NoEffect()))
    bound = [journal.bound]
    await journal.step("charge", attempts.work(1))
    bound += [journal.bound, attempts.journal().bound]
    assert bound == [False, True, True]


async def test_an_operator_settles_a_step_of_unknown_outcome() -> None:
    attempts = Attempts()
    with pytest.raises(ValueError, match="lost"):
        await attempts.journal().step("charge", effect(attempts, ValueError("lost")))
    journal = dict(attempts.records)
    attempts.records = settle(journal, "charge", {"id": 7}, again=False)
    assert await attempts.journal().step("charge", attempts.work(1)) == {"id": 7}
    attempts.records = settle(journal, "charge#1", again=True)
    assert await attempts.journal().step("charge", attempts.work(1)) == 1
    with pytest.raises(
        ValueError, match=r'"refund" does not name exactly one step of unknown outcome\. Candidates: "charge#1"'
    ):
        settle(journal, "refund", again=True)
    assert attempts.ran == ["charge#1=effect", "charge#1=1"]


async def test_another_step_where_one_is_recorded_means_that_the_code_changed() -> None:
    attempts = Attempts()
    await attempts.journal().step("charge", attempts.work(1))
    with pytest.raises(CodeChanged, match=r'recorded "charge".*it runs "refund" instead'):
        await attempts.journal().step("refund", attempts.work(2))
    assert attempts.ran == ["charge#1=1"]


async def test_a_recorded_step_that_is_never_asked_for_means_that_the_code_changed() -> None:
    attempts = Attempts()
    journal = attempts.journal()
    await journal.step("charge", attempts.work(1))
    await journal.step("mail", attempts.work(2))
    again = attempts.journal()
    await again.step("charge", attempts.work(1))
    with pytest.raises(CodeChanged, match='recorded "mail"'):
        again.close()


async def test_steps_side_by_side_may_finish_and_be_asked_for_in_any_order() -> None:
    attempts = Attempts()
    journal = attempts.journal()
    attempts.crash_after = 4
    with pytest.raises(ConnectionError):
        await asyncio.gather(*[journal.step(name, attempts.work(name)) for name in "abc"])
    attempts.crash_after = None
    again = attempts.journal()
    done = await asyncio.gather(*[again.step(name, attempts.work(name), idempotent=True) for name in "cab"])
    assert done == ["c", "a", "b"]
    again.close()


async def test_what_is_recorded_inside_a_finished_step_is_recalled_and_not_missed() -> None:
    attempts = Attempts()
    recalled: list[str] = []

    async def outer(journal: Journal) -> str:
        async def inside() -> str:
            return str(await journal.step("reply", attempts.work("hello")))

        return await journal.step("tool", inside, recall=lambda name, value: recalled.append(name))

    journal = attempts.journal()
    await outer(journal)
    again = attempts.journal()
    await outer(again)
    again.close()
    assert recalled == ["tool#1>reply#1"]
    assert attempts.ran == ["tool#1>reply#1=hello"]


async def test_what_is_recorded_inside_a_step_that_runs_again_is_asked_for_by_that_step() -> None:
    """Its worker died after the inner step and before its own result."""
    attempts = Attempts()

    async def outer(journal: Journal, inner: str, *, dies: bool) -> str:
        async def inside() -> str:
            said = str(await journal.step(inner, attempts.work("hello")))
            if dies:
                raise ConnectionError
            return said

        return await journal.step("tool", inside, idempotent=True)

    journal = attempts.journal()
    await journal.step("look", attempts.work(1))
    with pytest.raises(ConnectionError):
        await outer(journal, "reply", dies=True)
    del attempts.records["tool#1"]  # a worker that dies records no failure
    again = attempts.journal()
    # Side by side with another one, which is new.
    await again.step("look", attempts.work(1))
    said, _ = await asyncio.gather(outer(again, "reply", dies=False), again.step("mail", attempts.work(2)))
    again.close()
    assert said == "hello"
    assert attempts.ran.count("tool#1>reply#1=hello") == 1

    attempts = Attempts()
    with pytest.raises(ConnectionError):
        await outer(attempts.journal(), "reply", dies=True)
    with pytest.raises(CodeChanged, match='recorded "tool#1>reply"'):
        await outer(attempts.journal(), "other", dies=False)


async def test_a_reply_enters_the_outbox_with_its_record() -> None:
    attempts = Attempts()
    reply = Reply(key="t.0", thread="x:1", text="hi")
    await attempts.journal().step("reply", attempts.work("hi"), replies=lambda _: [reply])
    await attempts.journal().step("reply", attempts.work("hi"), replies=lambda _: [reply])
    assert attempts.replies == ["t.0"]


async def test_a_result_that_is_no_plain_data_fails_the_turn_in_words() -> None:
    attempts = Attempts()
    with pytest.raises(TurnFailed, match='the result of step "lookup" cannot be recorded'):
        await attempts.journal().step("lookup", attempts.work(object()))


async def test_a_journal_has_limits() -> None:
    attempts = Attempts()
    journal = attempts.journal(limits=TurnLimits(steps=2))
    await journal.step("a", attempts.work(1))
    await journal.step("b", attempts.work(1))
    with pytest.raises(LimitExceeded, match="more than 2 steps"):
        await journal.step("c", attempts.work(1))
    assert attempts.ran == ["a#1=1", "b#1=1"]
    with pytest.raises(LimitExceeded, match="exceeded 100 bytes"):
        await Attempts().journal(limits=TurnLimits(bytes=100)).step("a", attempts.work("x" * 200))
