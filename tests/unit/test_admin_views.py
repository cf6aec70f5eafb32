"""What the dashboard is told: whole, readable, and nothing that must not become a link."""

from __future__ import annotations

import msgspec
import pytest

from answerback.codec import encode
from answerback.steps import Record, steps_of
from answerback.store.fleet.workers import AgentReport
from ingress.api.admin.dead_letter_filter import general_reason
from ingress.api.admin.overview import plain_data
from ingress.api.admin.transcript import PREVIEW, preview
from ingress.api.links import web_url


def test_a_field_with_its_default_is_told_too() -> None:
    report = AgentReport("helper")
    assert set(plain_data(report)) == set(AgentReport.__struct_fields__)
    assert msgspec.json.encode(plain_data(report))


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "JaVaScRiPt://%0aalert(1)", "data:text/html,x", " https://a.b", "https://a.b\n", "//a.b",
        "/a", "", "java\tscript:x", "https://a b", 'https://a"b', "ftp://a.b", "mailto:a@b.c",
    ],
)  # fmt: skip
def test_only_a_web_address_becomes_a_link(url: str) -> None:
    assert web_url(url) == ""


def test_a_web_address_stays_as_it_is() -> None:
    assert web_url("https://github.com/a/b/issues/1#issuecomment-2") == "https://github.com/a/b/issues/1#issuecomment-2"
    assert web_url("HTTP://a.b") == "HTTP://a.b"


def test_steps_stand_in_the_order_in_which_they_began() -> None:
    journal = {
        "beta#1": Record("done", 0, began=10, took=5),
        "alpha#1": Record("begun", 1, began=20),
        "zeta#1": Record("done", 0, began=12, took=1),
    }
    raw = {name: encode(record) for name, record in journal.items()} | {"newer#1": b"\xc1"}
    assert list(steps_of(raw)) == ["newer#1", "beta#1", "zeta#1", "alpha#1"]
    assert steps_of(raw)["newer#1"].error == "written by newer code"
    # Records older than the times: by how many had finished before.
    old = {"b#1": encode(Record("done", 0)), "a#1": encode(Record("done", 1))}
    assert list(steps_of(old)) == ["b#1", "a#1"]


def test_a_steps_result_is_shown_as_json() -> None:
    assert preview(b"") == ""
    assert preview(encode({"kg": 240})) == '{\n  "kg": 240\n}'
    assert preview(encode(b'{"a":1}')) == '{\n  "a": 1\n}'
    assert preview(encode(b"\xff")) == "3 bytes"
    assert len(preview(encode("x" * 5000))) == PREVIEW + 1
    assert preview(encode("x" * 200_000)).endswith(" bytes")


def test_reasons_that_differ_in_ids_alone_are_one() -> None:
    assert (
        general_reason("attempt 3 of 'price 17' failed")
        == general_reason("attempt 1 of 'x' failed")
        == "attempt … of … failed"
    )
    assert general_reason("turn 3f9a2b7c0d1e failed") == general_reason("turn 00ff11aa22bb failed")
    assert general_reason("the database is away") == "the database is away"
    assert len(general_reason("'" * 100_000)) <= 200
