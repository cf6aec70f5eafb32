"""Convert the React Flow export of a flow editor to our format.

In an export, edges are in a list of their own with `source` and `target`, the fields of nodes and edges are in
`data`, and names are in camelCase.
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
    """Return whether the data is a React Flow export."""
    config = data.get("config")
    if "initialNodeId" in data or (isinstance(config, dict) and "initialNodeId" in config):
        return True
    edges = data.get("edges")
    return isinstance(edges, list) and any(isinstance(edge, dict) and "source" in edge for edge in edges)


def flow_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the flow. Whatever cannot be converted is left as it is, for the check to report."""
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
    ids = [node.get("id") for node in flow["nodes"] or [] if isinstance(node, dict)]
    lost = [edge for source, edge in edges if source not in ids]
    if lost:
        flow["lost_edges"] = lost
    if not flow.get("initial_node") and ids:
        flow["initial_node"] = ids[0]
    return flow


def _node(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    fields = _named(node.get("data")) | {"id": node.get("id")}
    mode = fields.pop("response_mode", "static")
    # The editor also keeps the text of the other mode.
    if mode == "llm" and fields.get("instruction"):
        fields["static_text"] = None
    elif mode == "static" and fields.get("static_text"):
        fields["instruction"] = None
    return fields


def _edge(edge: Any) -> tuple[Any, Any]:
    if not isinstance(edge, dict):
        return None, edge
    fields = _named({name: value for name, value in edge.items() if name not in ("data", "type", "style")})
    fields |= {name: value for name, value in _named(edge.get("data")).items() if value is not None}
    fields["condition"] = fields.get("condition") or edge.get("label") or ""
    fields["target_node_id"] = fields.pop("target", None)
    return fields.pop("source", None), fields


def _named(layer: Any) -> dict[str, Any]:
    """Return the fields under the names of our format."""
    if not isinstance(layer, dict):
        return {}
    fields: dict[str, Any] = {}
    for name, value in layer.items():
        snake = re.sub(r"(?<=[a-z0-9])([A-Z])", lambda capital: f"_{capital[1].lower()}", name)
        if isinstance(value, str) and not value.strip():
            continue
        fields.setdefault(_NAMES.get(snake, snake), value)
    return fields
