"""The context of a span as text: https://www.w3.org/TR/trace-context/"""

from __future__ import annotations

from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanContext, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

HEADER = "traceparent"
_propagator = TraceContextTextMapPropagator()


def traceparent_of(context: SpanContext) -> str:
    """Return a span's context as text; "" for an invalid one."""
    if not context.is_valid:
        return ""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def traceparent_of_current_span() -> str:
    """Return the context of the current span as text; "" without one."""
    return traceparent_of(get_current_span().get_span_context())


def context_of(traceparent: str) -> Context | None:
    """Return the context in which a span continues the trace; None for "" or an invalid text: the current one."""
    return _propagator.extract({HEADER: traceparent}, Context()) if traceparent else None


def links_to(traceparents: list[str]) -> list[Link]:
    """Return links to spans, without invalid ones."""
    contexts = [get_current_span(context_of(text) or Context()).get_span_context() for text in traceparents]
    return [Link(context) for context in contexts if context.is_valid]
