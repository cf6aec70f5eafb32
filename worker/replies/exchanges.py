"""The exchanges of a reply: of one that is posted, and of one that a message shows already."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from answerback.messages import Identity
from answerback.platforms import Client, Exchange, NextPage, Prepared, Sent
from answerback.replies import Reply


def request_of(client: Client, reply: Reply) -> Exchange[Sent | Prepared]:
    """Return what sends a reply."""
    if reply.shown and client.streaming:
        return client.streaming.end(reply)
    return client.post(reply)


def found_by(client: Client, reply: Reply) -> Callable[[Reply, Identity], Exchange[Sent | NextPage | None]]:
    """Return what looks for a reply."""
    return client.streaming.find if reply.shown and client.streaming else client.find


def limits_of(client: Client, reply: Reply) -> Sequence[str]:
    """Return the scopes of the rate limits that apply to sending a reply."""
    if reply.shown and client.streaming:
        return client.streaming.limits(reply, "end")
    return client.limits(reply, looking=False)
