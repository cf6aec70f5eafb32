"""Tracing with OpenTelemetry, which is imported only if `OTEL_EXPORTER_OTLP_ENDPOINT` is set.

One trace follows an event: the webhook (or its dispatch), storing, claiming, each attempt of its turn with
model requests and tools, and the request that posts the reply. Entries of inboxes and replies in outboxes carry the
context as a W3C `traceparent`, so the trace continues in another process, also after a crash.

A caller asks `tracing.current` first: it is None while tracing is off, which is all that it costs then.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from answerback.errors import ConfigurationError
from answerback.extras import missing

if TYPE_CHECKING:
    from answerback.tracing.spans import Tracing

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
PROTOCOL = "http/protobuf"

current: Tracing | None = None
"""The tracing of this process; None while it is off."""


def start(service: str, environ: Mapping[str, str] = os.environ) -> None:
    """Start tracing if the environment asks for it. `service`: "ingress" or "worker".

    Raises:
        ConfigurationError: OpenTelemetry is not installed, or another protocol is asked for.
    """
    global current
    endpoint = next((name for name in ENDPOINTS if environ.get(name)), "")
    if not endpoint or environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return
    for name in PROTOCOLS:
        if environ.get(name, PROTOCOL) not in ("", PROTOCOL):
            raise ConfigurationError(f'{name} is "{environ[name]}", but only "{PROTOCOL}" is supported: unset it.')
    if install := missing("otel"):
        raise ConfigurationError(f"{endpoint} is set, but OpenTelemetry is not installed: {install}, or unset it.")
    from answerback.tracing.spans import Tracing

    current = Tracing(service)


def stop() -> None:
    """Send the remaining spans, for a few seconds at most."""
    global current
    if current is not None:
        current.close()
        current = None


def traceparent() -> str:
    """Return the context of what runs now, as a W3C `traceparent`; "" if it is not traced.

    An application that dispatches events, or serves a mount, may have set up OpenTelemetry itself.
    """
    if current is not None:
        return current.traceparent()
    if "opentelemetry.trace" not in sys.modules:
        return ""
    from answerback.tracing.context import traceparent_of_current_span

    return traceparent_of_current_span()


@contextmanager
def client(method: str, url: str) -> Iterator[Callable[[int], None]]:
    """Trace an HTTP request as part of what runs now, if that is traced. Give it the status of the response."""
    if current is None or not current.traceparent():
        yield _ignore
        return
    with current.client(method, url) as respond:
        yield respond


def _ignore(status: int) -> None:
    pass
