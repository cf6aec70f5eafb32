"""What ingress answers, whatever it is sent: never a 500, and a 202 only for what is stored."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from contextlib import ExitStack
from typing import Any

import aiohttp
import pytest

from answerback.store import keys
from answerback.store.access.api_keys import ApiKeys
from answerback.testing.standins.sender import GitHub, Slack, Standard
from answerback.testing.standins.signatures import Delivery
from tests.acceptance.system import System, free_port, until

SECRETS = {
    "GITHUB_WEBHOOK_SECRET": "new-secret,github-webhook-secret",
    "SLACK_SIGNING_SECRET": "slack-signing-secret",
    "WEBHOOK_BODY_LIMIT": "100000",
}


async def _ask(system: System, method: str, path: str, **options: Any) -> tuple[int, dict[str, str], str]:
    async with (
        aiohttp.ClientSession(auto_decompress=False) as session,
        session.request(method, f"http://127.0.0.1:{system.port}{path}", **options) as answer,
    ):
        return answer.status, dict(answer.headers), await answer.text()


async def test_each_kind_of_request_gets_its_answer(plain: System) -> None:
    process = await plain.ingress(**SECRETS)
    github, good = GitHub(), GitHub().issue_comment("hello", number=1)

    status, headers, body = await _ask(plain, "GET", "/webhooks/github")
    assert (status, headers["Allow"]) == (405, "POST")
    status, _, body = await _ask(plain, "POST", "/webhooks/myspace", data=b"{}")
    assert status == 404
    headers = {**good.headers, "Content-Type": "text/plain"}
    status, _, body = await _ask(plain, "POST", "/webhooks/github", data=good.body, headers=headers)
    assert status == 415
    headers = {**good.headers, "Content-Encoding": "gzip"}
    status, _, body = await _ask(plain, "POST", "/webhooks/github", data=good.body, headers=headers)
    assert status == 415
    status, _, body = await _ask(plain, "POST", "/webhooks/github", data=b"x" * 100_001, headers=good.headers)
    assert status == 413

    async def chunks() -> Any:
        for _ in range(200):
            yield b"x" * 1000

    status, _, body = await _ask(plain, "POST", "/webhooks/github", data=chunks(), headers=good.headers)
    assert status == 413
    status, _, body = await _ask(plain, "POST", "/webhooks/github", data=good.body + b" ", headers=good.headers)
    assert status == 401
    assert "secret" not in body
    for headers in ({}, {"X-Hub-Signature-256": "sha256=\xff"}, {"X-Hub-Signature": "sha1=abc"}):
        wrong = {"Content-Type": "application/json", "X-GitHub-Event": "issues", **headers}
        assert (await _ask(plain, "POST", "/webhooks/github", data=good.body, headers=wrong))[0] == 401
    status, _ = await plain.post("github", GitHub(secret="another").issue_comment("hello"))
    assert status == 401
    status, receipt = await plain.post("github", github.signed("issues", {"action": "opened"}, "broken-1"))
    assert status == 400, receipt
    status, receipt = await plain.post("github", github.ping())
    assert status == 200
    greeting = Slack().url_verification()
    status, _, body = await _ask(plain, "POST", "/webhooks/slack", data=greeting.body, headers=greeting.headers)
    assert (status, body) == (200, "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P")
    status, receipt = await plain.post("github", good)
    assert (status, receipt["status"], receipt["reason"]) == (202, "accepted", None)
    status, again = await plain.post("github", good)
    assert (status, again["status"]) == (202, "duplicate")
    assert (again["dispatch_id"], again["thread"]) == (receipt["dispatch_id"], receipt["thread"])
    assert (await plain.queues()).accepted == 1
    assert '"level": "error"' not in process.words()


async def test_a_secret_may_be_rotated_without_a_gap(plain: System) -> None:
    await plain.ingress(**SECRETS)
    for secret in ("github-webhook-secret", "new-secret"):
        status, receipt = await plain.post("github", GitHub(secret=secret).issue_comment("hello"))
        assert (status, receipt["status"]) == (202, "accepted")


async def test_an_old_signature_is_refused(plain: System) -> None:
    await plain.ingress(**SECRETS)
    now = int(time.time())
    for at, expected in ((now - 290, 202), (now - 310, 401), (now + 310, 401)):
        status, _ = await plain.post("standard", Standard().message("hello", at=at))
        assert status == expected, at


async def test_a_platform_that_is_not_configured_is_not_found_and_the_log_says_what_is_missing(plain: System) -> None:
    process = await plain.ingress()
    status, _, body = await _ask(plain, "POST", "/webhooks/github", data=b"{}")
    assert status == 404
    assert "GITHUB_WEBHOOK_SECRET" not in body
    assert "GITHUB_WEBHOOK_SECRET" in process.words()


@pytest.mark.parametrize("how", ["killed", "paused"])
async def test_while_redis_is_away_the_answer_is_503_and_nothing_acknowledged_is_lost(plain: System, how: str) -> None:
    await plain.ingress(**SECRETS, ACCEPT_TIMEOUT="1")
    before = Standard().message("before")
    await plain.deliver("standard", before)
    if how == "killed":
        await asyncio.to_thread(plain.server.kill)
    else:
        _signal(plain, signal.SIGSTOP)
    during = Standard().message("during")
    async with aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{plain.port}/webhooks/standard"
        async with session.post(url, data=during.body, headers=during.headers) as answer:
            assert answer.status == 503
            assert int(answer.headers["Retry-After"]) > 0
    status, _, _ = await _ask(plain, "GET", "/health/ready")
    assert status == 503
    assert (await _ask(plain, "GET", "/health/live"))[0] == 200
    if how == "killed":
        await asyncio.to_thread(plain.server.start)
    else:
        _signal(plain, signal.SIGCONT)
    assert (await plain.deliver("standard", before))["status"] == "duplicate"
    await plain.deliver("standard", during)
    assert (await until(plain.queues)).accepted == 2


async def test_an_edit_changes_what_still_waits_and_a_deletion_takes_it_back(plain: System) -> None:
    await plain.ingress(**SECRETS)
    slack = Slack()
    for number, text in enumerate(("first", "secnod", "third")):
        await plain.deliver("slack", slack.message(text, ts=f"1700000000.00010{number}", thread_ts="1700000000.000100"))
    edit = slack.changed("second", ts="1700000000.000101", thread_ts="1700000000.000100")
    assert (await plain.post("slack", edit))[1]["reason"] == "changed a waiting event"
    deletion = slack.deleted(ts="1700000000.000102", thread_ts="1700000000.000100")
    assert (await plain.post("slack", deletion))[1]["reason"] == "removed a waiting event"
    await plain.worker("tests.acceptance.agents:echoes")
    await plain.quiet(2)
    [thread] = [id.decode() for id in await plain.database.call("ZRANGE", keys.threads(0), 0, -1)]
    assert await plain.answers(thread) == ["echo: first", "echo: second"]
    late = slack.changed("too late", ts="1700000000.000101", thread_ts="1700000000.000100")
    assert (await plain.post("slack", late))[1]["reason"] == "changed the history"
    assert await plain.answers(thread) == ["echo: first", "echo: second"]


async def test_a_slow_client_is_sent_away(plain: System) -> None:
    await plain.ingress(**SECRETS, READ_TIMEOUT="0.5")
    delivery: Delivery = GitHub().issue_comment("hello")
    reader, writer = await asyncio.open_connection("127.0.0.1", plain.port)
    head = "".join(f"{name}: {value}\r\n" for name, value in delivery.headers.items())
    writer.write(
        f"POST /webhooks/github HTTP/1.1\r\nHost: x\r\n{head}Content-Length: {len(delivery.body)}\r\n\r\n".encode()
    )
    writer.write(delivery.body[:10])
    answer = await asyncio.wait_for(reader.readline(), 30)
    assert answer.startswith(b"HTTP/1.1 408")
    writer.close()


async def test_clients_that_have_only_just_come_do_not_hold_up_its_end(plain: System) -> None:
    process = await plain.ingress()
    with ExitStack() as clients:
        # It gets to know of all of this at once.
        process.signal(signal.SIGSTOP)
        for _ in range(20):
            clients.enter_context(socket.create_connection(("127.0.0.1", plain.port)))
        process.signal(signal.SIGTERM)
        process.signal(signal.SIGCONT)
        # Requests that have begun would have ten seconds.
        assert await process.wait(within=8) == 0


async def test_metrics_tell_of_deliveries_and_queues(plain: System) -> None:
    await plain.ingress(**SECRETS)
    await plain.deliver("standard", Standard().message("hello"))
    _, _, body = await _ask(plain, "GET", "/metrics")
    assert 'answerback_deliveries_total{platform="standard",status="202"} 1.0' in body
    assert "answerback_events_waiting 1.0" in body


def _signal(system: System, signum: signal.Signals) -> None:
    os.kill(system.server.pid, signum)


@pytest.mark.parametrize("module", ["ingress", "worker"])
async def test_a_redis_that_may_throw_events_away_is_refused_in_words(plain: System, module: str) -> None:
    await plain.database.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    process = await plain.start(module, PORT=str(plain.port))
    assert await process.wait() == 1
    assert "maxmemory-policy is allkeys-lru" in process.words()
    assert "Traceback" not in process.words()


async def test_who_may_read_metrics_and_what_strangers_are_allowed(plain: System) -> None:
    port = free_port()
    watched = {"METRICS_PORT": str(port), "METRICS_TOKEN": "scrape", "WRONG_KEY_RATE_PER_IP": "0.01:3"}
    await plain.ingress(**SECRETS, **watched, SESSION_RATE_PER_IP="0.01:2")
    assert (await _ask(plain, "GET", "/metrics"))[0] == 404
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        async with session.get("/metrics") as answer:
            assert answer.status == 401
        async with session.get("/metrics", headers={"Authorization": "Bearer scrape"}) as answer:
            assert "answerback_deliveries" in await answer.text()
        async with session.get("/health/ready") as answer:
            assert answer.status == 200

    _, shown = await ApiKeys(plain.database).create(origins=["https://shop.example"])
    page = {"Authorization": f"Bearer {shown}", "Origin": "https://shop.example"}
    path = "/api/v1/chat/sessions"
    opened = [await _ask(plain, "POST", path, json={}, headers=page) for _ in range(3)]
    assert [status for status, _, _ in opened] == [201, 201, 429]
    assert int(opened[-1][1]["Retry-After"]) > 0

    wrong = {"Authorization": f"Bearer ab_live_{'0' * 16}_{'a' * 40}"}
    answers = [await _ask(plain, "GET", "/api/v1/me", headers=wrong) for _ in range(4)]
    assert [status for status, _, _ in answers] == [401, 401, 401, 429]
    # The key of the page was good before, and is not held up.
    assert (await _ask(plain, "GET", "/api/v1/me", headers=page))[0] == 403
    assert {headers["Server"] for _, headers, _ in (*opened, *answers)} == {"Answerback"}
