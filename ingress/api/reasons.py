"""Why a turn failed, as far as a caller is told: the one place where that is decided.

A reason is an exception's text, an agent's or a network's: addresses, queries and credentials stand in such texts. And
what a caller is told is often shown to whoever sits before a page. So it is for those alone who may read the dead
letters, the scope `admin`; everybody else gets general words, the code, and the turn that an operator can look up.
What we say ourselves of a limit is no secret.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec

from answerback.store.deltas import Delta, told

from .call import Caller

OURS = frozenset({"limit", "timeout"})
"""Codes whose reasons are our own words."""


def reason(caller: Caller, why: str, *, code: str = "agent_failed", turn: str = "") -> str:
    """A reason as this caller is told it."""
    if not why or code in OURS or caller.may("admin"):
        return why
    words = "the agent could not be reached" if code == "unreachable" else "the agent failed"
    return f"{words}; its operators can see why{f': turn {turn}' if turn else ''}"


def worded(caller: Caller, delta: Delta) -> Delta:
    """A delta as this caller is told it."""
    if delta.kind not in ("error", "retry") or caller.may("admin"):
        return delta
    fields = msgspec.json.decode(delta.data)
    # A retry that was written by an older worker has no code.
    why = reason(caller, fields["reason"], code=fields.get("code", "agent_failed"), turn=fields["turn"])
    return Delta(delta.id, *told(delta.kind, **{**fields, "reason": why}))


class Worded:
    """Deltas as a caller is told them. What waits for one may be cancelled."""

    def __init__(self, caller: Caller, deltas: AsyncIterator[Delta]) -> None:
        self._caller = caller
        self._deltas = deltas

    def __aiter__(self) -> Worded:
        return self

    async def __anext__(self) -> Delta:
        return worded(self._caller, await anext(self._deltas))
