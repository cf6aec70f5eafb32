"""Messages that were posted again although their platform had told of the first one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Mapping, Sequence

from answerback.testing.standins.journal import Posted
from tests.acceptance.talks import Token, Verdict, token

MARGIN = 2000
"""ms in which a request may have been on its way when a status arrived."""


def needless(
    verdict: Verdict, posted: Sequence[Posted], told: Mapping[str, int], asked_for: Container[tuple[str, int]]
) -> list[str]:
    """Return what was posted again for nothing.

    told: when a webhook about a message was taken, ms by the platform's clock. asked_for: what an operator replayed.
    """
    copies: defaultdict[Token, list[Posted]] = defaultdict(list)
    for message in posted:
        if (found := token(message.body)) in verdict.repeated:
            copies[found].append(message)
    return [
        f"{each} was posted again after its status: {[message.at for message in messages]}"
        for each, messages in copies.items()
        if (each.talk, each.number) not in asked_for
        and any(told.get(message.id, messages[-1].at) < messages[-1].at - MARGIN for message in messages[:-1])
    ]
