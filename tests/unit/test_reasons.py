"""Who is told why a turn failed."""

from __future__ import annotations

import msgspec
import pytest

from answerback.store.access import Scope
from answerback.store.deltas import Delta, told
from ingress.api.call import Caller
from ingress.api.reasons import reason, worded

WHY = "OperationalError: postgresql://bot:hunter2@db refused"


def caller(*scopes: Scope, kind: str = "live") -> Caller:
    """One with these scopes."""
    return Caller(workspace="acme", key="k", kind=kind, scopes=frozenset(scopes))


STRANGERS = [caller("chat:read", "chat:write"), caller("chat:read", "chat:write", kind="ses"), caller(kind="pub")]


@pytest.mark.parametrize("stranger", STRANGERS)
def test_strangers_get_general_words_and_the_turn(stranger: Caller) -> None:
    assert reason(stranger, WHY, turn="t1") == "the agent failed; its operators can see why: turn t1"
    assert reason(stranger, WHY, code="unreachable").startswith("the agent could not be reached")
    assert reason(stranger, WHY, code="what is new").startswith("the agent failed")
    assert reason(stranger, "") == ""


@pytest.mark.parametrize("code", ["limit", "timeout"])
def test_what_we_say_of_limits_is_for_everybody(code: str) -> None:
    assert [reason(stranger, "it took too long", code=code) for stranger in STRANGERS] == ["it took too long"] * 3


def test_an_operator_is_told_why() -> None:
    assert reason(caller("admin"), WHY) == WHY


def test_a_delta_keeps_all_but_its_reason() -> None:
    for kind, fields in (
        ("retry", {"reason": WHY, "attempt": 2, "seconds": 0.5}),
        ("error", {"events": ["t1"], "reason": WHY, "code": "agent_failed"}),
    ):
        delta = Delta("1-0", *told(kind, "t1", **fields))
        assert worded(caller("admin"), delta) is delta
        found = worded(caller("chat:read"), delta)
        assert (found.id, found.kind) == ("1-0", kind)
        expected = {"turn": "t1", **fields, "reason": "the agent failed; its operators can see why: turn t1"}
        assert msgspec.json.decode(found.data) == expected


def test_a_thread_that_was_deleted_is_told_as_it_is() -> None:
    delta = Delta("", *told("gone", "", reason="the thread was deleted"))
    assert worded(caller("chat:read"), delta) is delta
