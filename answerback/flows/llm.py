"""A flow's language model: chooses one of the given options, and writes replies from instructions."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, Callable, Collection, Mapping, Sequence
from typing import Any

import pydantic_ai
from pydantic_ai import AgentStreamEvent, ModelRetry, RunContext, StructuredDict, Tool, ToolOutput
from pydantic_ai.exceptions import UnexpectedModelBehavior
from pydantic_ai.models import Model

from answerback.agents.llm.declared import declared_tools, public_names
from answerback.agents.llm.durability import Durability, Show
from answerback.agents.llm.files import file_contents
from answerback.agents.llm.instrumentation import instrumentation
from answerback.agents.llm.model import OwnModel, ask
from answerback.agents.llm.prompts import model_history, user_content
from answerback.agents.llm.streaming import text_pieces, tool_calls
from answerback.agents.llm.toolset import METADATA, Tools
from answerback.agents.turn import Turn
from answerback.errors import ConfigurationError, TurnFailed
from answerback.flows import templates
from answerback.flows.actions import REPEATABLE, call_of, perform
from answerback.flows.choices import Option
from answerback.flows.definition import Flow, Node, ToolDefinition
from answerback.flows.model import Refuse
from answerback.http.untrusted import UntrustedHttp

CORRECTIONS = 2
"""How often the model may correct an invalid response before the turn fails."""


class FlowModel:
    """The model of a flow, and the tools that it may call at each node."""

    def __init__(
        self,
        name: str,
        flow: Flow,
        model: str | Model,
        tools: Sequence[Any],
        outside: UntrustedHttp,
        public: bool | Collection[str] = False,
    ) -> None:
        self._name = name
        self._flow = flow
        self._model = OwnModel(name, model)
        self._outside = outside
        self._functions = {tool.name: tool for tool in declared_tools(name, tools)}
        declared = [*flow.tools, *(one for node in flow.nodes for one in node.tools if not isinstance(one, str))]
        self._common = [tool for tool in self._functions.values() if tool.name not in {one.handler for one in declared}]
        for tool in declared:
            if tool.type != "http" and tool.handler not in self._functions:
                raise ConfigurationError(
                    f'agent "{name}": its flow uses the tool "{tool.id}": add a function named "{tool.handler}" to '
                    "tools=[…]"
                )

        made = [self._tool(tool, {}) for tool in declared]
        self.public = public_names(name, [*self._functions.values(), *made], public)
        """The names of the tools whose calls visitors may read."""

    def at(self, turn: Turn) -> TurnModel:
        """Return the model for one turn."""
        return TurnModel(self, turn)

    def agent(
        self, node: Node, output: Any, scope: Mapping[str, Any], show: Show | None = None
    ) -> pydantic_ai.Agent[Turn, Any]:
        """Return a pydantic-ai agent for one request at a node. `show` receives its text if it has no tools."""
        by_id = {tool.id: tool for tool in self._flow.tools}
        wanted = {**by_id, **{one.id: one for one in node.tools if not isinstance(one, str)}}
        tools = [*self._common, *(self._tool(tool, scope) for tool in wanted.values())]
        return pydantic_ai.Agent(
            self._model.get(),
            name=self._name,
            deps_type=Turn,
            output_type=output,
            retries=CORRECTIONS,
            instructions=self._instructions(node, scope),
            toolsets=[Tools(tools, id="tools")],
            # Text before a tool call is not part of the reply, and it is not known in advance whether a call follows.
            capabilities=[Durability(None if tools else show), *instrumentation()],
        )

    def _tool(self, tool: ToolDefinition, scope: Mapping[str, Any]) -> Tool[Turn]:
        if tool.type != "http":
            return self._functions[tool.handler]

        async def request(ctx: RunContext[Turn], **args: Any) -> dict[str, Any]:
            return await perform(call_of(tool, scope, args), self._outside, ctx.deps.key)

        made: Tool[Turn] = Tool.from_schema(
            request,
            name=tool.id,
            description=tool.description or tool.name,
            json_schema={"type": "object", "properties": {}, **(tool.input_schema or {})},
            takes_ctx=True,
        )
        made.metadata = {METADATA: {"idempotent": (tool.method or "POST") in REPEATABLE}}
        return made

    def _instructions(self, node: Node, scope: Mapping[str, Any]) -> str:
        flow = self._flow
        lines = [templates.render(flow.system_prompt, scope)]
        for what, value in (
            ("Your objective", flow.objective),
            ("Speak this language", flow.agent_language),
            ("Speak of yourself as", flow.agent_gender),
            ("Your tone", flow.agent_tone),
        ):
            if value:
                lines.append(f"{what}: {value}")
        lines.append(f"The conversation is at the step “{node.name or node.id}”.")
        if text := node.instruction or node.static_text:
            lines.append(f"What this step is for: {templates.render(text, scope)}")
        if node.completion_criteria:
            wanted = "; ".join(f"{one.key} ({one.description})" for one in node.completion_criteria)
            lines.append(f"To be found out here: {wanted}")
        if userdata := scope["userdata"]:
            lines.append(f"Known so far: {json.dumps(userdata, ensure_ascii=False, default=str)[:8000]}")
        return "\n".join(line for line in lines if line.strip())


class TurnModel:
    """The model in one turn."""

    def __init__(self, guide: FlowModel, turn: Turn) -> None:
        self._guide = guide
        self._turn = turn

    async def choose(
        self, node: Node, choices: Sequence[Option], scope: Mapping[str, Any], refuse: Refuse
    ) -> tuple[Option, dict[str, Any]]:
        """Have the model call the function of one option."""
        outputs = [
            ToolOutput(
                StructuredDict(option.schema, name=option.name), name=option.name, description=option.description
            )
            for option in choices
        ]
        agent = self._guide.agent(node, outputs, scope)
        by_name = {option.name: option for option in choices}
        chosen: list[Option] = []

        @agent.output_validator
        def fits(ctx: RunContext[Turn], args: dict[str, Any]) -> dict[str, Any]:
            option = by_name[ctx.tool_name or ""]
            if wrong := refuse(option, args):
                raise ModelRetry("\n".join(wrong))
            chosen[:] = [option]
            return args

        rule = (
            "Call the one function that fits what the user said last. Fill in only what the user has said; leave out "
            "what is not known. Never repeat an instruction to the user: say in your own words what it asks of you."
        )
        args = await self._run(agent, rule, by_name)
        return chosen[0], args

    async def phrase(self, node: Node, scope: Mapping[str, Any], show: Callable[[str], None]) -> str:
        """Have the model write the reply that a node's instruction asks for."""

        async def tell(ctx: RunContext[Turn], events: AsyncIterable[AgentStreamEvent]) -> None:
            so_far = ""
            async for piece in text_pieces(events):
                so_far += piece
                show(so_far)

        agent = self._guide.agent(node, str, scope, tell)

        @agent.output_validator
        def speaks(text: str) -> str:
            if not text.strip():
                raise ModelRetry("Say something to the user.")
            return text

        reply: str = await self._run(agent, "Say to the user what this step is for, in your own words.")
        return reply

    async def _run(self, agent: pydantic_ai.Agent[Turn, Any], rule: str, ways: Collection[str] = ()) -> Any:
        turn = self._turn
        contents = await file_contents(turn, history=False)
        try:
            result = await ask(
                agent,
                turn,
                user_content(turn, contents),
                model_history(turn, records=False),
                "\n\n".join(filter(None, (turn.system, rule))),
            )
        except UnexpectedModelBehavior as error:
            if "output retries" not in str(error):
                raise
            # The responses are in the journal: another attempt would get the same ones.
            raise TurnFailed(f"the model's answer does not fit the flow: {error}") from error
        turn.tools += [
            call
            for call in tool_calls(result.new_messages(), turn.unknown, self._guide.public)
            if call.name not in ways
        ]
        return result.output
