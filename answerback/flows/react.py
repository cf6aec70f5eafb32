"""The React-Flow export of a flow editor, as the flow that it means.

There, edges lie beside the nodes and name their `source` and `target`, what belongs to a node or an edge
lies in its `data`, and names are written in camelCase.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_NAMES = {
    "instructions": "instruction",
    "static_response": "static_text",
    "label": "name",
    "initial_node_id": "initial_node",
    "start_node_id": "initial_node",
}


def is_export(data: Mapping[str, Any]) -> bool:
    """Whether this is such an export."""
    config = data.get("config")
    if "initialNodeId" in data or (isinstance(config, dict) and "initialNodeId" in config):
        return True
    edges = data.get("edges")
    return isinstance(edges, list) and any(isinstance(edge, dict) and "source" in edge for edge in edges)


def flow_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """The flow. What cannot be understood stays as it is, for the check to complain of."""
    flow: dict[str, Any] = {}
    for layer in (data, data.get("globalConfig"), data.get("config")):
        flow |= _named(layer)
    flow.pop("edges", None)
    nodes = data.get("nodes")
    flow["nodes"] = [_node(node) for node in nodes] if isinstance(nodes, list) else nodes
    edges = [_edge(edge) for edge in data.get("edges") or []]
    for node in flow["nodes"] or []:
        if isinstance(node, dict):
            own = [edge for source, edge in edges if source == node.get("id")]
            node["edges"] = [*(node.get("edges") or []), *own]
    known = [node.get("id") for node in flow["nodes"] or [] if isinstance(node, dict)]
    lost = [edge for source, edge in edges if source not in known]
    if lost:
        flow["lost_edges"] = lost
    if not flow.get("initial_node") and known:
        flow["initial_node"] = known[0]
    return flow


def _node(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    found = _named(node.get("data")) | {"id": node.get("id")}
    mode = found.pop("response_mode", "static")
    # The editor keeps the text of the other mode, too.
    if mode == "llm" and found.get("instruction"):
        found["static_text"] = None
    elif mode == "static" and found.get("static_text"):
        found["instruction"] = None
    return found


def _edge(edge: Any) -> tuple[Any, Any]:
    if not isinstance(edge, dict):
        return None, edge
    found = _named({name: value for name, value in edge.items() if name not in ("data", "type", "style")})
    found |= {name: value for name, value in _named(edge.get("data")).items() if value is not None}
    found["condition"] = found.get("condition") or edge.get("label") or ""
    found["target_node_id"] = found.pop("target", None)
    return found.pop("source", None), found


def _named(layer: Any) -> dict[str, Any]:
    """Its fields by the names that a flow has for them."""
    if not isinstance(layer, dict):
        return {}
    found: dict[str, Any] = {}
    for name, value in layer.items():
        snake = re.sub(r"(?<=[a-z0-9])([A-Z])", lambda capital: f"_{capital[1].lower()}", name)
        if isinstance(value, str) and not value.strip():
            continue
        found.setdefault(_NAMES.get(snake, snake), value)
    return found
