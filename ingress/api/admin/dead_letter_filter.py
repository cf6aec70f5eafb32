"""Filter dead letters by kind, agent, text and reason; group reasons that differ only in ids."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from answerback.replies import DeadLetter
from answerback.store.thread_ids import workspace_of

from ..context import Principal
from ..route import Model

LONGEST = 200
"""Characters of a reason that are compared."""
# What varies between messages: quoted words, ids, numbers. The alternatives cannot overlap, so the search is linear.
_VARYING = re.compile(r"'[^']{0,200}'|\"[^\"]{0,200}\"|\b(?=[0-9a-f]*[0-9])[0-9a-f]{6,64}\b|\d+")


class DeadLetterFilter(Model):
    """A filter of dead letters."""

    kind: Literal["", "event", "reply"] = ""
    agent: str = Field(default="", max_length=200)
    reason: str = Field(default="", max_length=500, description="a `reason` of the list's `reasons`")
    q: str = Field(default="", max_length=200, description="part of the reason, thread, id or error")

    def matches(self, letter: DeadLetter, general: str) -> bool:
        """Return whether a dead letter with this general reason matches."""
        text = f"{letter.reason}\n{letter.thread}\n{letter.id}\n{letter.error}".lower()
        return (
            self.kind in ("", letter.kind)
            and self.agent in ("", letter.agent)
            and self.reason in ("", general)
            and self.q.lower() in text
        )


class ReasonCount(Model):
    """Dead letters with the same reason."""

    reason: str = Field(description="the common part of their reasons; … replaces what varies")
    count: int


def general_reason(reason: str) -> str:
    """Return a reason without the parts that vary between messages."""
    return _VARYING.sub("…", reason[:LONGEST])


def most_frequent(reasons: Iterable[str], *, limit: int = 50) -> list[ReasonCount]:
    """Count reasons, and return the most frequent ones."""
    return [ReasonCount(reason=reason, count=count) for reason, count in Counter(reasons).most_common(limit)]


def visible(letter: DeadLetter, caller: Principal) -> bool:
    """Return whether a dead letter belongs to the caller's workspace."""
    return workspace_of(letter.thread) == caller.workspace
