"""The webhooks that the stand-ins send, and their process."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import aiohttp
import pytest

from answerback.testing.standins import sender, signatures
from answerback.testing.standins.options import Options
from tests.standins.bench import GITHUB, TOKENS, Bench, Receiver, app_token
from tests.standins.client import StandIns


async def test_our_own_messages_come_back_as_signed_webhooks(bench: Bench, receiver: Receiver) -> None:
    comment = await bench.comment("mine")
    posted = await bench.slack("chat.postMessage", channel="D1", text="mine too")
    assert [one["status"] for one in await bench.standins.wait_for_deliveries(2)] == ["OK", "OK"]
    (path, headers, body), (slack_path, slack_headers, slack_body) = sorted(receiver.got)
    assert (path, headers["x-github-event"]) == ("/webhooks/github", "issue_comment")
    assert headers["x-hub-signature-256"] == signatures.github(Options.github_secret, body)
    assert f'"id":{comment["id"]}'.encode() in body
    assert b'"type":"User"' in body
    assert slack_path == "/webhooks/slack"
    stamp = int(slack_headers["x-slack-request-timestamp"])
    assert slack_headers["x-slack-signature"] == signatures.slack(Options.slack_secret, stamp, slack_body)
    for part in (posted["ts"], "B0ANSWERBOT", '"channel_type":"im"'):
        assert part.encode() in slack_body


async def test_an_apps_comment_comes_back_as_the_bots(bench: Bench, receiver: Receiver) -> None:
    token = (await bench.ask("POST", TOKENS, headers=app_token()))[1]["token"]
    await bench.comment("mine", headers={"Authorization": f"Bearer {token}"})
    await bench.standins.wait_for_deliveries(1)
    ((_, headers, body),) = receiver.got
    assert headers["x-github-hook-installation-target-type"] == "integration"
    for part in (b'"installation":{"id":55', b'"type":"Bot"', b'"performed_via_github_app":{"id":1234'):
        assert part in body
    found = (await bench.ask("GET", "/github/app/hook/deliveries", headers=app_token()))[1]
    assert [one["guid"] for one in found] == [headers["x-github-delivery"]]


async def test_a_failed_delivery_is_listed_and_sent_again_on_request(bench: Bench, receiver: Receiver) -> None:
    hooks = (await bench.ask("GET", "/github/repos/acme/widgets/hooks", headers=GITHUB))[1]
    deliveries = f"/github/repos/acme/widgets/hooks/{hooks[0]['id']}/deliveries"
    lost = [sender.GitHub().issue_comment(f"lost {number}") for number in range(3)]
    for delivery in lost:
        await bench.standins.fail_delivery(delivery, 503)
    await bench.standins.fail_delivery(sender.GitHub(repo="acme/other").issue_comment("elsewhere"))
    status, found, headers = await bench.ask("GET", f"{deliveries}?per_page=2", headers=GITHUB)
    assert [one["guid"] for one in found] == [lost[2].id, lost[1].id]
    assert (status, found[0]["status_code"], found[0]["redelivery"]) == (200, 503, False)
    following = re.search(r'<([^>]+)>; rel="next"', headers["link"])
    assert following is not None
    (oldest,) = (await bench.ask("GET", following[1], headers=GITHUB))[1]
    assert oldest["guid"] == lost[0].id
    assert (await bench.ask("POST", f"{deliveries}/{oldest['id']}/attempts", headers=GITHUB))[0] == 202
    await bench.standins.wait_for_deliveries(5)
    ((_, sent, body),) = receiver.got
    assert (sent["x-github-delivery"], body) == (lost[0].id, lost[0].body)
    newest = (await bench.ask("GET", deliveries, headers=GITHUB))[1][0]
    assert (newest["guid"], newest["redelivery"], newest["status"]) == (lost[0].id, True, "OK")
    assert (await bench.ask("POST", f"{deliveries}/1/attempts", headers=GITHUB))[0] == 404


async def test_the_process_starts_on_a_free_port_and_stops(tmp_path: Path) -> None:
    async with StandIns.start(tmp_path, github_token="ghp_other") as standins:
        environment = standins.environment()
        assert environment["GITHUB_TOKEN"] == "ghp_other"
        async with aiohttp.ClientSession() as session:
            headers = {"Authorization": f"Bearer {environment['GITHUB_TOKEN']}"}
            async with session.get(f"{environment['GITHUB_API_URL']}/user", headers=headers) as response:
                assert (await response.json())["login"] == "answerbot"
        hang = await standins.add_fault(do="hang")
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.05)) as session:
            with pytest.raises(asyncio.TimeoutError):
                await session.get(f"{standins.url}/github/user")
        assert await standins.fired(hang) == 1
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(standins.url)
