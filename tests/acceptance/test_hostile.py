"""Whatever strangers send: an answer below 500 or a closed connection, no error in the log, and no memory kept."""

from __future__ import annotations

import asyncio
import gzip
import time
import zlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from answerback import platforms
from answerback.platforms.written_down import body_of
from answerback.testing.standins.options import Options
from answerback.testing.standins.sender import GitHub, Standard
from answerback.testing.standins.signatures import Delivery
from tests.acceptance.raw import ask, exchange, request, webhook
from tests.acceptance.system import PATIENCE
from tests.acceptance.target import MEGABYTE, Target, civil
from tests.fixtures import deliveries
from tests.fixtures.deliveries import load
from tests.fixtures.hostile import MALFORMED, RUBBISH, mutated
from tests.fixtures.requests import LATE, SHAPES

SECRETS = {
    "github": "github-webhook-secret",
    "slack": "slack-signing-secret",
    "standard": Options.standard_secret,
    "telegram": Options.telegram_secret,
    "twilio": Options.twilio_token,
    "whatsapp": Options.whatsapp_secret,
}
KNOWN = {
    "GITHUB_WEBHOOK_SECRET": SECRETS["github"],
    "SLACK_SIGNING_SECRET": SECRETS["slack"],
    "TELEGRAM_WEBHOOK_SECRET": SECRETS["telegram"],
    "TWILIO_AUTH_TOKEN": SECRETS["twilio"],
    "WHATSAPP_APP_SECRET": SECRETS["whatsapp"],
    "WHATSAPP_VERIFY_TOKEN": Options.whatsapp_verify_token,
    "PUBLIC_URL": Options.twilio_url,
}
in_loop = pytest.mark.asyncio(loop_scope="module")
LIMIT = 26_214_400


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Target]:
    """One process for all of them, so that what one leaves behind meets the next."""
    async with Target.open(tmp_path_factory.mktemp("hostile"), **KNOWN) as opened:
        await ask(opened.port, webhook("standard", Standard().message("hello")))
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hasty(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Target]:
    """Another one, for requests that never end."""
    async with Target.open(tmp_path_factory.mktemp("hasty"), READ_TIMEOUT="1", **KNOWN) as opened:
        yield opened
        await opened.well()


@pytest_asyncio.fixture(loop_scope="module")
async def target(running: Target) -> AsyncIterator[Target]:
    """The same, looked at after each test."""
    yield running
    await running.well()


@pytest.mark.parametrize("name", SHAPES)
@in_loop
async def test_a_request_of_strange_shape(target: Target, hasty: Target, name: str) -> None:
    sent, statuses = SHAPES[name]
    found = await ask((hasty if statuses >= LATE else target).port, sent, end=not statuses)
    civil(found)
    assert {answer.status for answer in found} <= statuses, found
    # Of a client that goes on and on, the connection is reset, and it may not get to read why.
    assert found or not statuses or len(sent) > 60_000


PIECES = st.one_of(
    st.sampled_from(
        [b"GET ", b"POST ", b"/", b"/webhooks/github", b"/metrics", b" HTTP/1.1", b" HTTP/1.0", b"\r\n", b"\r\n\r\n",
         b"Host: x", b"Content-Length: 5", b"Content-Length: -1", b"Transfer-Encoding: chunked", b"5\r\nhello\r\n",
         b"0\r\n\r\n", b"Expect: 100-continue", b"Connection: keep-alive", b"Upgrade: websocket", b": ", b"\n", b"\xff",
         b"Content-Type: application/json", b"X-Hub-Signature-256: sha256=" + b"0" * 64, b"{}", b"a" * 9000]
    ),
    st.binary(max_size=20),
)  # fmt: skip


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PIECES, max_size=14))
def test_any_pieces_of_requests_in_any_order(target: Target, pieces: list[bytes]) -> None:
    found = exchange(target.port, b"".join(pieces) + b"\x00\r\n\r\n" * 3)
    civil(found)
    assert found


SAMPLES = {
    "github": "issue_comment.created",
    "slack": "message",
    "standard": "invoice.paid",
    "telegram": "message",
    "twilio": "message",
    "whatsapp": "text",
}


def signed(platform: str, body: bytes, number: int = 0, kind: str = "application/json") -> Delivery:
    """These bytes, as the platform would sign them now."""
    headers = dict(load(platform, SAMPLES[platform]).headers) | {"content-type": kind}
    for name in ("x-github-delivery", "webhook-id"):
        if name in headers:
            headers[name] = f"hostile-{number}"
    found = deliveries.signed(platform, platforms.Delivery(headers, body), SECRETS[platform], time.time())
    return Delivery(dict(found.headers), found.body, "")


@pytest.mark.parametrize("platform", SECRETS)
@in_loop
async def test_a_signed_body_that_is_rubbish(target: Target, platform: str) -> None:
    # Twilio signs the fields of a form: what is none cannot be verified.
    allowed = {"twilio": (200, 400, 401), "whatsapp": (200, 400)}.get(platform, (202, 400))
    for body in [*MALFORMED, *RUBBISH]:
        [found] = await ask(target.port, webhook(platform, signed(platform, body)))
        assert found.status in allowed, (body[:50], found)
        civil([found])


@pytest.mark.parametrize(
    ("platform", "name"), [*SAMPLES.items(), ("slack", "block_actions.button"), ("slack", "view_submission")]
)
@in_loop
async def test_a_signed_body_with_fields_gone_or_replaced(target: Target, platform: str, name: str) -> None:
    whole, kind = deliveries.content(platform, name), load(platform, name).headers["content-type"]

    async def send(seed: int) -> None:
        body = body_of({"content-type": kind}, mutated(whole, seed))
        found = await ask(target.port, webhook(platform, signed(platform, body, seed, kind)))
        assert [answer.status for answer in found] in ([200], [202], [400]), (seed, found)

    for start in range(0, 300, 30):
        await asyncio.gather(*[send(seed) for seed in range(start, start + 30)])


@in_loop
async def test_30_megabytes_are_refused_before_they_are_read(target: Target) -> None:
    size = target.size()
    large = Delivery(GitHub().ping().headers, bytes(30 * MEGABYTE), "")
    async with asyncio.TaskGroup() as group:
        told = [group.create_task(ask(target.port, webhook("github", large))) for _ in range(4)]
    assert [[answer.status for answer in each.result()] for each in told] == [[413]] * 4
    assert target.size() - size < 8 * MEGABYTE
    # Without a length it is read as far as the limit goes.
    sent = request("POST /webhooks/github", "Content-Type: application/json", "Transfer-Encoding: chunked")
    chunk = b"%x\r\n" % MEGABYTE + bytes(MEGABYTE) + b"\r\n"
    found = await ask(target.port, sent, *[chunk] * 30, b"0\r\n\r\n")
    assert [answer.status for answer in found] == [413]


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "x"])
@in_loop
async def test_an_archive_is_not_unpacked(target: Target, coding: str) -> None:
    bomb = gzip.compress(bytes(50 * MEGABYTE)) if coding.startswith("gzip") else zlib.compress(bytes(50 * MEGABYTE))
    packed = Delivery(GitHub().ping().headers, bomb, "")
    found = await ask(target.port, webhook("github", packed, f"Content-Encoding: {coding}"))
    assert [answer.status for answer in found] == [415]
    sent = request("GET /metrics", f"Content-Encoding: {coding}", f"Content-Length: {len(bomb)}", body=bomb)
    assert [answer.status for answer in await ask(target.port, sent)] == [200]


@in_loop
async def test_a_body_that_is_expected_is_asked_for_and_one_that_is_too_large_is_not(target: Target) -> None:
    delivery = Standard().message("hello")
    head, _, body = webhook("standard", delivery, "Expect: 100-continue").partition(b"\r\n\r\n")
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    writer.write(head + b"\r\n\r\n")
    assert await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE) == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(body)
    assert (await asyncio.wait_for(reader.readline(), PATIENCE)).startswith(b"HTTP/1.1 202")
    writer.close()
    sent = webhook("standard", Delivery(delivery.headers, b"", ""), "Expect: 100-continue", length=LIMIT + 1)
    assert [answer.status for answer in await ask(target.port, sent, head=True)] == [413]


@in_loop
async def test_requests_in_a_row_are_answered_in_their_order(target: Target) -> None:
    many = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n" * 200
    found = await ask(target.port, many + request("GET /health/live"))
    assert [answer.status for answer in found] == [200, 404] * 200 + [200]


@in_loop
async def test_what_is_smuggled_behind_a_body_is_not_answered_as_a_request(target: Target) -> None:
    """One that a proxy took for the body of another, and we do not: there is no such reading of ours."""
    hidden = request("GET /metrics")
    for more in ("Transfer-Encoding: chunked", "Transfer-Encoding: x, chunked", "Content-Length: 0"):
        sent = request(
            "POST /webhooks/github", "Content-Type: application/json", f"Content-Length: {len(hidden) + 5}", more,
            body=b"0\r\n\r\n" + hidden,
        )  # fmt: skip
        found = await ask(target.port, sent)
        assert [answer.status for answer in found] == [400]


@in_loop
async def test_a_client_that_leaves_in_the_middle_is_nothing_to_speak_of(target: Target) -> None:
    whole = webhook("standard", Standard().message("hello" * 1000))
    for at in range(0, len(whole), 331):
        _, writer = await asyncio.open_connection("127.0.0.1", target.port)
        writer.write(whole[:at])
        await writer.drain()
        writer.transport.abort()
