"""Warnings about a flow that works but may contain mistakes."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from answerback.flows import schema, templates
from answerback.flows.choices import sets
from answerback.flows.definition import Edge, Flow
from answerback.flows.guards import guard_of
from answerback.flows.linting import doubts

GIVEN = {"message", "user", "turns", "visits", "current_date", "current_time", "env", "userdata", "actions"}


def advice(flow: Flow) -> list[str]:
    """Return the warnings, one line each."""
    return [*map(str, doubts(flow)), *_unknown(flow), *_turns(flow)]


def _edges(flow: Flow) -> list[Edge]:
    return [edge for node in flow.nodes for edge in node.edges] + flow.global_edges


def _known(flow: Flow) -> set[str]:
    variables = GIVEN | set(flow.environment_variables)
    variables |= {name for action in flow.actions for name in sets(action)}
    variables |= {name for edge in _edges(flow) for name in schema.fields(edge.input_schema)}
    variables |= {one.key for edge in _edges(flow) for one in edge.criteria}
    return variables | {one.key for node in flow.nodes for one in node.completion_criteria}


def _unknown(flow: Flow) -> Iterator[str]:
    """Warn about variables that nothing sets: misspelled, or set by one of your own tools."""
    used = {"system_prompt": templates.names(flow.system_prompt)}
    for node in flow.nodes:
        for text in (node.static_text, node.instruction):
            used[f'node "{node.id}"'] = used.get(f'node "{node.id}"', frozenset()) | templates.names(text or "")
    for edge in _edges(flow):
        guard = guard_of(flow, edge)
        used[f'edge "{edge.id}"'] = templates.names(edge.condition) | templates.names(guard or "", guard=True)
    for action in flow.actions:
        texts = [action.url, action.body or "", *action.headers.values()]
        names = frozenset().union(*map(templates.names, texts))
        used[f'action "{action.id}"'] = names | templates.names(action.condition or "", guard=True)
    variables = _known(flow)
    for where, names in used.items():
        for name in sorted(names - variables):
            close = get_close_matches(name, list(variables), 1)
            yield f'{where}: nothing sets "{name}"' + (f' (did you mean "{close[0]}"?)' if close else "")


def _turns(flow: Flow) -> Iterator[str]:
    for node in flow.nodes:
        if node.max_turns and not any(edge.is_fallback for edge in flow.edges(node)):
            yield f'node "{node.id}": max_turns has no effect without a fallback edge'
