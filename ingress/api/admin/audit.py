"""The audit log: one line for each thing that an operator does, with who did it, from where, and to what."""

from __future__ import annotations

from answerback.log import get_logger

from ..context import RequestContext

log = get_logger(__name__)


def audit(call: RequestContext, action: str, **about: object) -> None:
    """Log what an operator did: `action` names it ("letters.replay"), `about` says to what, and what came of it."""
    caller = call.caller
    log.info(
        "operator action",
        action=action,
        operator=caller.key,
        workspace=caller.workspace,
        remote=call.request.remote,
        **about,
    )
