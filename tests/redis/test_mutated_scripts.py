"""Each rule of the scripts that keep the promise is missed by a test when it is taken out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from answerback.store.threads.outbox import Outbox
from answerback.store.threads.threads import Threads
from tests.redis import test_claim as claims
from tests.redis import test_commit as commits
from tests.redis import test_outbox as outboxes
from tests.redis import test_rollback as rollbacks
from tests.redis import test_streamed as streamed
from tests.redis.given import BROKEN, mutate

FENCE = ("elseif held[1] ~= fence or ", "elseif ")
OWNER = ("held[3] ~= owner or (", "(")
POSITION = (" or (held[5] or '0') ~= position then", " then")
Mutant = tuple[str, list[tuple[str, str]], Callable[[Threads], Awaitable[None]]]


def _earlier_owner(name: str) -> Callable[[Threads], Awaitable[None]]:
    return lambda threads: rollbacks.test_a_turn_of_the_earlier_owner_writes_nothing(threads, rollbacks.TURN[name])


def _earlier_sender(name: str) -> Callable[[Threads], Awaitable[None]]:
    def look(threads: Threads) -> Awaitable[None]:
        send = rollbacks.REPLY[name]
        return rollbacks.test_a_sender_that_held_the_outbox_earlier_writes_nothing(threads, Outbox(threads), send)

    return look


MUTANTS: dict[str, Mutant] = {
    "commit without fence and owner": (
        "commit", [FENCE, OWNER], commits.test_a_commit_after_the_lease_was_lost_changes_nothing
    ),
    "commit without fence": ("commit", [FENCE], commits.test_a_workers_own_late_commit_is_refused),
    "commit without owner": ("commit", [OWNER], _earlier_owner("commit")),
    "commit without position": (
        "commit", [POSITION], commits.test_a_commit_that_was_long_on_its_way_is_refused
    ),
    "commit that hands over an outbox that is held": (
        "commit",
        [
            ("replies, replies_end) == 1 then", "replies, replies_end) >= 0 then"),
            (" and redis.call('LINDEX', unsent, 0) == ARGV[replies]", ""),
        ],
        lambda threads: outboxes.test_an_outbox_that_is_held_or_not_empty_is_not_handed_over(threads, Outbox(threads)),
    ),
    "claim by name of a thread that is held": (
        "claim",
        [("if held[1] ~= owner or held[2] ~= till then return false end", "")],
        claims.test_a_token_that_comes_late_takes_no_thread,
    ),
    "step without owner": ("step", [(" or held[2] ~= owner", "")], _earlier_owner("step")),
    "release without owner": ("release", [("if held[2] ~= owner then return 0 end", "")], _earlier_owner("release")),
    "show without owner": ("show", [(" or held[2] ~= owner", "")], _earlier_owner("show")),
    "show without position": (
        "show", [(" or (held[3] or '0') ~= position then", " then")],
        streamed.test_nothing_is_shown_of_a_turn_that_has_ended,
    ),
    "show without fence": (
        "show", [("held[1] ~= fence or held[2] ~= owner or ", "")],
        streamed.test_nothing_is_shown_by_a_worker_that_lost_its_lease,
    ),
    "settle without owner": ("settle", [("held[2] ~= owner", "false")], _earlier_sender("settle")),
    "defer without owner": ("defer", [("if held[2] ~= owner then return 0 end", "")], _earlier_sender("defer")),
    "mark without owner": ("mark_sending", [(" and held[2] == owner", "")], _earlier_sender("mark sending")),
    "mark of what is not the head": (
        "mark_sending",
        [(" and redis.call('LINDEX', unsent, 0) == reply_key", "")],
        lambda threads: outboxes.test_only_the_reply_at_the_head_can_be_marked(threads, Outbox(threads)),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("script", "changes", "look"), MUTANTS.values(), ids=MUTANTS)
async def test_a_rule_that_is_taken_out_is_missed(
    threads: Threads, script: str, changes: list[tuple[str, str]], look: Callable[[Threads], Awaitable[None]]
) -> None:
    for old, new in changes:
        mutate(threads, script, old, new)
    with pytest.raises(BROKEN):
        await look(threads)
