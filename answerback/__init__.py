"""The durable layer under a chat agent.

A platform sends a signed webhook. `ingress` verifies it, stores the event once (`store.accept`) and
only then acknowledges it. A `worker` claims the event's thread (the lock), replays the thread's
history, runs the agent and commits: history, inbox, outbox and lock change in one step. The reply
is posted from the outbox once. Whatever cannot be handled becomes a dead letter.

Your own code puts events in with `dispatch`. The API for agent authors is `Agent`, `Listen`, `Turn`, `idempotent` and
`public`; `Button`, `Select`, `Form`, `Field`, `File`, `Template` and `ReviewComment` for what replies have besides
text; and exceptions: `NoEffect`, which a step raises, `OutcomeUnknown` and `UnsupportedReply`, which an agent may
catch. `Dialog` and `SessionWorker` run an agent in your own process, without all that.
"""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from answerback.agents import (
        Agent,
        Listen,
        NoEffect,
        OutcomeUnknown,
        SentReply,
        Turn,
        UnsupportedReply,
        idempotent,
        public,
    )
    from answerback.dialogs import Dialog, RedisSessions, SessionWorker
    from answerback.dispatching import Dispatcher, dispatch, dispatch_sync
    from answerback.messages import Document
    from answerback.outgoing import Button, Field, File, Form, ReviewComment, Select, Template

# A wheel contains ingress, worker and tools inside this package; in a checkout they are beside it. `answerback.worker`
# is importable in both, and never resolves to a project's own `worker.py` or `tools/`.
_here = os.path.dirname(os.path.abspath(__file__))
if not os.path.isdir(os.path.join(_here, "worker")):
    __path__.append(os.path.dirname(_here))

__all__ = [
    "Agent",
    "Button",
    "Dialog",
    "Dispatcher",
    "Document",
    "Field",
    "File",
    "Form",
    "Listen",
    "NoEffect",
    "OutcomeUnknown",
    "RedisSessions",
    "ReviewComment",
    "Select",
    "SentReply",
    "SessionWorker",
    "Template",
    "Turn",
    "UnsupportedReply",
    "dispatch",
    "dispatch_sync",
    "idempotent",
    "public",
]


def __getattr__(name: str) -> Any:
    # Loaded lazily: ingress, the CLI and applications that dispatch import this package too and need no agent modules.
    if name in ("Dispatcher", "dispatch", "dispatch_sync"):
        from answerback import dispatching

        return getattr(dispatching, name)
    if name in ("Dialog", "RedisSessions", "SessionWorker"):
        from answerback import dialogs

        return getattr(dialogs, name)
    if name == "Document":
        from answerback.messages import Document

        return Document
    if name in ("Button", "Field", "File", "Form", "ReviewComment", "Select", "Template"):
        from answerback import outgoing

        return getattr(outgoing, name)
    if name in __all__:
        from answerback import agents

        return getattr(agents, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
