"""`dispatch` and `dispatch_sync`: one dispatcher for the whole process, configured by the environment."""

from __future__ import annotations

import atexit
from functools import cache

from answerback.dispatching.dispatcher import Dispatcher
from answerback.dispatching.receipt import DispatchReceipt


async def dispatch(
    agent: str,
    *,
    input: object,
    id: str | int = "",
    session: str | int = "",
    delivery: str | int = "",
    user: str | int = "",
) -> DispatchReceipt:
    """Store an event for an agent, as `Dispatcher.dispatch` does, with a dispatcher that the process shares.

    It connects to `REDIS_URL`, or over HTTP to `ANSWERBACK_URL` with `ANSWERBACK_API_KEY`.

    Example:
        receipt = await dispatch(
            "assistant", id="order-17", input={"type": "chat.message", "text": "Where is it?", "sender": "ada"}
        )
        answer = await receipt.reply(timeout=30)
    """
    return await _shared().dispatch(agent, input=input, id=id, session=session, delivery=delivery, user=user)


def dispatch_sync(
    agent: str,
    *,
    input: object,
    id: str | int = "",
    session: str | int = "",
    delivery: str | int = "",
    user: str | int = "",
) -> DispatchReceipt:
    """Store an event for an agent, as `dispatch` does, without an event loop: in a script, or a synchronous view."""
    return _shared().dispatch_sync(agent, input=input, id=id, session=session, delivery=delivery, user=user)


@cache
def _shared() -> Dispatcher:
    return Dispatcher()


# Registered when this is imported: an application's own exit handlers, which come later, still dispatch.
@atexit.register
def _close() -> None:
    if _shared.cache_info().currsize:
        _shared().close()
