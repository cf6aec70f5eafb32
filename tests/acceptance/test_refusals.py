"""Webhooks that are not what they say, or too many: refused, and counted by platform and reason."""

from __future__ import annotations

import re
import time

import pytest

from answerback.testing.standins.sender import GitHub, Slack, Standard
from answerback.testing.standins.signatures import Delivery
from tests.acceptance.raw import Answer, ask, request, webhook
from tests.acceptance.system import System

SECRETS = {"GITHUB_WEBHOOK_SECRET": "github-webhook-secret", "SLACK_SIGNING_SECRET": "slack-signing-secret"}


async def send(system: System, platform: str, delivery: Delivery, *headers: str) -> Answer:
    """One webhook, with more headers."""
    [answer] = await ask(system.port, webhook(platform, delivery, *headers))
    return answer


async def counted(system: System, name: str) -> dict[tuple[str, ...], float]:
    """The values of a counter, by its labels in their alphabetical order."""
    [answer] = await ask(system.port, request("GET /metrics"))
    lines = re.findall(rf"^{name}_total{{(.*)}} (\S+)$", answer.body.decode(), re.MULTILINE)
    return {tuple(re.findall(r'"([^"]*)"', labels)): float(value) for labels, value in lines}


def without(delivery: Delivery, header: str) -> Delivery:
    """The delivery, a header stripped."""
    headers = {name: value for name, value in delivery.headers.items() if name.lower() != header.lower()}
    assert headers != delivery.headers
    return delivery._replace(headers=headers)


async def test_what_is_not_signed_as_it_should_be_is_401_and_counted_by_its_reason(plain: System) -> None:
    process = await plain.ingress(**SECRETS)
    github, slack, standard = GitHub().issue_comment("hello"), Slack().message("hello"), Standard().message("hello")
    old = int(time.time()) - 400
    stamped = {**slack.headers, "X-Slack-Request-Timestamp": "²"}
    wrong: dict[tuple[str, str], list[tuple[Delivery, tuple[str, ...]]]] = {
        ("github", "unsigned"): [(without(github, "X-Hub-Signature-256"), ())],
        ("github", "malformed"): [(without(github, "X-Hub-Signature-256"), ("X-Hub-Signature-256: sha256=abc",))],
        ("github", "mismatch"): [
            (GitHub(secret="another").issue_comment("hello"), ()),
            (github._replace(body=github.body + b" "), ()),
            # Signed by a secret that is known here, and belongs to another platform.
            (GitHub(secret="slack-signing-secret").issue_comment("hello"), ()),
        ],
        ("github", "doubled"): [
            (github, (f"{name}: {value}",))
            for name, value in {**github.headers, "X-GitHub-Event": "ping", "x-hub-signature-256": "sha256=x"}.items()
            if name.lower() in ("x-hub-signature-256", "x-github-event", "x-github-delivery")
        ],
        ("slack", "unsigned"): [(slack._replace(headers=github.headers), ())],
        ("slack", "malformed"): [(slack._replace(headers=stamped), ())],
        ("slack", "doubled"): [(slack, (f"X-Slack-Request-Timestamp: {int(time.time())}",))],
        ("standard", "stale"): [
            (Standard().message("hello", at=old), ()),
            (Standard().message("hello", at=old + 800), ()),
        ],
        ("standard", "mismatch"): [(standard._replace(headers={**standard.headers, "webhook-id": "another"}), ())],
        ("standard", "unsigned"): [(without(standard, "webhook-timestamp"), ())],
        ("standard", "doubled"): [(standard, (f"webhook-signature: {standard.headers['webhook-signature']}",))],
    }
    for (platform, _), deliveries in wrong.items():
        for delivery, headers in deliveries:
            assert (await send(plain, platform, delivery, *headers)).status == 401
    found = await counted(plain, "answerback_webhooks_refused")
    assert found == {key: float(len(deliveries)) for key, deliveries in wrong.items()}
    assert (await plain.queues()).accepted == 0
    assert '"level": "error"' not in process.words()


async def test_so_many_a_second_from_one_address_and_no_more(plain: System) -> None:
    await plain.ingress(**SECRETS, WEBHOOK_RATE_PER_IP="0.001:3", TRUSTED_PROXIES="127.0.0.0/8, 10.0.0.1")

    async def status(*forwarded: str, platform: str = "github") -> Answer:
        delivery = GitHub().ping() if platform == "github" else Standard().message("hello")
        return await send(plain, platform, delivery, *(f"X-Forwarded-For: {each}" for each in forwarded))

    for _ in range(3):
        assert (await status("1.2.3.4")).status == 200
    over = await status("1.2.3.4")
    assert (over.status, over.headers["content-type"]) == (429, "application/problem+json; charset=utf-8")
    assert 900 < int(over.headers["retry-after"]) <= 1000
    # What a client says of itself, in front of what our proxies wrote, changes nothing.
    assert (await status("9.9.9.9, 1.2.3.4, 10.0.0.1")).status == 429
    assert (await status("9.9.9.9", "1.2.3.4")).status == 429
    assert (await status("1.2.3.4", platform="standard")).status == 429
    # Another address is another client.
    assert (await status("1.2.3.5")).status == 200
    assert (await status("2001:db8::1")).status == 200
    assert await counted(plain, "answerback_webhooks_limited") == {("ip", "github"): 3.0, ("ip", "standard"): 1.0}


async def test_so_many_a_second_for_one_platform_and_others_are_not_concerned(plain: System) -> None:
    await plain.ingress(**SECRETS, WEBHOOK_RATE_PER_PLATFORM="0.001:2")
    # Before it is known whose it is: an attacker's count too, and cost nothing more.
    for expected in (401, 401, 429):
        assert (await send(plain, "github", GitHub(secret="another").ping())).status == expected
    assert (await send(plain, "standard", Standard().message("hello"))).status == 202
    assert await counted(plain, "answerback_webhooks_limited") == {("platform", "github"): 1.0}


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
async def test_nobody_is_believed_who_is_not_trusted(plain: System, name: str) -> None:
    await plain.ingress(**SECRETS, WEBHOOK_RATE_PER_IP="0.001:1")
    statuses = [(await send(plain, "github", GitHub().ping(), f"{name}: 1.2.3.{at}")).status for at in range(3)]
    assert statuses == [200, 429, 429]
