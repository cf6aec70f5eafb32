"""The spans of Answerback, named after OpenTelemetry's semantic conventions.

Storing, claiming and running a turn are messaging operations (send, receive, process), posting a reply is an HTTP
request, and agents carry the attributes of generative AI. pydantic-ai adds the spans of model requests and tools:
https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/, …/http/http-spans/, …/gen-ai/
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import TypeVar
from urllib.parse import urlsplit

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.util.types import AttributeValue

from answerback.errors import in_a_line
from answerback.masking import masked
from answerback.tracing.context import HEADER, context_of, links_to, traceparent_of, traceparent_of_current_span
from answerback.tracing.ids import SpanIds, attempt_id

T = TypeVar("T")
CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
"""Whether prompts, answers, and the arguments and results of tools are recorded: https://github.com/open-telemetry/
opentelemetry-python-contrib/tree/main/util/opentelemetry-util-genai"""
LAST = 3.0
"""Seconds for which the end of the process waits until the last spans are sent."""


class Tracing:
    """The tracing of one process. A provider that the application has set up is used as it is.

    Args:
        service: "ingress" or "worker".
    """

    def __init__(self, service: str) -> None:
        self._ids = SpanIds()
        provider = trace.get_tracer_provider()
        self._own: TracerProvider | None = None
        # Until one is set, this is a stand-in. The one that is set need not be the SDK's own.
        if isinstance(provider, trace.ProxyTracerProvider):
            self._own = TracerProvider(resource=_resource(service), id_generator=self._ids, shutdown_on_exit=False)
            self._own.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
            trace.set_tracer_provider(self._own)
            provider = self._own
            # It warns at each retry; that spans are lost is an error.
            logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)
        self.provider = provider
        self._tracer = provider.get_tracer("answerback", version("answerback"))

    def close(self) -> None:
        """Send the spans that are left, if that takes no longer than `LAST`."""
        if self._own is not None:
            # With a collector that is away, it would go on for longer than a process is given to stop.
            ending = threading.Thread(target=self._own.shutdown, daemon=True)
            ending.start()
            ending.join(LAST)

    @property
    def records_content(self) -> bool:
        """Whether what people and models write is to be recorded."""
        return os.environ.get(CONTENT, "").strip().lower() in ("span_only", "span_and_event", "true")

    def traceparent(self) -> str:
        """Return the context of the current span as text; "" without one."""
        return traceparent_of_current_span()

    def log_fields(self) -> dict[str, str]:
        """Return the ids of the current span, for a log line."""
        context = trace.get_current_span().get_span_context()
        if not context.is_valid:
            return {}
        return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}

    def fail(self, reason: str | BaseException) -> None:
        """Mark the current span as failed."""
        text = in_a_line(reason) if isinstance(reason, BaseException) else reason
        span = trace.get_current_span()
        span.set_status(Status(StatusCode.ERROR, text))
        if isinstance(reason, BaseException):
            span.set_attribute("error.type", type(reason).__qualname__)

    def describe(self, **attributes: AttributeValue) -> None:
        """Add attributes `answerback.…` to the current span."""
        trace.get_current_span().set_attributes({f"answerback.{name}": value for name, value in attributes.items()})

    @contextmanager
    def _span(
        self,
        name: str,
        kind: SpanKind,
        attributes: Mapping[str, AttributeValue],
        parent: str = "",
        links: Sequence[Link] = (),
        id: int = 0,
    ) -> Iterator[Span]:
        """Open a span within the current one, or continue the trace of `parent`. An exception ends it as failed.

        `id`: its id; 0: a random one.
        """
        token = self._ids.next.set(id)
        try:
            span = self._tracer.start_span(name, context_of(parent), kind, attributes, links)
        finally:
            self._ids.next.reset(token)
        with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            try:
                yield span
            except BaseException as error:
                self.fail(error)
                raise

    @contextmanager
    def server(self, method: str, route: str, headers: Mapping[str, str]) -> Iterator[Callable[[int], None]]:
        """Trace an HTTP request to us, in the trace of its sender if it names one. Give it the response's status."""
        attributes = {"http.request.method": method, "http.route": route}
        with self._span(f"{method} {route}", SpanKind.SERVER, attributes, headers.get(HEADER, "")) as span:
            yield lambda status: _respond(span, status, 500)

    @contextmanager
    def client(self, method: str, url: str) -> Iterator[Callable[[int], None]]:
        """Trace an HTTP request of ours as part of the current trace. Give it the response's status."""
        parts = urlsplit(url)
        attributes: dict[str, AttributeValue] = {
            "http.request.method": method,
            "server.address": parts.hostname or "",
            # Without its query, in which there may be a credential. Some platforms have one in the path.
            "url.full": masked(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"),
        }
        if port := parts.port or {"https": 443, "http": 80}.get(parts.scheme):
            attributes["server.port"] = port
        with self._span(method, SpanKind.CLIENT, attributes) as span:
            yield lambda status: _respond(span, status, 400)

    @contextmanager
    def store(self, thread: str, id: str, parent: str = "") -> Iterator[str]:
        """Trace the storing of an event; the context that is to be stored with it."""
        attributes = _messaging("store", "send", thread, id)
        with self._span("store inbox", SpanKind.PRODUCER, attributes, parent) as span:
            yield traceparent_of(span.get_span_context())

    def claim(self, thread: str, id: str, parent: str, began: int) -> None:
        """Trace the claim of an event's thread, which began at `began` (ns since 1970) and ends now."""
        self._tracer.start_span(
            "claim inbox",
            context_of(parent),
            SpanKind.CLIENT,
            _messaging("claim", "receive", thread, id),
            start_time=began,
        ).end(time.time_ns())

    @contextmanager
    def turn(
        self, thread: str, id: str, agent: str, *, fence: int, attempt: int, parents: Sequence[str]
    ) -> Iterator[None]:
        """Trace an attempt of a turn.

        The id of its span follows from the claim, so that the next attempt can link to it, also after a crash.

        Args:
            parents: The contexts stored with its events: its span is a child of the first and has links to the others.
        """
        attributes: dict[str, AttributeValue] = {
            **_messaging("turn", "process", thread, id),
            "gen_ai.agent.name": agent,
            "answerback.attempt": attempt,
        }
        first = next(filter(None, parents), "")
        links = links_to([parent for parent in dict.fromkeys(parents) if parent not in ("", first)])
        parent = trace.get_current_span(context_of(first)).get_span_context()
        if attempt > 1 and parent.is_valid and self._own is not None:
            before = SpanContext(parent.trace_id, attempt_id(thread, id, fence - 1), True, parent.trace_flags)
            links.append(Link(before, {"answerback.attempt": attempt - 1}))
        if len(parents) > 1:
            attributes["messaging.batch.message_count"] = len(parents)
        with self._span(f"turn {agent}", SpanKind.CONSUMER, attributes, first, links, attempt_id(thread, id, fence)):
            yield

    def step(self, name: str, run: Callable[[], Awaitable[T]]) -> Callable[[], Awaitable[T]]:
        """Return a step of a turn that is traced when it runs."""

        async def traced() -> T:
            with self._span(f"step {name}", SpanKind.INTERNAL, {"answerback.step": name}):
                return await run()

        return traced

    @contextmanager
    def reply(self, thread: str, key: str, platform: str, *, attempt: int, parent: str) -> Iterator[None]:
        """Trace an attempt to send a reply, in the trace of the turn that made it."""
        attributes = {
            **_messaging("reply", "process", thread, key),
            "messaging.destination.name": "outbox",
            "answerback.platform": platform,
            "answerback.attempt": attempt,
        }
        with self._span(f"reply {platform}", SpanKind.CONSUMER, attributes, parent):
            yield


def _messaging(name: str, kind: str, thread: str, id: str) -> dict[str, AttributeValue]:
    """Return the attributes of an operation on a message: its system-specific name, and its kind for everybody."""
    return {
        "messaging.system": "answerback",
        "messaging.destination.name": "inbox",
        "messaging.operation.name": name,
        "messaging.operation.type": kind,
        "messaging.message.id": id,
        "messaging.message.conversation_id": thread,
        "gen_ai.conversation.id": thread,
    }


def _respond(span: Span, status: int, failed: int) -> None:
    """Record the status of an HTTP response. From `failed` on, the request has failed."""
    span.set_attribute("http.response.status_code", status)
    if status >= failed:
        span.set_attribute("error.type", str(status))
        span.set_status(Status(StatusCode.ERROR))


def _resource(service: str) -> Resource:
    """Return what identifies this process; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win."""
    ours = {
        "service.name": f"answerback-{service}",
        "service.version": version("answerback"),
        "service.instance.id": f"{socket.gethostname()}-{os.getpid()}",
    }
    return Resource.create({**ours, **OTELResourceDetector().detect().attributes})
