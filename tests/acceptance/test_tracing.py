"""One trace leads from the webhook to the reply's request, also over a crash, as a collector receives it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from answerback.store.access.api_keys import ApiKeys
from answerback.testing.standins.sender import Standard
from tests.acceptance.otlp import Collector, Received, collector
from tests.acceptance.system import System, free_port, until
from tests.standins.client import StandIns

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACE, SPAN = CALLER.split("-")[1:3]


@pytest.fixture
async def spans() -> AsyncIterator[Collector]:
    async with collector(free_port()) as running:
        yield running


async def _received(spans: Collector, name: str, count: int = 1) -> list[Received]:
    async def named() -> list[Received]:
        return spans.named(name)

    return await until(named, lambda found: len(found) >= count, what=f"{count} spans {name!r}")


def _ancestors(spans: Collector, span: Received) -> list[str]:
    """The names of the spans above one, nearest first."""
    by_id = {each.id: each for each in spans.spans}
    names = []
    while span.parent in by_id:
        span = by_id[span.parent]
        names.append(span.name)
    return names


async def test_a_trace_leads_from_the_caller_to_the_reply(system: System, standins: StandIns, spans: Collector) -> None:
    system.settings |= spans.environment()
    system.release()
    await system.ingress()
    worker = await system.worker("tests.acceptance.model_agent:model")
    secret = "a very private question"
    delivery = Standard().message(f'use tool look_up {{"topic": "{secret}"}}', thread="t")
    await system.deliver("standard", delivery._replace(headers={**delivery.headers, "traceparent": CALLER}))
    await system.quiet(1)
    await _received(spans, "reply standard")
    await _received(spans, "turn model")
    await _received(spans, "POST /webhooks/standard")

    [webhook] = [span for span in spans.named("POST /webhooks/standard") if span.trace == TRACE]
    assert (webhook.parent, webhook.kind, webhook.service) == (SPAN, "SERVER", "answerback-ingress")
    assert webhook.attributes["http.response.status_code"] == 202
    ours = [span for span in spans.spans if span.trace == TRACE]
    [store] = [span for span in ours if span.name == "store inbox"]
    [claim] = [span for span in ours if span.name == "claim inbox"]
    [turn] = [span for span in ours if span.name == "turn model"]
    assert (store.parent, claim.parent, turn.parent) == (webhook.id, store.id, store.id)
    assert (store.kind, claim.kind, turn.kind) == ("PRODUCER", "CLIENT", "CONSUMER")
    assert turn.attributes["gen_ai.conversation.id"] == "standard:t"
    assert store.attributes["messaging.operation.type"] == "send"

    # pydantic-ai's own spans are below the turn, each once.
    chats = [span for span in ours if span.name.startswith("chat ")]
    [tool] = [span for span in ours if span.attributes.get("gen_ai.operation.name") == "execute_tool"]
    assert len(chats) == 2
    assert {span.attributes["gen_ai.conversation.id"] for span in (*chats, tool)} == {"standard:t"}
    assert all("turn model" in _ancestors(spans, span) for span in (*chats, tool))
    assert chats[0].attributes["gen_ai.usage.input_tokens"] > 0

    [reply] = [span for span in ours if span.name == "reply standard"]
    [post] = [span for span in ours if span.name == "POST"]
    assert (post.parent, post.kind) == (reply.id, "CLIENT")
    assert _ancestors(spans, reply)[-3:] == ["turn model", "store inbox", "POST /webhooks/standard"]
    assert not any(span.error for span in ours)

    # What people and models write is not recorded unless it is asked for.
    assert not any(secret in str(span.attributes) for span in spans.spans)
    [line] = worker.lines("reply sent")
    assert (line["trace_id"], line["span_id"]) == (TRACE, reply.id)


async def test_a_turn_goes_on_in_its_trace_after_a_crash(system: System, standins: StandIns, spans: Collector) -> None:
    system.settings |= spans.environment()
    await system.ingress()
    first = await system.worker("tests.acceptance.model_agent:model")
    await system.deliver("standard", Standard().message('use tool order {"item": "tea"}', thread="t"))

    async def ordering() -> bool:
        return any(system.marks.glob("order-tea-*"))

    await until(ordering, what="the tool being called")
    [chat] = await _received(spans, "chat standin")
    await first.kill()
    system.release()
    await system.worker("tests.acceptance.model_agent:model")
    await system.quiet(1)
    [turn] = await _received(spans, "turn model")
    [reply] = await _received(spans, "reply standard")
    chats = await _received(spans, "chat standin", 2)

    # Killed with -9, the first attempt has sent no span of its own. The second links to it, and so does what it did.
    assert turn.attributes["answerback.attempt"] == 2
    assert len({span.trace for span in (chat, turn, reply)}) == 1
    assert len(turn.links) == 1
    [store] = spans.named("store inbox")
    assert turn.parent == store.id
    claims = await _received(spans, "claim inbox", 2)
    assert {claim.parent for claim in claims} == {store.id}
    # The first model response was recorded in the journal: it is not traced again.
    assert len(chats) == 2
    assert "turn model" in _ancestors(spans, chats[1])
    assert "turn model" not in _ancestors(spans, chats[0])
    assert len([span for span in spans.spans if span.attributes.get("gen_ai.tool.name") == "order"]) == 1


async def test_a_failed_attempt_is_marked_and_linked_and_content_is_recorded_if_asked(
    system: System, standins: StandIns, spans: Collector
) -> None:
    await standins.add_fault(do="status", platform="model", status=500, times=1)
    system.settings |= spans.environment()
    system.release()
    await system.ingress()
    await system.worker(
        "tests.acceptance.model_agent:model", OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="SPAN_ONLY"
    )
    await system.deliver("standard", Standard().message("how are you?", thread="t"))
    await system.quiet(1)
    failed, done = await _received(spans, "turn model", 2)
    assert (failed.error, done.error) == (True, False)
    assert failed.attributes["error.type"] == "ModelUnavailable"
    assert done.links == (failed.id,)
    assert done.trace == failed.trace
    chats = await _received(spans, "chat standin", 2)
    assert "how are you?" in chats[1].attributes["gen_ai.input.messages"]


async def test_a_turn_of_several_events_links_to_each(plain: System, spans: Collector) -> None:
    plain.settings |= spans.environment()
    await plain.ingress()
    for number in range(3):
        await plain.deliver("standard", Standard().message(f"part {number}", thread="t"))
    plain.release()
    await plain.worker("tests.acceptance.agents:merges")
    await plain.quiet(3)
    [turn] = await _received(spans, "turn merge")
    stores = await _received(spans, "store inbox", 3)
    assert (turn.parent, turn.trace) == (stores[0].id, stores[0].trace)
    assert turn.links == (stores[1].id, stores[2].id)
    assert turn.attributes["messaging.batch.message_count"] == 3


async def test_a_message_over_the_api_is_traced_and_a_step_too(plain: System, spans: Collector) -> None:
    plain.settings |= spans.environment()
    await plain.ingress()
    await plain.worker("tests.acceptance.agents:pays")
    plain.release()
    _, key = await ApiKeys(plain.database).create(scopes=["chat:write", "chat:read"])
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}", "traceparent": CALLER}) as session:
        url = f"http://127.0.0.1:{plain.port}/api/v1/dispatch/pay"
        async with session.post(url, json={"input": "5 euros", "wait": True}) as answer:
            assert answer.status == 200
    [request] = await _received(spans, "POST /api/v1/dispatch/{agent}")
    [step] = await _received(spans, "step charge")
    await _received(spans, "turn pay")
    assert (request.trace, request.parent) == (TRACE, SPAN)
    assert _ancestors(spans, step) == ["turn pay", "store inbox", request.name]


@pytest.mark.parametrize("module", ["ingress", "worker"])
async def test_another_protocol_is_refused_in_a_sentence(plain: System, module: str) -> None:
    process = await plain.start(
        module,
        PORT=str(plain.port),
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1",
        OTEL_EXPORTER_OTLP_PROTOCOL="grpc",
    )
    assert await process.wait() == 1
    assert process.words().splitlines()[-1] == (
        f'{module}: OTEL_EXPORTER_OTLP_PROTOCOL is "grpc", but only "http/protobuf" is supported: unset it.'
    )
