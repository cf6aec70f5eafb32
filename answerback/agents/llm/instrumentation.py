"""pydantic-ai's own spans of agents, model requests and tools, as part of the trace of a turn."""

from __future__ import annotations

from typing import Any

from pydantic_ai.capabilities import AbstractCapability, Instrumentation
from pydantic_ai.models.instrumented import InstrumentationSettings

from answerback import tracing


def instrumentation() -> list[AbstractCapability[Any]]:
    """Return what makes pydantic-ai trace an agent: nothing while tracing is off.

    It takes the place of `Agent.instrument_all()`, so that nothing is traced twice.
    """
    if tracing.current is None:
        return []
    content = tracing.current.records_content
    settings = InstrumentationSettings(
        tracer_provider=tracing.current.provider, include_content=content, include_binary_content=False
    )
    return [Instrumentation(settings=settings)]
