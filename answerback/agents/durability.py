"""A language model's turn, journaled: each model response and each tool result is a step, through
pydantic-ai's interface for durable execution (https://pydantic.dev/docs/ai/capabilities/durable_execution/backends/).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, Literal, NamedTuple

from pydantic_ai import FunctionToolset, RunContext, ToolsetTool
from pydantic_ai.agent.abstract import AbstractAgent
from pydantic_ai.durable_exec import (
    JSON_CODEC,
    BaseDurabilityCapability,
    DurabilityEngineSpec,
    DurableOperationId,
    JournalCallableOperationBackend,
    RoleBasedOperationConfig,
    ToolsetCallToolId,
)
from pydantic_ai.exceptions import ToolFailed

from answerback.agents.turn import Turn
from answerback.log import get_logger

log = get_logger(__name__)

METADATA = "answerback"
"""The key under which a tool's metadata tells how it may be run again."""

running: ContextVar[Turn | None] = ContextVar("answerback_turn", default=None)
"""The turn in which a model converses here."""

_unknown: ContextVar[bool] = ContextVar("answerback_unknown", default=False)


class Policy(NamedTuple):
    """How an operation may be repeated."""

    idempotent: bool


class Tools(FunctionToolset[Turn]):
    """An agent's tools. One whose last call has an unknown outcome says so to the model, and does nothing."""

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Turn], tool: ToolsetTool[Turn]
    ) -> Any:
        """Call it, or tell that nobody knows how its last call ended."""
        if _unknown.get():
            raise ToolFailed(
                f'The outcome of this call of "{name}" is unknown: it was interrupted after it had begun, and may or '
                "may not have taken effect. It was not repeated. Check before you try again, or tell the user."
            )
        return await super().call_tool(name, tool_args, ctx, tool)


class _Backend(JournalCallableOperationBackend[Policy]):
    async def execute(
        self,
        *,
        operation_id: DurableOperationId,
        name: str,
        body: Callable[[], Awaitable[object]],
        cache_key: tuple[object, ...],
        config: Policy,
    ) -> object:
        """Run one operation as a step of the running turn."""
        turn = running.get()
        assert turn is not None

        async def tell() -> object:
            log.warning("a tool's outcome is unknown", step=name, thread=turn.thread, turn=turn.id)
            token = _unknown.set(True)
            try:
                return await body()
            finally:
                _unknown.reset(token)

        return await turn.journal.step(
            name,
            body,
            idempotent=config.idempotent,
            unknown=tell if isinstance(operation_id, ToolsetCallToolId) else None,
            recall=turn.recall,
        )


def _tool_policy(operation: DurableOperationId, tool: object | None, name: str) -> Policy | Literal[False]:
    declared = tool.tool_def.metadata if isinstance(tool, ToolsetTool) else None
    options = (declared or {}).get(METADATA, {})
    # The reply tool journals what it says itself, as `turn.reply` does everywhere.
    if options.get("journaled") is False:
        return False
    return Policy(idempotent=bool(options.get("idempotent")))


class Durability(BaseDurabilityCapability[Turn]):
    """Makes a pydantic-ai agent's run part of a turn. Outside of one it changes nothing."""

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
        super()._bind_to_agent(agent)

    def get_durable_operation_backend(self) -> _Backend:
        """The journal of the running turn, as pydantic-ai sees it."""
        return self._backend

    @property
    def in_durable_context(self) -> bool:
        """Whether a turn runs here."""
        return running.get() is not None
