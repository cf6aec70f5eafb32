from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerback.platforms import Delivery, slack
from tests.fixtures.deliveries import load, signed
from tests.fixtures.hostile import TEXT

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
NOW = 1_531_420_618.0


def test_the_documented_signature_is_good() -> None:
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    headers = {
        "x-slack-request-timestamp": "1531420618",
        "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }
    assert slack.verify([SECRET], Delivery(headers, body), NOW) is None
    assert slack.verify([SECRET], Delivery(headers, body + b"&"), NOW)


def test_a_signature_by_any_of_several_secrets_is_good() -> None:
    delivery = signed("slack", load("slack", "message"), SECRET, NOW)
    assert slack.verify(["another", SECRET], delivery, NOW) is None
    assert "does not match" in (slack.verify(["another"], delivery, NOW) or "")
    assert "SLACK_SIGNING_SECRET" in (slack.verify([], delivery, NOW) or "")
    assert slack.verify([""], signed("slack", load("slack", "message"), "", NOW), NOW)


@pytest.mark.parametrize(("offset", "good"), [(-300, True), (300, True), (-301, False), (301, False), (1e9, False)])
def test_a_signature_is_good_for_five_minutes_either_way(offset: float, good: bool) -> None:
    delivery = signed("slack", load("slack", "message"), SECRET, NOW)
    assert (slack.verify([SECRET], delivery, NOW + offset) is None) is good


@pytest.mark.parametrize(
    "timestamp",
    [
        "",
        "nan",
        "inf",
        "-1531420618",
        "1e9",
        "1531420618.0",
        " 1531420618",
        "１５３１４２０６１８",
        "²",
        "9" * 5000,
        "\udcff",
    ],
)
def test_a_hostile_timestamp_is_refused(timestamp: str) -> None:
    headers = {"x-slack-request-timestamp": timestamp, "x-slack-signature": "v0=" + "0" * 64}
    assert slack.verify([SECRET], Delivery(headers, b"{}"), NOW)


@pytest.mark.parametrize("signature", ["", "v0=", "v1=" + "0" * 64, "v0=" + "é" * 64, "v0=" + "\udcff" * 64, "0" * 67])
def test_a_hostile_signature_is_refused(signature: str) -> None:
    headers = {"x-slack-request-timestamp": "1531420618", "x-slack-signature": signature}
    assert slack.verify([SECRET], Delivery(headers, b"{}"), NOW)


@given(st.dictionaries(st.sampled_from(["x-slack-request-timestamp", "x-slack-signature"]), TEXT), st.binary())
def test_verify_never_raises(headers: dict[str, str], body: bytes) -> None:
    assert isinstance(slack.verify([SECRET, "\udcff"], Delivery(headers, body), NOW), str)
    assert isinstance(
        slack.verify([SECRET], Delivery({"x-slack-request-timestamp": "1531420618", **headers}, body), NOW), str
    )
