"""A language model's turn, journaled: each model response and each tool result is a step, through
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

from answerback.agents.llm.refusal import answered
from answerback.agents.turn import Turn
from answerback.errors import in_a_line
from answerback.log import get_logger
from answerback.messages import Usage

log = get_logger(__name__)

METADATA = "answerback"
"""The key under which a tool's metadata tells how it may be run again."""

running: ContextVar[Turn | None] = ContextVar("answerback_turn", default=None)
"""The turn in which a model converses here."""

_unknown: ContextVar[bool] = ContextVar("answerback_unknown", default=False)


Show = Callable[[RunContext[Turn], AsyncIterable[AgentStreamEvent]], Awaitable[None]]
"""Is given what a model says while it says it."""


class Policy(NamedTuple):
    """How an operation may be repeated."""

    idempotent: bool


class Tools(FunctionToolset[Turn]):
    """An agent's tools. One whose last call has an unknown outcome says so to the model, and does nothing.

    `ModelRetry`, `ToolFailed` and the like are what a tool tells the model: recorded as the call's result. The model
    may call it again, so a tool raises `ModelRetry` only where it has done nothing.
    """

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Turn], tool: ToolsetTool[Turn]
    ) -> Any:
        """Call it, or tell that nobody knows how its last call ended."""
        if _unknown.get():
            raise _outcome_unknown(name, ctx)
        policy = _policy(tool)
        if not policy or policy.idempotent:
            return await super().call_tool(name, tool_args, ctx, tool)
        try:
            return await super().call_tool(name, tool_args, ctx, tool)
        except (ValidationError, ModelRetry) as error:
            # pydantic-ai asks the model to repeat a call that ran into its time limit, or in the course of which
            # something was not valid. The arguments were: this may have taken effect.
            limit = tool.tool_def.timeout if tool.tool_def.timeout is not None else self.timeout
            if isinstance(error, ModelRetry) and error.message != f"Timed out after {limit} seconds.":
                raise
            log.warning("a tool's outcome is unknown", tool=name, thread=ctx.deps.thread, error=in_a_line(error))
            raise _outcome_unknown(name, ctx) from error


def _outcome_unknown(name: str, ctx: RunContext[Turn]) -> ToolFailed:
    ctx.deps.unknown.add(ctx.tool_call_id or "")
    return ToolFailed(
        f'The outcome of this call of "{name}" is unknown: it failed or was interrupted after it had begun, and may or '
        "may not have taken effect. It was not repeated. Check before you try again, or tell the user."
    )


class _Backend(JournalCallableOperationBackend[Policy]):
    heard: Callable[[Turn, dict[str, Any]], None]

    async def execute(
        self,
        *,
        operation_id: DurableOperationId,
        name: str,
        body: Callable[[], Awaitable[object]],
        cache_key: tuple[object, ...],
        config: Policy,
    ) -> object:
        """Run one operation as a step of the running turn; what a model answered is added to its usage."""
        turn = running.get()
        assert turn is not None
        # The same step, whether somebody follows it or not.
        name = name.replace("model.request_stream", "model.request")

        async def tell() -> object:
            log.warning("a tool's outcome is unknown", step=name, thread=turn.thread, turn=turn.id)
            token = _unknown.set(True)
            try:
                return await body()
            finally:
                _unknown.reset(token)

        asked = isinstance(operation_id, ModelRequestId)
        result = await turn.journal.step(
            name,
            (lambda: answered(body)) if asked else body,
            idempotent=config.idempotent,
            unknown=tell if isinstance(operation_id, ToolsetCallToolId) else None,
            recall=turn.recall,
        )
        if asked:
            self.heard(turn, cast("dict[str, Any]", result))
        return result


def account(turn: Turn, response: dict[str, Any]) -> None:
    """Add what a model's response cost, recorded now or earlier, to its turn."""
    usage, before = response.get("usage") or {}, turn.usage or Usage()
    turn.usage = Usage(
        input_tokens=before.input_tokens + usage.get("input_tokens", 0),
        output_tokens=before.output_tokens + usage.get("output_tokens", 0),
        requests=before.requests + 1,
    )


def remark(turn: Turn, response: dict[str, Any]) -> None:
    """Keep what a model says beside calling tools; what it ends with is the agent's reply."""
    parts = response["parts"]
    said = "".join(part["content"] for part in parts if part["part_kind"] == "text")
    if said.strip() and any(part["part_kind"] == "tool-call" for part in parts):
        turn.remark(said)


def _tool_policy(operation: DurableOperationId, tool: object | None, name: str) -> Policy | Literal[False]:
    return _policy(tool)


def _policy(tool: object | None) -> Policy | Literal[False]:
    declared = tool.tool_def.metadata if isinstance(tool, ToolsetTool) else None
    options = (declared or {}).get(METADATA, {})
    # The reply tool journals what it says itself, as `turn.reply` does everywhere.
    if options.get("journaled") is False:
        return False
    return Policy(idempotent=bool(options.get("idempotent")))


class Durability(BaseDurabilityCapability[Turn]):
    """Makes a pydantic-ai agent's run part of a turn. Outside of one it changes nothing.

    In a turn that is followed, `show` is given what the model says while it says it, and `see` what happens around it.
    With `see`, what it says beside calling tools is for the thread, too. Neither is part of the journal.
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
        # A model request that left no result can only be made again; asking costs nothing else.
        again = Policy(idempotent=True)
        self._backend = _Backend(
            agent_name=self.name,
            config=RoleBasedOperationConfig(
                model=again,
                event=again,
                capability=Policy(idempotent=False),
                tool=Policy(idempotent=False),
                resolve_tool=_tool_policy,
            ),
        )
        self._backend.heard = self._heard
        super()._bind_to_agent(agent)

    def _heard(self, turn: Turn, response: dict[str, Any]) -> None:
        account(turn, response)
        if self._see:
            remark(turn, response)

    def get_durable_operation_backend(self) -> _Backend:
        """The journal of the running turn, as pydantic-ai sees it."""
        return self._backend

    @property
    def has_wrap_run_event_stream(self) -> bool:
        """Whether to stream this run."""
        turn = running.get()
        return self._followed and turn is not None and turn.stream.live

    async def wrap_run_event_stream(
        self, ctx: RunContext[Turn], *, stream: AsyncIterable[AgentStreamEvent]
    ) -> AsyncIterable[AgentStreamEvent]:
        """Look at what happens, and pass it on."""
        async for event in stream:
            if self._see:
                self._see(ctx.deps, event)
            yield event

    @property
    def in_durable_context(self) -> bool:
        """Whether a turn runs here."""
        return running.get() is not None
