"""The position of a thread in its agent's dialog flow: written by a worker, shown by the ingress.

Apart from `answerback.flows`, so that the ingress need not load what runs a flow.
"""

from __future__ import annotations

import msgspec

from answerback.codec import decoder
from answerback.diagrams.diagram import Sketch

KEY = "flows"
"""Key in a thread's state for the flow states, by agent name; see `answerback.flows.state.FlowState`."""


class _Place(msgspec.Struct):
    node: str


_decode_sketch = decoder(Sketch)
_decode_places = decoder(dict[str, object])


class FlowPosition(msgspec.Struct, frozen=True):
    """A thread's position in its agent's flow. `node`: the id of the node, which may no longer exist in the flow."""

    agent: str
    node: str
    sketch: Sketch

    @classmethod
    def read(cls, agent: str, state: bytes, diagram: bytes) -> FlowPosition | None:
        """Decode a thread's state and the diagram of its agent's flow; None if the thread is not in that flow."""
        try:
            # An agent without a flow may use the key for something else.
            flows = _decode_places(state).get(KEY)
            place = msgspec.convert(flows.get(agent), _Place) if isinstance(flows, dict) else None
            return cls(agent, place.node, _decode_sketch(diagram)) if place else None
        except msgspec.MsgspecError:
            # No position, or one written by a newer version.
            return None
