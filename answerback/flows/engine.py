"""Run one turn of a flow: choose edges, run actions, produce the reply."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from answerback.errors import TurnFailed
from answerback.flows import schema, templates
from answerback.flows.choices import Option, held_back, options, triggers
from answerback.flows.definition import Action, Edge, Flow, Node, Trigger
from answerback.flows.graph import dead_ends
from answerback.flows.guards import asks_of_itself, guard_of
from answerback.flows.model import Model
from answerback.flows.output import ReplyBuffer
from answerback.flows.state import FlowState, scope
from answerback.log import get_logger

log = get_logger(__name__)

HOPS = 100
"""Maximum number of nodes that a turn passes through."""

Act = Callable[[Action, Mapping[str, Any]], Awaitable[dict[str, Any]]]


class Walk:
    """One turn. It changes `place`, which is stored if the turn is committed.

    `show` receives the whole reply so far whenever it grows.
    """

    def __init__(
        self,
        flow: Flow,
        place: FlowState,
        *,
        act: Act,
        model: Model | None = None,
        show: Callable[[str], None] = lambda so_far: None,
        message: str = "",
        user: str = "",
        at: int = 0,
    ) -> None:
        self._flow = flow
        self._place = place
        self._act = act
        self._model = model
        self._message = message
        self._user = user
        self._at = at
        self._said = ReplyBuffer(show)
        self._planned: list[Edge] = []
        """Edges that the model has already chosen after the one that was taken."""
        self._phrased: dict[str, str] = {}
        """Replies that the model has already written, by node id."""

    async def run(self) -> str:
        """Answer the message. Returns the reply, possibly "". Raises `TurnFailed` and what the model raises."""
        node = self._flow.by_id.get(self._place.node)
        if node is None:
            if self._place.node:
                log.warning("flow node no longer exists, starting over", node=self._place.node)
            await self._enter(self._flow.by_id[self._flow.initial_node])
        elif node.kind != "final":
            self._place.turns += 1
            edge = await self._decide(node)
            if edge is not None:
                await self._take(node, edge)
        await self._go_on()
        return str(self._said)

    async def _go_on(self) -> None:
        way: list[str] = []
        while len(way) < HOPS:
            node = self._flow.by_id[self._place.node]
            way.append(node.id)
            await self._say(node)
            if self._place.back and node.id in dead_ends(self._flow):
                self._return()
                return
            if not node.passes:
                return
            edge = await self._decide(node)
            if edge is None:
                raise TurnFailed(f'the flow cannot continue from node "{node.id}": no edge can be taken')
            await self._take(node, edge)
        raise TurnFailed(f"the flow passed {HOPS} nodes without waiting for an answer: … {' → '.join(way[-6:])}")

    def _return(self) -> None:
        """Return from a global edge's detour to the open question."""
        self._place.node = self._place.back.pop()
        self._place.turns = 0
        node = self._flow.by_id.get(self._place.node)
        if node is not None and node.words:
            self._said.add(self._render(node.words))

    async def _decide(self, node: Node) -> Edge | None:
        """Choose the edge to take and store the values that it collects; None to stay."""
        edges = self._flow.edges(node)
        if self._planned and self._planned[0] in edges and not self._guarded(node, edges):
            return self._planned.pop(0)
        self._planned.clear()
        open_to_model: list[Edge] = []
        for edge in edges:
            guard = guard_of(self._flow, edge)
            if guard is None:
                if not edge.is_fallback:
                    open_to_model.append(edge)
                continue
            fields = self._given(node, edge)
            if fields is not None and self._holds(node, edge, guard, fields):
                self._place.values |= fields
                return edge
            if fields is None and (asks_of_itself(edge, guard) or self._holds(node, edge, guard, None)):
                open_to_model.append(edge)
        fallback = next((edge for edge in edges if edge.is_fallback and guard_of(self._flow, edge) is None), None)
        over = node.max_turns is not None and self._place.turns > node.max_turns
        if fallback is not None and over and not node.passes:
            return fallback
        if node.passes and len(open_to_model) == 1 and self._given(node, open_to_model[0]) is not None:
            return open_to_model[0]
        if open_to_model and self._model is not None:
            judged = [*open_to_model, fallback] if fallback is not None else open_to_model
            return await self._ask(self._model, node, judged)
        return fallback if node.passes or node.max_turns is None else None

    def _guarded(self, node: Node, edges: Sequence[Edge]) -> bool:
        """Return whether a guard holds, which takes precedence over the model's choice."""
        return any(
            (guard := guard_of(self._flow, edge)) is not None
            and (fields := self._given(node, edge)) is not None
            and self._holds(node, edge, guard, fields)
            for edge in edges
        )

    def _given(self, node: Node, edge: Edge) -> dict[str, Any] | None:
        """Return the values that an edge collects without a model; None if it needs one."""
        if not node.passes:
            return schema.said(edge.input_schema or {}, self._message)
        return {} if all(self._place.knows(name) for name in schema.required(edge.input_schema)) else None

    def _holds(self, node: Node, edge: Edge, guard: str, fields: Mapping[str, Any] | None) -> bool:
        """Return whether a guard holds; with `fields`, also whether the edge has all it requires."""
        if fields is not None and held_back(node, edge, self._place, fields):
            return False
        return templates.holds(guard, {**self._scope(), **(fields or {})})

    async def _ask(self, model: Model, node: Node, edges: Sequence[Edge]) -> Edge | None:
        variables = self._scope()
        choices = options(self._flow, node, edges, self._place, variables)
        chosen, args = await model.choose(node, choices, variables, lambda *answer: self._refuse(node, *answer))
        self._place.values |= chosen.collected(args)
        self._phrased = {id: str(args[name]) for id, name in chosen.replies.items()}
        self._planned = list(chosen.path[1:])
        return chosen.path[0] if chosen.path else None

    def _refuse(self, node: Node, option: Option, args: Mapping[str, Any]) -> list[str]:
        fields = option.collected(args)
        values = {**self._place.values, **fields}
        silent = [name for name in option.replies.values() if not str(args.get(name) or "").strip()]
        wrong = [f"{name} is missing: say it" for name in silent]
        for number, edge in enumerate(option.path):
            if edge.input_schema:
                names = schema.fields(edge.input_schema)
                wrong += schema.faults(edge.input_schema, {name: values[name] for name in names if name in values})
            missing = held_back(node, edge, self._place, fields, first=number == 0)
            wrong += [f"{name} must be known before this can be chosen" for name in missing]
            guard = guard_of(self._flow, edge)
            if guard and not wrong and not templates.holds(guard, {**self._scope(), **fields}):
                wrong.append(f"this can be chosen only if {guard}")
        if not option.path:
            wrong += self._misfits(node, fields)
        return wrong

    def _misfits(self, node: Node, fields: Mapping[str, Any]) -> list[str]:
        """Check single values that were collected while staying, before the others of their edge are known."""
        wrong = []
        for edge in self._flow.edges(node):
            for name, field in schema.fields(edge.input_schema).items():
                if name in fields and isinstance(field, dict) and "$ref" not in str(field):
                    wrong += [f"{name}: {fault}" for fault in schema.faults({"properties": {name: field}}, fields)]
        return wrong

    async def _take(self, node: Node, edge: Edge) -> None:
        if edge.target_node_id is None:
            await self._do(edge.actions)
            return
        await self._do(triggers(node, "on_exit"))
        await self._do(edge.actions)
        if edge.target_node_id in dead_ends(self._flow) and node.id != edge.target_node_id:
            self._place.back = [*self._place.back[-9:], node.id]
        await self._enter(self._flow.by_id[edge.target_node_id])

    async def _enter(self, node: Node) -> None:
        self._place.node = node.id
        self._place.turns = 0
        self._place.visits[node.id] = self._place.visits.get(node.id, 0) + 1
        await self._do(triggers(node, "on_enter"))

    async def _say(self, node: Node) -> None:
        if node.words:
            self._said.add(self._render(node.words))
        elif node.phrased:
            worded = self._phrased.pop(node.id, None)
            if worded is None:
                if self._model is None:
                    raise TurnFailed(f'node "{node.id}" has an instruction, but there is no model to phrase it')
                worded = await self._model.phrase(node, self._scope(), self._said.begin)
            self._said.add(worded)

    async def _do(self, wanted: Sequence[Trigger]) -> None:
        for trigger in wanted:
            action = self._flow.actions_by_id[trigger.action_id]
            variables = self._scope()
            if action.run_once and action.id in self._place.ran:
                continue
            if action.condition and not templates.holds(action.condition, variables):
                continue
            self._learn(action, await self._act(action, variables))

    def _learn(self, action: Action, result: dict[str, Any]) -> None:
        if action.store_response_as:
            self._place.values[action.store_response_as] = result
        for update in action.env_updates:
            value: Any = result
            for part in update.result_path.split("."):
                value = value.get(part) if isinstance(value, dict) else None
            if value is not None:
                self._place.env[update.env_key] = str(value)
        if action.run_once and (result.get("success") or result.get("unknown")):
            self._place.ran.append(action.id)

    def _render(self, text: str) -> str:
        try:
            return templates.render(text, self._scope())
        except templates.TemplateFailed as error:
            raise TurnFailed(f'the text of node "{self._place.node}" cannot be rendered: {error}') from None

    def _scope(self) -> dict[str, Any]:
        return scope(self._flow, self._place, message=self._message, user=self._user, at=self._at)
