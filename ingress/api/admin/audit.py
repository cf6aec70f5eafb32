"""The audit log: one line per operator action, with the operator, their address and the object."""

from __future__ import annotations

from answerback.log import get_logger

from ..context import RequestContext

log = get_logger(__name__)


def audit(call: RequestContext, action: str, **about: object) -> None:
    """Log an operator action, such as "letters.replay". `about` has its objects and its result."""
    caller = call.caller
    log.info(
        "operator action",
        action=action,
        operator=caller.key,
        workspace=caller.workspace,
        remote=call.request.remote,
        **about,
    )
