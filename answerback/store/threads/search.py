"""Searching threads by platform, agent, state or text. Redis filters a thousand at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final, Literal
from unicodedata import normalize

import msgspec

from answerback.store import keys
from answerback.store.threads.recency import Recency
from answerback.store.threads.threads import Threads
from answerback.store.threads.views import State, ThreadSummary, thread_summary

_FORM: Final = "NFKC"
PAGE = 1000
"""Threads that Redis filters in one call, which takes a few milliseconds."""


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Criteria of a search. A field that is left out matches every thread.

    Attributes:
        agent: The agent a chat was opened for; of other threads, the one that answered last.
        text: A part of the title, channel, user or id; case, the form of its letters and spaces around it do not
            matter.
    """

    platform: str = ""
    agent: str = ""
    state: State | Literal[""] = ""
    text: str = ""
    archived: bool | None = None
    pinned: bool | None = None

    @property
    def everything(self) -> bool:
        """Whether every thread matches."""
        return self == Filter()


async def matching(threads: Threads, ids: Sequence[str], wanted: Filter) -> list[str]:
    """Return those of `ids` (at most `PAGE`) that match, in order."""
    if wanted.everything or not ids:
        return list(ids)
    flags = {None: "", True: "yes", False: "no"}
    text = _folded(wanted.text.strip())
    fit: set[str] = set()
    for p, here in (await threads.partitions.group(ids)).items():
        names = [keys.queue(p, "ready"), keys.clock(p), *(keys.thread(p, id) for id in here)]
        for number, *about in await threads.scripts.filter(
            names,
            platform=wanted.platform,
            wanted=wanted.agent,
            state=wanted.state,
            archived=flags[wanted.archived],
            pinned=flags[wanted.pinned],
            threads=here,
        ):
            id = here[number - 1]
            if not text or text in _folded("\n".join((id, *(part.decode(errors="replace") for part in about)))):
                fit.add(id)
    return [id for id in ids if id in fit]


def _folded(text: str) -> str:
    # "é" may be one letter, or an "e" and an accent: macOS writes the latter.
    return text.casefold() if text.isascii() else normalize(_FORM, normalize(_FORM, text).casefold())


async def listed(threads: Threads, *, limit: int = 50, wanted: Filter | None = None) -> AsyncIterator[ThreadSummary]:
    """Yield the matching threads, most recently changed first."""
    recency = Recency(threads.database, [keys.threads(p) for p in await threads.partitions.all()])
    wanted = wanted or Filter()
    given = 0
    while given < limit and (ids := await recency.next(min(PAGE, limit) if wanted.everything else PAGE)):
        for id in (await matching(threads, ids, wanted))[: limit - given]:
            if (summary := await thread_summary(threads, id)) is not None:
                given += 1
                yield summary
        recency.past(ids[-1])
