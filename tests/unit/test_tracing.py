"""Tracing is off unless it is asked for, and what it needs is asked for in words."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from answerback import tracing
from answerback.agents.composer import Composer
from answerback.codec import encode
from answerback.errors import ConfigurationError
from answerback.events import Entry, Event
from answerback.messages import Author
from answerback.store.decode import decode_entry
from answerback.tracing.context import context_of, links_to

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
EVENT = Event(delivery="github:1", thread="github:1:1", kind="message", text="hello", author=Author("1"))

OFF = """
import sys
import ingress.running, worker.wiring, answerback.dispatching.dispatcher
from answerback import tracing
tracing.start("worker", {"OTEL_SERVICE_NAME": "shop"})
tracing.start("worker", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"})
assert tracing.current is None
assert tracing.traceparent() == ""
print(*(name for name in sys.modules if name.startswith("opentelemetry")))
"""


def test_opentelemetry_is_not_imported_while_tracing_is_off() -> None:
    done = subprocess.run([sys.executable, "-c", OFF], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "\n"


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "missing", lambda extra: f"pip install 'answerback[{extra}]'")
    with pytest.raises(ConfigurationError) as caught:
        tracing.start("worker", ENDPOINT)
    assert str(caught.value) == (
        "OTEL_EXPORTER_OTLP_ENDPOINT is set, but OpenTelemetry is not installed: pip install 'answerback[otel]', "
        "or unset it."
    )
    assert tracing.current is None


def test_an_application_with_opentelemetry_passes_its_span_on() -> None:
    context = SpanContext(int("0af7651916cd43dd8448eb211c80319c", 16), int("b7ad6b7169203331", 16), True, TraceFlags(1))
    assert tracing.traceparent() == ""
    with trace.use_span(NonRecordingSpan(context)):
        assert tracing.traceparent() == TRACEPARENT


@pytest.mark.parametrize("text", ["", "nonsense", "00-0-0-00", TRACEPARENT[:-1]])
def test_a_trace_context_that_is_none_is_ignored(text: str) -> None:
    assert links_to([text]) == []
    assert not trace.get_current_span(context_of(text)).get_span_context().is_valid


def test_an_older_worker_ignores_the_fields_of_a_newer_ingress() -> None:
    class OldEntry(msgspec.Struct, frozen=True, omit_defaults=True):
        event: Event

    entry = Entry(EVENT, stored=1, trace=TRACEPARENT)
    assert decode_entry(encode(entry)) == entry
    assert msgspec.msgpack.decode(encode(entry), type=OldEntry) == OldEntry(EVENT)
    assert decode_entry(encode(OldEntry(EVENT))) == Entry(EVENT)


def test_replies_without_a_trace_take_no_room() -> None:
    assert Composer(None, EVENT).message("turn.0", "hello") == ()
    assert b"trace" not in encode(Entry(EVENT))


FOREIGN = """
from opentelemetry import trace
from opentelemetry.trace import NoOpTracer, TracerProvider

class Theirs(TracerProvider):
    def get_tracer(self, *args, **kwargs):
        return NoOpTracer()

trace.set_tracer_provider(theirs := Theirs())
from answerback import tracing

tracing.start("worker", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"})
assert tracing.current.provider is theirs
with tracing.current.turn("t", "id", "agent", fence=2, attempt=2, parents=["", "nonsense"]):
    pass
tracing.stop()
"""


def test_a_provider_of_the_application_is_used_as_it_is() -> None:
    subprocess.run([sys.executable, "-c", FOREIGN], check=True, timeout=60)
