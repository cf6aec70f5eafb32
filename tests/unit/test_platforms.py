"""What the protocol demands of every platform, and how platforms of other distributions are registered."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import pytest

from answerback.errors import ConfigurationError
from answerback.platforms import Delivery, Headers, Platform
from answerback.platforms.registry import PLATFORMS, Registry, completed
from answerback.settings import Settings
from answerback.settings.platform import PlatformSettings
from tests import toy_platform
from tests.fixtures.distribution import install

EVERY: list[Platform] = [*PLATFORMS.values(), completed(toy_platform)]
every = pytest.mark.parametrize("platform", EVERY, ids=[platform.NAME for platform in EVERY])


def _completed(platform: Platform) -> Headers:
    event = None if "event" in platform.INAPPLICABLE else "issues"
    return platform.complete({}, {}, event=event, delivery=None)


@every
def test_names_are_fit_for_urls_and_for_people(platform: Platform) -> None:
    assert platform.NAME.isascii()
    assert platform.NAME.islower()
    assert platform.NAME.isalnum()
    assert platform.NAME != "chat", "the chat API has this name"
    assert platform.TITLE
    assert platform.CREDENTIAL.endswith(".")


@every
def test_the_secret_is_a_setting(platform: Platform) -> None:
    assert issubclass(platform.SETTINGS, PlatformSettings)
    assert platform.SETTINGS.model_fields["secrets"].alias == platform.SECRET
    assert platform.SETTINGS.model_validate({}).secrets == []


def test_no_two_platforms_share_a_variable_with_each_other_or_with_the_core() -> None:
    fields = [*Settings.variables(), *toy_platform.SETTINGS.model_fields.values()]
    names = [field.alias for field in fields]
    assert all(name and name == name.upper() for name in names)
    assert all(field.description for field in fields)
    assert len(set(names)) == len(names)


@every
def test_what_is_signed_is_verified(platform: Platform) -> None:
    secret, other = platform.SETTINGS.new_secret(), platform.SETTINGS.new_secret()
    now, body = time.time(), b'{"zen": "..."}'
    completed = _completed(platform)
    delivery = Delivery(completed, body, url=f"https://bot.example/webhooks/{platform.NAME}")
    signature = platform.sign(secret, delivery, now)
    headers = {**completed, **signature}

    def verified(secrets: list[str], headers: Headers = headers, body: bytes = body) -> bool:
        sent = msgspec.structs.replace(delivery, headers=headers, body=body)
        return platform.verify(secrets, sent, now) is None

    assert set(headers) <= set(platform.HEADERS)
    assert verified([other, secret])
    assert not verified([other])
    # Some platforms send a secret with each request, and sign no body.
    other_body = msgspec.structs.replace(delivery, body=body + b" ")
    assert verified([secret], body=other_body.body) == (platform.sign(secret, other_body, now) == signature)
    assert not verified([])
    assert not verified([secret], completed)
    assert not any(verified([secret], {**headers, name: ""}) for name in signature)


@every
def test_a_new_secret_is_a_valid_one_that_cannot_be_guessed(platform: Platform) -> None:
    secret = platform.SETTINGS.new_secret()
    settings = platform.SETTINGS.model_validate({platform.SECRET: secret})
    assert [each.get_secret_value() for each in settings.secrets] == [secret]
    assert not settings.guessable()


def test_a_short_secret_can_be_guessed_and_a_public_key_cannot() -> None:
    assert Settings.load({"GITHUB_WEBHOOK_SECRET": "hunter2"}).platform("github").guessable()
    assert Settings.load({"STANDARD_WEBHOOKS_SECRET": "whsec_aHVudGVyMg=="}).platform("standard").guessable()
    public = "whpk_MCowBQYDK2VwAyEAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    assert not Settings.load({"STANDARD_WEBHOOKS_SECRET": public}).platform("standard").guessable()


@pytest.mark.parametrize("platform", PLATFORMS.values(), ids=list(PLATFORMS))
def test_without_settings_nothing_is_posted_and_nothing_requested_again(platform: Platform) -> None:
    settings = Settings.load({})
    assert platform.client(settings) is None
    if platform.REDELIVERY:
        assert not platform.REDELIVERY.hooks(settings)
        assert platform.REDELIVERY.log(settings) is None
        assert platform.REDELIVERY.variable in {field.alias for field in platform.SETTINGS.model_fields.values()}


def test_an_installed_distribution_adds_a_platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(install(tmp_path, "acme-toy", town="tests.toy_platform"))
    assert list(Registry()) == [*PLATFORMS, "toy"]
    found = Registry()["toy"]
    assert (found.parse, found.METHODS) == (toy_platform.parse, ("POST", "GET"))
    # What it does not declare has a default.
    assert (found.READER, found.ACKNOWLEDGED, found.INAPPLICABLE["event"]) == (None, 202, "every payload is a message")
    assert found.complete({"a": "b"}, {}, event=None, delivery=None) == {"a": "b"}


@pytest.mark.parametrize(
    ("package", "problem"),
    [
        ("tests.missing_platform", "acme-toy .*cannot be imported: ModuleNotFoundError"),
        ("tests.fixtures", "acme-toy .*is incomplete: it lacks .*SETTINGS.*verify"),
        ("answerback.platforms.slack", "two packages declare the platform slack: uninstall acme-toy"),
    ],
)
def test_an_unusable_platform_is_named_with_its_distribution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, problem: str
) -> None:
    monkeypatch.syspath_prepend(install(tmp_path, "acme-toy", toy=package))
    with pytest.raises(ConfigurationError, match=problem):
        len(Registry())
