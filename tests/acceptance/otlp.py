"""Receives spans as an OpenTelemetry collector does, over HTTP."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Encoded


class Received(NamedTuple):
    """A span. `links`: the ids of spans of the same trace; `error`: whether it failed."""

    trace: str
    id: str
    parent: str
    name: str
    kind: str
    service: str
    attributes: dict[str, Any]
    links: tuple[str, ...]
    error: bool
    began: int
    ended: int


class Collector:
    """The spans received so far."""

    def __init__(self) -> None:
        self.spans: list[Received] = []
        self.url = ""

    def environment(self) -> dict[str, str]:
        """The settings of processes that send their spans here, soon."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}

    def named(self, name: str) -> list[Received]:
        """The spans of this name, in the order of their beginnings."""
        return sorted((span for span in self.spans if span.name == name), key=lambda span: span.began)

    async def receive(self, request: web.Request) -> web.Response:
        """Take an export."""
        body = await request.read()
        if request.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = next(
                each.value.string_value for each in resource.resource.attributes if each.key == "service.name"
            )
            self.spans += [_span(span, service) for scope in resource.scope_spans for span in scope.spans]
        return web.Response(
            body=ExportTraceServiceResponse().SerializeToString(), content_type="application/x-protobuf"
        )


def _span(span: Encoded, service: str) -> Received:
    return Received(
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        name=span.name,
        kind=Encoded.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        service=service,
        attributes={
            each.key: getattr(each.value, each.value.WhichOneof("value") or "string_value") for each in span.attributes
        },
        links=tuple(link.span_id.hex() for link in span.links),
        error=span.status.code == 2,
        began=span.start_time_unix_nano,
        ended=span.end_time_unix_nano,
    )


@asynccontextmanager
async def collector(port: int) -> AsyncIterator[Collector]:
    """A collector on a port of loopback."""
    running = Collector()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_post("/v1/traces", running.receive)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    running.url = f"http://127.0.0.1:{port}"
    try:
        yield running
    finally:
        await runner.cleanup()
