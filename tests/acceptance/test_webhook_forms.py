"""Webhooks in the forms in which senders really bring them: other names for JSON, other paths, forms of Slack's."""

from __future__ import annotations

import json
import time

import aiohttp

from answerback.platforms import Delivery
from answerback.testing.standins.options import Options
from tests.acceptance.system import System
from tests.acceptance.test_refusals import counted
from tests.fixtures.deliveries import load, signed

GITHUB, SLACK = "a secret", "slack-signing-secret"
SECRETS = {"GITHUB_WEBHOOK_SECRET": GITHUB, "SLACK_SIGNING_SECRET": SLACK}


async def _bring(
    system: System, platform: str, delivery: Delivery, secret: str, path: str = "", *, unnamed: bool = False
) -> tuple[int, str]:
    ready = signed(platform, delivery, secret, time.time())
    headers, body = dict(ready.headers), ready.body
    if unnamed:
        del headers["content-type"]
    url = f"http://127.0.0.1:{system.port}{path or f'/webhooks/{platform}'}"
    async with (
        aiohttp.ClientSession(skip_auto_headers=["Content-Type"]) as session,
        session.post(url, data=body, headers=headers) as answer,
    ):
        return answer.status, await answer.text()


async def test_a_body_is_read_by_whatever_name_it_is_json(plain: System) -> None:
    await plain.ingress(**SECRETS)
    for name in ("cloudevents_type", "jsonapi_type", "identity_encoding"):
        delivery = load("standard", f"message.created.{name}")
        assert (await _bring(plain, "standard", delivery, Options.standard_secret))[0] == 202, name
    flat, whole = load("standard", "message.created.flat"), load("standard", "message.created")
    assert (await _bring(plain, "standard", flat, Options.standard_secret, unnamed=True))[0] == 202
    marked = Delivery(whole.headers, b"\xef\xbb\xbf" + whole.body)
    assert (await _bring(plain, "standard", marked, Options.standard_secret))[0] == 202
    compressed = Delivery({**whole.headers, "content-encoding": "gzip"}, whole.body)
    assert (await _bring(plain, "standard", compressed, Options.standard_secret))[0] == 415
    assert (await plain.queues()).accepted == 5


async def test_a_slash_at_the_end_of_the_path_changes_nothing(plain: System) -> None:
    await plain.ingress(**SECRETS)
    delivery = load("github", "issue_comment.created.trailing_slash")
    status, receipt = await _bring(plain, "github", delivery, GITHUB, "/webhooks/github/")
    assert (status, '"accepted"' in receipt) == (202, True)
    status, receipt = await _bring(plain, "github", delivery, GITHUB)
    assert (status, '"duplicate"' in receipt) == (202, True)
    assert (await _bring(plain, "github", delivery, "another", "/webhooks/github/"))[0] == 401


async def test_what_slack_shows_to_a_person_is_empty_and_what_it_drops_is_in_log_and_metrics(plain: System) -> None:
    process = await plain.ingress(**SECRETS)
    for name in ("command", "block_actions.button", "view_submission", "shortcut", "message_action", "view_closed"):
        assert await _bring(plain, "slack", load("slack", name), SLACK) == (200, ""), name
    assert (await plain.queues()).accepted == 5
    assert await _bring(plain, "slack", load("slack", "block_suggestion"), SLACK) == (200, '{"options":[]}')
    status, receipt = await _bring(plain, "slack", load("slack", "app_rate_limited"), SLACK)
    assert (status, "Slack drops events" in receipt) == (202, True)
    assert "Slack drops events" in process.words()
    warned = {("slack", "events dropped"): 1.0}
    assert await counted(plain, "answerback_webhooks_warned") == warned


async def test_a_repeat_under_a_used_id_names_the_thread_of_the_first(plain: System) -> None:
    await plain.ingress(**SECRETS)
    receipts = []
    for name in ("first", "again"):
        delivery = load("standard", f"message.created.reused_id.{name}")
        status, receipt = await _bring(plain, "standard", delivery, Options.standard_secret)
        assert status == 202
        receipts.append(json.loads(receipt))
    assert [receipt.pop("status") for receipt in receipts] == ["accepted", "duplicate"]
    assert receipts[0] == receipts[1]
    assert receipts[0]["thread"] == "standard:first"


async def test_one_comment_told_by_two_webhooks_is_one_event(plain: System) -> None:
    await plain.ingress(**SECRETS)
    for hook, expected in (("repository", "accepted"), ("organization", "duplicate")):
        delivery = load("github", f"issue_comment.created.twice.{hook}")
        status, receipt = await _bring(plain, "github", delivery, GITHUB)
        assert (status, json.loads(receipt)["status"]) == (202, expected)


async def test_one_mention_in_a_shared_channel_is_one_event(plain: System) -> None:
    await plain.ingress(**SECRETS)
    for name, expected in (("app_mention", "accepted"), ("message", "duplicate")):
        status, receipt = await _bring(plain, "slack", load("slack", f"shared_channel.{name}"), SLACK)
        assert (status, json.loads(receipt)["status"]) == (202, expected)
