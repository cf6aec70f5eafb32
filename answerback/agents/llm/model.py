"""Run an agent that is a language model."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, TypeVar

import pydantic_ai
from pydantic import BaseModel
from pydantic_ai import RunContext, Tool, ToolOutput
from pydantic_ai.durable_exec import replay_scope
from pydantic_ai.exceptions import UsageLimitExceeded, UserError
from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    UserContent,
)
from pydantic_ai.models import Model, infer_model
from pydantic_ai.run import AgentRunResult
from pydantic_ai.usage import RunUsage, UsageLimits

from answerback.agents.knowledge.knowledge import SEARCH_KNOWLEDGE
from answerback.agents.llm.declared import declared_tools, public_names
from answerback.agents.llm.durability import Durability, running
from answerback.agents.llm.files import file_contents, without_files
from answerback.agents.llm.instrumentation import instrumentation
from answerback.agents.llm.prompts import model_history, user_content
from answerback.agents.llm.replacement import replacement
from answerback.agents.llm.streaming import stream_text, stream_tools, tool_calls
from answerback.agents.llm.subject import about
from answerback.agents.llm.toolset import METADATA, REPLY, STAY_SILENT, Tools
from answerback.agents.overrides import Overrides, Prepare, overrides
from answerback.agents.turn import Turn
from answerback.errors import ConfigurationError, LimitExceeded, TurnFailed
from answerback.messages import Usage

T = TypeVar("T")


def as_model(
    name: str,
    model: str | Model,
    instructions: str | Callable[[Turn], str],
    tools: Sequence[Any],
    public: bool | Collection[str] = False,
    *,
    prepare: Prepare | None = None,
    may_stay_silent: bool = False,
    output: Any = None,
    searches: bool = False,
) -> Callable[[Turn], Awaitable[Any]]:
    """Return an agent function that runs the model. Raises `ConfigurationError` for a model that cannot work."""
    own_model, kind = OwnModel(name, model), str if output is None else output

    built_in = [_SEARCH] if searches else []

    def bind(model: Model, changes: Overrides) -> tuple[pydantic_ai.Agent[Turn, Any], frozenset[str]]:
        own = declared_tools(name, changes.get("tools", tools))
        agent = pydantic_ai.Agent(
            model,
            name=name,
            deps_type=Turn,
            output_type=[kind, _SILENCE] if may_stay_silent else kind,
            instructions=_instructions(changes.get("instructions", instructions)),
            toolsets=[Tools([_REPLY, *built_in, *own], id="tools")],
            capabilities=[Durability(stream_text, stream_tools), *instrumentation()],
        )
        return agent, public_names(name, [*built_in, *own], public, more=prepare is not None)

    # A durable agent has one model: another one, in a test, needs another agent.
    bound_model = own_model.get()
    bound = bind(bound_model, {})

    async def bound_for(turn: Turn) -> tuple[pydantic_ai.Agent[Turn, Any], frozenset[str]]:
        nonlocal bound, bound_model
        if prepare is not None and (changes := await overrides(name, prepare, turn)):
            try:
                other_model = OwnModel(name, changes["model"]) if "model" in changes else own_model
                return bind(other_model.get(), changes)
            except ConfigurationError as error:
                raise TurnFailed(f"{error} (returned by its prepare function)") from error
        if (current := own_model.get()) is not bound_model:
            bound, bound_model = bind(current, {}), current
        return bound

    async def think(turn: Turn) -> Any:
        agent, turn.public = await bound_for(turn)
        contents = await file_contents(turn, history=True)
        content = [*about(turn.events, turn.history), *user_content(turn, contents)]
        result = await ask(agent, turn, content, model_history(turn, contents, records=True))
        recorded = without_files(result.new_messages(), turn.attachments, contents)
        turn.model = ModelMessagesTypeAdapter.dump_json(recorded)
        turn.tools = tool_calls(result.new_messages(), turn.unknown, turn.public)
        if output is not None:
            return None if isinstance(result.output, Silence) else result.output
        # A model that posted everything with the reply tool may have nothing to add.
        return result.output if isinstance(result.output, str) and result.output.strip() else None

    return think


async def ask(
    agent: pydantic_ai.Agent[Turn, T],
    turn: Turn,
    content: Sequence[UserContent],
    history: Sequence[ModelMessage],
    instructions: str | None = None,
) -> AgentRunResult[T]:
    """Run a model as part of a turn. Raises `LimitExceeded` when the turn has no tokens left."""
    token = running.set(turn)
    # Responses recorded by earlier attempts are returned with their usage and counted again. The journal limits steps.
    before = turn.usage or Usage()
    usage = RunUsage(input_tokens=before.input_tokens, output_tokens=before.output_tokens)
    tokens = turn.journal.limits.tokens
    try:
        # Responses and results that an earlier attempt recorded are not traced again.
        with replay_scope():
            return await agent.run(
                content,
                conversation_id=turn.thread,
                deps=turn,
                message_history=history,
                instructions=instructions,
                usage=usage,
                usage_limits=UsageLimits(request_limit=None, total_tokens_limit=tokens),
            )
    except UserError as error:
        raise TurnFailed(f'agent "{turn.agent}" cannot run: {error}') from error
    except UsageLimitExceeded as error:
        if tokens is None or usage.total_tokens <= tokens:
            raise
        raise LimitExceeded(f"the turn used more than {tokens} tokens: {usage.total_tokens}") from error
    finally:
        running.reset(token)


async def _reply(ctx: RunContext[Turn], text: str) -> str:
    """Post a message in this conversation at once, before your final answer.

    Use it only to say that something takes a while: your final answer is posted by itself.
    """
    await ctx.deps.reply(text)
    return "posted"


class Silence(BaseModel):
    """The output of a model that chose not to reply."""


_SILENCE = ToolOutput(
    Silence,
    name=STAY_SILENT,
    description="End this turn without a reply: call it when the message is not for you, or needs no answer.",
)

_REPLY: Tool[Turn] = Tool(_reply, name=REPLY, metadata={METADATA: {"journaled": False}})


class OwnModel:
    """The model that an agent names. It is found at once, unless another one replaces it: that one needs no API key.

    Raises `ConfigurationError` for a model that cannot work.
    """

    def __init__(self, name: str, model: str | Model) -> None:
        self._name = name
        self._named = model
        self._model: Model | None = None
        self.get()

    def get(self) -> Model:
        """Return the model to run now: the replacement, if there is one."""
        if (other := replacement.get()) is not None:
            return other
        if self._model is None:
            self._model = find_model(self._name, self._named)
        return self._model


async def _search(ctx: RunContext[Turn], query: str) -> list[dict[str, str]] | str:
    """Search the knowledge base for passages that answer a question.

    Use it before you answer anything that it may contain, and name the sources that your answer is based on.

    Args:
        query: Keywords of what you look for, in the language of the documents.
    """
    documents = await ctx.deps.retrieve(query)
    return [{"source": each.source, "text": each.text} for each in documents] or "Nothing was found."


_SEARCH: Tool[Turn] = Tool(_search, name=SEARCH_KNOWLEDGE, metadata={METADATA: {"journaled": False}})


def find_model(name: str, model: str | Model) -> Model:
    """Return the model that an agent names. Raises `ConfigurationError` for one that cannot work."""
    if not isinstance(model, (str, Model)):
        raise ConfigurationError(
            f'agent "{name}": model must be a name, such as "anthropic:claude-haiku-4-5", or pydantic-ai\'s Model, not '
            f"{type(model).__module__.partition('.')[0]}'s {type(model).__name__}"
        )
    try:
        inferred = infer_model(model)
    except (UserError, ImportError) as error:
        raise ConfigurationError(f'agent "{name}": {error}') from None
    _disable_retries(inferred)
    return inferred


def _disable_retries(model: Model) -> None:
    """Turn off the retries of the provider's client, which would multiply those of the turn."""
    client: Any = getattr(model, "client", None)
    if hasattr(client, "max_retries"):
        client.max_retries = 0
    for inner in (getattr(model, "wrapped", None), *getattr(model, "models", ())):
        if isinstance(inner, Model):
            _disable_retries(inner)


def _instructions(instructions: str | Callable[[Turn], str]) -> Any:
    def instruct(ctx: RunContext[Turn]) -> str:
        own = instructions if isinstance(instructions, str) else instructions(ctx.deps)
        return "\n\n".join(filter(None, (own, ctx.deps.system)))

    return instruct
