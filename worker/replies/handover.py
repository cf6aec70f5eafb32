"""Handing over: a turn's reply is sent at once by the worker that commits it, not by way of the due queue."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from answerback.store.keys import Partition
from answerback.store.threads.outbox import Outgoing
from answerback.store.threads.records import Commit

from ..claiming.claims import Claimer


class Handover:
    """Hands the outboxes that come with the responses to commits over to the claimer of outboxes."""

    def __init__(self, claimer: Claimer[Outgoing]) -> None:
        self._claimer = claimer

    def of(self, commit: Commit) -> Callable[[Partition, int], None] | None:
        """Return what is called if the outbox is handed over; None if it is left to the queue."""
        if not commit.replies or not self._claimer.has_room:
            return None
        return partial(self._send, commit)

    def _send(self, commit: Commit, p: Partition, fence: int) -> None:
        self._claimer.adopt(p, Outgoing(commit.thread, fence, commit.owner, commit.replies[0]))
