from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerback.platforms import Delivery, github
from tests.fixtures.deliveries import load, signed
from tests.fixtures.hostile import TEXT

SECRET = "a webhook secret"
NOW = 1_740_823_200.0


def test_the_documented_signature_is_good() -> None:
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    headers = {"x-hub-signature-256": signature}
    assert github.verify(["It's a Secret to Everybody"], Delivery(headers, b"Hello, World!"), NOW) is None
    assert github.verify(["It's a Secret to Everybody"], Delivery(headers, b"Hello, World?"), NOW)


def test_a_signature_by_any_of_several_secrets_is_good() -> None:
    delivery = signed("github", load("github", "issues.opened"), SECRET, NOW)
    assert github.verify(["another", SECRET], delivery, NOW) is None
    assert "does not match" in (github.verify(["another", "third"], delivery, NOW) or "")


def test_without_a_secret_nothing_is_good_not_even_a_signature_by_the_empty_one() -> None:
    delivery = signed("github", load("github", "issues.opened"), "", NOW)
    assert "GITHUB_WEBHOOK_SECRET" in (github.verify([], delivery, NOW) or "")
    assert github.verify([""], delivery, NOW)


def test_a_sha1_signature_alone_is_refused() -> None:
    headers = {"x-hub-signature": "sha1=0123456789012345678901234567890123456789"}
    assert "no X-Hub-Signature-256" in (github.verify([SECRET], Delivery(headers, b"{}"), NOW) or "")


@pytest.mark.parametrize(
    "value",
    ["", "sha256=", "sha256=" + "0" * 64, "sha1=" + "0" * 66, "sha256=" + "é" * 64, "sha256=" + "\udcff" * 64,
     "sha256=" + "0" * 100_000, "\x00" * 71, "sha256=" + "²" * 64],
)  # fmt: skip
def test_a_hostile_signature_is_refused(value: str) -> None:
    assert github.verify([SECRET], Delivery({"x-hub-signature-256": value}, b"{}"), NOW)


@given(st.dictionaries(st.sampled_from(["x-hub-signature-256", "x"]), TEXT), st.binary())
def test_verify_never_raises(headers: dict[str, str], body: bytes) -> None:
    assert isinstance(github.verify([SECRET, "\udcff"], Delivery(headers, body), NOW), str)
