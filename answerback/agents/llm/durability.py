"""Journal a language model's turn: each model response and each tool result is a step, through
pydantic-ai's interface for durable execution (https://pydantic.dev/docs/ai/capabilities/durable_execution/backends/).
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterable, Awaitable, Callable
from contextvars import ContextVar
from typing import Any, Literal, cast

from pydantic_ai import AgentStreamEvent, RunContext
from pydantic_ai.agent.abstract import AbstractAgent
from pydantic_ai.durable_exec import (
    JSON_CODEC,
    BaseDurabilityCapability,
    DurabilityEngineSpec,
    DurableOperationId,
    JournalCallableOperationBackend,
    ModelRequestId,
    RoleBasedOperationConfig,
    ToolsetCallToolId,
    record_durable_unit,
)

from answerback.agents.llm.refusal import with_errors_classified
from answerback.agents.llm.toolset import METADATA, STAY_SILENT, Policy, outcome_unknown, policy_of
from answerback.agents.turn import Turn
from answerback.log import get_logger
from answerback.messages import Usage

log = get_logger(__name__)

running: ContextVar[Turn | None] = ContextVar("answerback_turn", default=None)
"""The turn in which a model is running; None outside a turn."""

Show = Callable[[RunContext[Turn], AsyncIterable[AgentStreamEvent]], Awaitable[None]]
"""Receives a model response while it is streamed."""


class _Backend(JournalCallableOperationBackend[Policy]):
    """Runs operations as steps. `on_response` is called with each model response, new or recorded."""

    def __init__(
        self,
        agent_name: str,
        config: RoleBasedOperationConfig[Policy],
        on_response: Callable[[Turn, dict[str, Any]], None],
    ) -> None:
        super().__init__(agent_name=agent_name, config=config)
        self._on_response = on_response

    async def execute(
        self,
        *,
        operation_id: DurableOperationId,
        name: str,
        body: Callable[[], Awaitable[object]],
        cache_key: tuple[object, ...],
        config: Policy,
    ) -> object:
        """Run one operation as a step of the running turn; add the tokens of a model response to its usage."""
        turn = running.get()
        assert turn is not None
        # Use the same step name whether or not the thread has followers.
        name = name.replace("model.request_stream", "model.request")

        async def report_unknown() -> object:
            log.warning("tool call outcome unknown", step=name, thread=turn.thread, turn=turn.id)
            token = outcome_unknown.set(True)
            try:
                return await body()
            finally:
                outcome_unknown.reset(token)

        model_request = isinstance(operation_id, ModelRequestId)
        run = body
        if isinstance(operation_id, ModelRequestId):
            run = _counted(turn, operation_id.model_name, body)
        executed = False

        async def once() -> object:
            nonlocal executed
            executed = True
            return await run()

        result = await turn.journal.step(
            name,
            once,
            idempotent=config.idempotent,
            unknown=report_unknown if isinstance(operation_id, ToolsetCallToolId) else None,
            recall=turn.recall,
        )
        record_durable_unit(executed=executed)
        if model_request:
            self._on_response(turn, cast("dict[str, Any]", result))
        return result


def _counted(turn: Turn, model: str, request: Callable[[], Awaitable[object]]) -> Callable[[], Awaitable[object]]:
    """Return a model request that is counted when it is made."""

    async def run() -> object:
        began = time.monotonic()
        usage: dict[str, int] | None = None
        try:
            response = await with_errors_classified(request)
            usage = cast("dict[str, Any]", response).get("usage") or {}
            return response
        finally:
            turn.meter.model_request(model, time.monotonic() - began, usage)

    return run


def account(turn: Turn, response: dict[str, Any]) -> None:
    """Add the usage of a model response, new or recorded, to the turn's."""
    usage, before = response.get("usage") or {}, turn.usage or Usage()
    turn.usage = Usage(
        input_tokens=before.input_tokens + usage.get("input_tokens", 0),
        output_tokens=before.output_tokens + usage.get("output_tokens", 0),
        requests=before.requests + 1,
    )


def remark(turn: Turn, response: dict[str, Any]) -> None:
    """Keep the text that a model writes beside tool calls. Its final text is the agent's reply."""
    parts = response["parts"]
    text = "".join(part["content"] for part in parts if part["part_kind"] == "text")
    called = [part["tool_name"] for part in parts if part["part_kind"] == "tool-call"]
    if text.strip() and called and STAY_SILENT not in called:
        turn.remark(text)


def _tool_policy(operation: DurableOperationId, tool: object | None, name: str) -> Policy | Literal[False]:
    return policy_of(tool)


class Durability(BaseDurabilityCapability[Turn]):
    """Makes a pydantic-ai agent's run part of a turn. Outside a turn it changes nothing.

    In a turn with followers, `show` receives the streamed model responses and `see` all other events of the run.
    With `see`, text that the model writes beside tool calls is kept in the thread. Neither is journaled.
    """

    def __init__(self, show: Show | None = None, see: Callable[[Turn, AgentStreamEvent], None] | None = None) -> None:
        super().__init__(event_stream_handler=show)
        self._followed = show is not None or see is not None
        self._see = see

    engine_spec = DurabilityEngineSpec(
        engine_name="Answerback",
        durable_unit_noun="step",
        durable_container_noun="turn",
        codec=JSON_CODEC,
        tool_config_key=METADATA,
    )

    def _bind_to_agent(self, agent: AbstractAgent[Turn, Any]) -> None:
        # A model request that left no result is repeated: it costs tokens and has no other effect.
        repeatable = Policy(idempotent=True)
        self._backend = _Backend(
            agent_name=self.name,
            config=RoleBasedOperationConfig(
                model=repeatable,
                event=repeatable,
                capability=Policy(idempotent=False),
                tool=Policy(idempotent=False),
                resolve_tool=_tool_policy,
            ),
            on_response=self._account,
        )
        super()._bind_to_agent(agent)

    def _account(self, turn: Turn, response: dict[str, Any]) -> None:
        account(turn, response)
        if self._see:
            remark(turn, response)

    def get_durable_operation_backend(self) -> _Backend:
        """Return the backend that writes to the running turn's journal."""
        return self._backend

    @property
    def has_wrap_run_event_stream(self) -> bool:
        """Whether to stream this run."""
        turn = running.get()
        return self._followed and turn is not None and turn.stream.live

    async def wrap_run_event_stream(
        self, ctx: RunContext[Turn], *, stream: AsyncIterable[AgentStreamEvent]
    ) -> AsyncIterable[AgentStreamEvent]:
        """Pass the events on, and give each to `see`."""
        async for event in stream:
            if self._see:
                self._see(ctx.deps, event)
            yield event

    @property
    def in_durable_context(self) -> bool:
        """Whether a turn is running."""
        return running.get() is not None
