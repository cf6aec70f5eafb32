"""The tools of an agent during a turn: what is known of them, and what happens when one of them is called."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Literal, NamedTuple

from pydantic import ValidationError
from pydantic_ai import FunctionToolset, RunContext, ToolsetTool
from pydantic_ai.exceptions import ApprovalRequired, CallDeferred, ModelRetry, ToolFailed

from answerback.agents.knowledge.knowledge import SEARCH_KNOWLEDGE
from answerback.agents.meter import CallOutcome
from answerback.agents.turn import Turn
from answerback.errors import NoEffect, TurnFailed, in_a_line
from answerback.log import get_logger

log = get_logger(__name__)

METADATA = "answerback"
"""Key in a tool's metadata for its options: whether it is idempotent, journaled, public."""

REPLY = "reply"
"""Name of the tool with which a model replies at once. It is shown as a message, not as a tool call."""
STAY_SILENT = "stay_silent"
"""Name of the tool with which a model ends its turn without a reply. It is not shown."""

OWN = (REPLY, STAY_SILENT, SEARCH_KNOWLEDGE)
"""Names of the tools that every model may have."""
OUTPUT = "final_result"
"""How the names of the tools begin with which a model returns structured output. It is an answer, not a tool call."""

outcome_unknown: ContextVar[bool] = ContextVar("answerback_unknown", default=False)
"""Whether the outcome of the tool's last call is unknown: it is not run again."""


class NeedsApproval(TurnFailed, NoEffect):
    """A tool waits for a person's approval, or for a result from elsewhere. It was not run."""

    def __init__(self, tool: str) -> None:
        super().__init__(
            f'the tool "{tool}" requires approval or is run elsewhere, but a turn cannot wait for that. Have the model '
            "ask in the thread: it can call the tool in a later turn."
        )


class Policy(NamedTuple):
    """Whether an operation may be repeated."""

    idempotent: bool


def policy_of(tool: object | None) -> Policy | Literal[False]:
    """Return whether a tool's calls may be repeated; False for one whose calls are not steps."""
    declared = tool.tool_def.metadata if isinstance(tool, ToolsetTool) else None
    options = (declared or {}).get(METADATA, {})
    # The reply tool calls `turn.reply`, which is a journaled step itself.
    if options.get("journaled") is False:
        return False
    return Policy(idempotent=bool(options.get("idempotent")))


class Tools(FunctionToolset[Turn]):
    """An agent's tools. If the outcome of a tool's last call is unknown, the tool is not run and its result says so.

    `ModelRetry`, `ToolFailed` and the like are messages to the model and recorded as the call's result. The model
    may call the tool again, so a tool must raise `ModelRetry` only if it did nothing.
    """

    async def get_tools(self, ctx: RunContext[Turn]) -> dict[str, ToolsetTool[Turn]]:
        """Return the tools. Raises `NeedsApproval` for one that its `prepare` function changed to such a tool."""
        tools = await super().get_tools(ctx)
        for name, tool in tools.items():
            if tool.tool_def.kind in ("unapproved", "external"):
                raise NeedsApproval(name)
        return tools

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Turn], tool: ToolsetTool[Turn]
    ) -> Any:
        """Call the tool. Raises `NeedsApproval` if it asks for a person."""
        outcome: CallOutcome = "unknown" if outcome_unknown.get() else "failed"
        shown = name not in OWN
        if shown:
            # Only the name, which a page's visitors see as well.
            ctx.deps.presence.progress(f"Using {name}…")
        try:
            result = await self._call(name, tool_args, ctx, tool)
            outcome = "done"
            return result
        except (ApprovalRequired, CallDeferred) as error:
            raise NeedsApproval(name) from error
        finally:
            if shown:
                ctx.deps.presence.progress("")
                ctx.deps.meter.tool_call(name, outcome)

    async def _call(self, name: str, tool_args: dict[str, Any], ctx: RunContext[Turn], tool: ToolsetTool[Turn]) -> Any:
        """Call the tool, or report to the model that the outcome of its last call is unknown."""
        if outcome_unknown.get():
            raise _outcome_unknown(name, ctx)
        policy = policy_of(tool)
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
