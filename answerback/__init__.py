"""The durable layer under a chat agent.

A platform sends a signed webhook. `ingress` verifies it, stores the event once (`store.accept`) and
only then acknowledges it. A `worker` claims the event's thread, which is its lock, replays the
thread's history, runs the agent, and commits: history, inbox, outbox and lock change in one step.
From the outbox the reply goes to the platform, once. What cannot be handled lies in the dead letters.

To write an agent, `Agent`, `Listen`, `Turn`, `idempotent` and `public` are all there is, and two exceptions of steps:
`NoEffect`, for a step to raise, and `OutcomeUnknown`, for an agent to catch.
"""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from answerback.agents import Agent, Listen, NoEffect, OutcomeUnknown, Turn, idempotent, public

# A wheel holds ingress, worker and tools inside this package; in a checkout they lie beside it. `answerback.worker` is
# found in both, and a project's own `worker.py` or `tools/` is never taken for ours.
_here = os.path.dirname(os.path.abspath(__file__))
if not os.path.isdir(os.path.join(_here, "worker")):
    __path__.append(os.path.dirname(_here))

__all__ = ["Agent", "Listen", "NoEffect", "OutcomeUnknown", "Turn", "idempotent", "public"]


def __getattr__(name: str) -> Any:
    # Ingress and the CLI import this package too, and have no use for what agents need.
    if name in __all__:
        from answerback import agents

        return getattr(agents, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
