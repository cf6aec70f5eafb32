"""The format of a dialog flow: nodes, edges, actions. docs/flows.md explains the meaning."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

from answerback.flows import legacy

Kind = Literal["router", "instruction", "static", "final"]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


def _pairs(value: Any) -> Any:
    """Return {name: value}; a list of {key, value} is converted."""
    if not isinstance(value, list):
        return value
    if not all(isinstance(pair, dict) and isinstance(pair.get("key"), str) and "value" in pair for pair in value):
        raise ValueError('must be {name: value}, or a list of {"key": …, "value": …}')
    return {pair["key"]: pair["value"] for pair in value}


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) else value


def _body(value: Any) -> Any:
    if value in (None, ""):
        return None
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else value


def _updates(value: Any) -> Any:
    """Return a list of {env_key, result_path}; pairs are converted."""
    if isinstance(value, list) and not any(isinstance(one, dict) and "key" in one for one in value):
        return value
    pairs = _pairs(value)
    return (
        [{"env_key": name, "result_path": path} for name, path in pairs.items()] if isinstance(pairs, dict) else pairs
    )


def _none_as(empty: Any) -> BeforeValidator:
    return BeforeValidator(lambda value: empty if value is None else value)


Text = Annotated[str, BeforeValidator(_text)]
Pairs = Annotated[dict[str, Text], BeforeValidator(_pairs), _none_as({})]
Flag = Annotated[bool, _none_as(False)]
Some = _none_as([])


class _Part(BaseModel):
    # Ignore an editor's own fields, such as positions and colors.
    model_config = ConfigDict(extra="ignore", frozen=True)


class Criterion(_Part):
    """A value that must be collected, stored under `key`."""

    key: str
    description: str = ""
    required: bool = True


class Trigger(_Part):
    """When an action runs: on entering or leaving its node. An edge's actions run when the edge is taken."""

    action_id: str
    trigger: Literal["on_enter", "on_exit"] = Field(
        "on_enter", validation_alias=AliasChoices("trigger", "trigger_type")
    )


class EnvUpdate(_Part):
    """A variable set from an action's result. `result_path`: such as "data.access_token"."""

    env_key: str
    result_path: str


class Action(_Part):
    """An HTTP request. `url`, `headers` and `body` are templates.

    Attributes:
        timeout: Seconds.
        condition: An expression; the action runs only if it holds.
        run_once: Run once per conversation.
        idempotent: Whether it may be repeated if its outcome is unknown; None: GET, PUT and DELETE may.
    """

    id: str
    name: str = ""
    description: str = ""
    method: Annotated[Method, BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value)]
    url: str
    headers: Pairs = {}
    body: Annotated[str | None, BeforeValidator(_body)] = Field(
        None, validation_alias=AliasChoices("body", "body_template")
    )
    timeout: float = Field(30, gt=0, le=300)
    store_response_as: str | None = None
    env_updates: Annotated[list[EnvUpdate], BeforeValidator(_updates), Some] = []
    run_once: Flag = False
    string_fields: Annotated[list[str], Some] = []
    condition: str | None = None
    idempotent: bool | None = None


class ToolDefinition(_Part):
    """A tool that the model may call at a node: an HTTP request, or the agent's function named by `handler_id`."""

    id: str
    name: str = ""
    description: str = ""
    input_schema: dict[str, Any] | None = None
    handler_id: str | None = None
    type: Literal["python", "http", "mcp"] = "python"
    url: str | None = None
    method: Method | None = None
    headers: Pairs = {}

    @property
    def handler(self) -> str:
        """The name of the function that implements it."""
        return self.handler_id or self.id


class Edge(_Part):
    """A transition to another node. `condition` is prose for the model; `guard` is an expression and needs no model.

    Attributes:
        input_schema: A JSON schema of an object whose fields are the values to collect.
        criteria: Values that must be known before the edge is taken.
        is_fallback: Taken if no other edge can be, or after `max_turns`.
    """

    id: str
    condition: Annotated[str, _none_as("")] = ""
    target_node_id: str | None = None
    input_schema: dict[str, Any] | None = None
    criteria: Annotated[list[Criterion], Some] = []
    guard: str | None = None
    is_fallback: Flag = False
    actions: Annotated[list[Trigger], Some] = []


class Node(_Part):
    """A step of the conversation.

    Attributes:
        auto_proceed: Continue without waiting for an answer.
        completion_criteria: Values to collect here; without `allow_skip`, its edges need the required ones.
        max_turns: Messages answered here before the fallback edge is taken.
        interruptible: Whether global edges can leave it.
    """

    id: str
    name: str = ""
    instruction: str | None = None
    static_text: str | None = None
    is_final: Flag = False
    node_type: Kind | None = None
    auto_proceed: Flag = False
    edges: Annotated[list[Edge], Some] = []
    actions: Annotated[list[Trigger], Some] = []
    completion_criteria: Annotated[list[Criterion], Some] = []
    max_turns: Annotated[int | None, BeforeValidator(lambda value: value or None)] = Field(None, ge=1)
    allow_skip: Annotated[bool, _none_as(True)] = True
    interruptible: Annotated[bool, _none_as(True)] = True
    tools: Annotated[list[str | ToolDefinition], Some] = []

    @cached_property
    def kind(self) -> Kind:
        """The declared type, or the one that follows from its texts."""
        if self.is_final or self.node_type == "final":
            return "final"
        if self.node_type:
            return self.node_type
        if self.instruction:
            silent = not self.static_text and self.edges and legacy.says_nothing(self.instruction)
            return "router" if silent else "instruction"
        return "static" if self.static_text else "router"

    @property
    def words(self) -> str | None:
        """The text that is sent verbatim; None if there is none."""
        if self.kind == "static" or (self.kind == "final" and self.static_text):
            return self.static_text
        return None

    @property
    def phrased(self) -> str | None:
        """The instruction from which a model writes the reply; None if there is none."""
        return self.instruction if self.kind in ("instruction", "final") and self.words is None else None

    @cached_property
    def passes(self) -> bool:
        """Whether the conversation continues from here without waiting for an answer."""
        if self.kind in ("router", "final"):
            return self.kind == "router"
        return self.auto_proceed or bool(self.edges and self.instruction and legacy.goes_on(self.instruction))


class Flow(_Part):
    """A whole flow. `answerback.flows.loading` reads and checks it."""

    system_prompt: Annotated[str, _none_as("")] = ""
    initial_node: str
    nodes: list[Node]
    global_edges: Annotated[list[Edge], Some] = []
    actions: Annotated[list[Action], Some] = Field([], validation_alias=AliasChoices("actions", "global_actions"))
    environment_variables: Pairs = Field({}, validation_alias=AliasChoices("environment_variables", "env_vars"))
    tools: Annotated[list[ToolDefinition], Some] = []
    objective: Annotated[str, _none_as("")] = ""
    agent_language: Annotated[str, _none_as("")] = ""
    agent_gender: Annotated[str, _none_as("")] = ""
    agent_tone: Annotated[str, _none_as("")] = ""
    lost_edges: Annotated[list[Any], Some] = []
    """Edges of an editor's export whose source is not a node: they can never be taken."""

    @cached_property
    def by_id(self) -> dict[str, Node]:
        """The nodes by id."""
        return {node.id: node for node in self.nodes}

    @cached_property
    def actions_by_id(self) -> dict[str, Action]:
        """The actions by id."""
        return {action.id: action for action in self.actions}

    def edges(self, node: Node) -> list[Edge]:
        """Return a node's own edges, then the global edges that they do not replace."""
        if node.kind == "final":
            return []
        if not node.interruptible or node.passes:
            return node.edges
        own = {edge.id for edge in node.edges}
        return [*node.edges, *(edge for edge in self.global_edges if edge.id not in own)]
