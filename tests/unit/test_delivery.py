"""Deliveries that `send` makes: signed as their providers would, guessed where a payload tells too little."""

from __future__ import annotations

import time
from pathlib import Path

import click
import pytest

from answerback.events import Event
from answerback.platforms.registry import PLATFORMS
from tests.fixtures.deliveries import DELIVERIES, load, names
from tools.commands.delivery import Delivery, message, payload, signed

ROOT = Path(__file__).parents[2]
URL = "https://bot.example/webhooks/it"


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_providers_payload_is_signed_as_the_provider_would(platform: str) -> None:
    secret, other = PLATFORMS[platform].SETTINGS.new_secret(), PLATFORMS[platform].SETTINGS.new_secret()
    assert names(platform)
    for name in names(platform):
        fixture = load(platform, name)
        # A form can only be given with its headers.
        is_form = fixture.headers["content-type"].startswith("application/x-www-form-urlencoded")
        sent = signed(
            payload(
                PLATFORMS[platform],
                (DELIVERIES / platform / f"{name}.json").read_bytes() if is_form else fixture.body,
                event=None if platform != "github" else fixture.headers["x-github-event"],
                delivery=None,
            ),
            [secret],
            URL,
        )
        assert PLATFORMS[platform].verify([secret], sent.at(URL), time.time()) is None, name
        assert PLATFORMS[platform].verify([other], sent.at(URL), time.time()), name
        PLATFORMS[platform].parse(sent.received)


def test_github_events_are_known_by_their_payload() -> None:
    for name in names("github"):
        if not name.startswith("star"):
            fixture = load("github", name)
            sent = payload(PLATFORMS["github"], fixture.body, event=None, delivery=None)
            assert sent.headers["x-github-event"] == fixture.headers["x-github-event"], name


def test_a_payload_of_no_known_kind_asks_for_its_event() -> None:
    with pytest.raises(click.UsageError, match="--event"):
        payload(PLATFORMS["github"], load("github", "star.created").body, event=None, delivery=None)


@pytest.mark.parametrize("raw", [b"{", b'"\xff"', b"[" * 1_000_000])
def test_what_is_no_json_is_no_payload(raw: bytes) -> None:
    with pytest.raises(click.UsageError, match="not JSON"):
        payload(PLATFORMS["github"], raw, event=None, delivery=None)


def test_a_fixture_keeps_its_delivery_and_a_bare_payload_gets_a_new_one() -> None:
    raw = (ROOT / "answerback/testing/deliveries/github/issues.opened.json").read_bytes()
    kept = [payload(PLATFORMS["github"], raw, event=None, delivery=None).headers["x-github-delivery"] for _ in range(2)]
    assert kept == [load("github", "issues.opened").headers["x-github-delivery"]] * 2
    bare = load("github", "issues.opened").body
    fresh = [
        payload(PLATFORMS["github"], bare, event=None, delivery=None).headers["x-github-delivery"] for _ in range(2)
    ]
    assert fresh[0] != fresh[1]


def test_a_message_is_never_mistaken_for_our_own() -> None:
    sent = message("hello", thread="t", author="answerback", delivery=None)
    [event] = PLATFORMS["standard"].parse(sent.received)  # type: ignore[misc]
    assert isinstance(event, Event)
    assert event.thread == "standard:t"
    assert event.direct
    assert "user:answerback" not in event.identities
    assert isinstance(sent, Delivery)
