"""Journal a language model's turn: each model response and each tool result is a step, through
pydantic-ai's interface for durable execution (https://pydantic.dev/docs/ai/capabilities/durable_execution/backends/).
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable
from contextvars import ContextVar
from typing import Any, Literal, NamedTuple, cast

from pydantic import ValidationError
from pydantic_ai import AgentStreamEvent, FunctionToolset, RunContext, ToolsetTool
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
)
from pydantic_ai.exceptions import ModelRetry, ToolFailed

from answerback.agents.llm.refusal import with_errors_classified
from answerback.agents.turn import Turn
from answerback.errors import in_a_line
from answerback.log import get_logger
from answerback.messages import Usage

log = get_logger(__name__)

METADATA = "answerback"
"""Key in a tool's metadata for its options: whether it is idempotent, journaled, public."""

running: ContextVar[Turn | None] = ContextVar("answerback_turn", default=None)
"""The turn in which a model is running; None outside a turn."""

_unknown: ContextVar[bool] = ContextVar("answerback_unknown", default=False)


Show = Callable[[RunContext[Turn], AsyncIterable[AgentStreamEvent]], Awaitable[None]]
"""Receives a model response while it is streamed."""


class Policy(NamedTuple):
    """Whether an operation may be repeated."""

    idempotent: bool


class Tools(FunctionToolset[Turn]):
    """An agent's tools. If the outcome of a tool's last call is unknown, the model is told so and the tool is not run.

    `ModelRetry`, `ToolFailed` and the like are messages to the model and recorded as the call's result. The model
    may call the tool again, so a tool must raise `ModelRetry` only if it did nothing.
    """

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Turn], tool: ToolsetTool[Turn]
    ) -> Any:
        """Call the tool, or report to the model that the outcome of its last call is unknown."""
        if _unknown.get():
            raise _outcome_unknown(name, ctx)
        policy = _policy(tool)
        if not policy or policy.idempotent:
            return await super().call_tool(name, tool_args, ctx, tool)
        try:
            return await super().call_tool(name, tool_args, ctx, tool)
        except (ValidationError, ModelRetry) as error:
            # pydantic-ai has the model repeat a call that timed out or raised a ValidationError. The arguments had
            # been validated before, so the call may have taken effect.
            limit = tool.tool_def.timeout if tool.tool_def.timeout is not None else self.timeout
            if isinstance(error, ModelRetry) and error.message != f"Timed out after {limit} seconds.":
                raise
            log.warning("tool call outcome unknown", tool=name, thread=ctx.deps.thread, error=in_a_line(error))
            raise _outcome_unknown(name, ctx) from error


def _outcome_unknown(name: str, ctx: RunContext[Turn]) -> ToolFailed:
    ctx.deps.unknown.add(ctx.tool_call_id or "")
    return ToolFailed(
        f'The outcome of this call of "{name}" is unknown: it failed or was interrupted after it had begun, and may or '
        "may not have taken effect. It was not repeated. Check before you try again, or tell the user."
    )


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
            token = _unknown.set(True)
            try:
                return await body()
            finally:
                _unknown.reset(token)

        model_request = isinstance(operation_id, ModelRequestId)
        result = await turn.journal.step(
            name,
            (lambda: with_errors_classified(body)) if model_request else body,
            idempotent=config.idempotent,
            unknown=report_unknown if isinstance(operation_id, ToolsetCallToolId) else None,
            recall=turn.recall,
        )
        if model_request:
            self._on_response(turn, cast("dict[str, Any]", result))
        return result


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
    if text.strip() and any(part["part_kind"] == "tool-call" for part in parts):
        turn.remark(text)


def _tool_policy(operation: DurableOperationId, tool: object | None, name: str) -> Policy | Literal[False]:
    return _policy(tool)


def _policy(tool: object | None) -> Policy | Literal[False]:
    declared = tool.tool_def.metadata if isinstance(tool, ToolsetTool) else None
    options = (declared or {}).get(METADATA, {})
    # The reply tool calls `turn.reply`, which is a journaled step itself.
    if options.get("journaled") is False:
        return False
    return Policy(idempotent=bool(options.get("idempotent")))


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
