"""`POST /api/v1/admin/letters/replay` and `…/drop`: act on many dead letters, selected by ids or by a filter."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Annotated

from aiohttp import web
from pydantic import ConfigDict, Field, StringConstraints, model_validator

from answerback.errors import AnswerbackError
from answerback.replies import DeadLetter
from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.threads import Threads

from ..context import RequestContext
from ..route import Model, Route, collect, route
from .audit import audit
from .letter_filter import LetterFilter, visible
from .letters import PATH

SECONDS = 5.0
"""Time limit of one request; `left` is the number of dead letters not processed by then."""

ABOUT = f"Oldest first, for at most {SECONDS:g} seconds. Repeat the request until `left` is 0."
NAMED = 1000
"""The most dead letters that the audit log lists for one request."""

LetterId = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class Chosen(Model):
    """The dead letters to act on: `ids`, or all that match `where`."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["ids"]}, {"required": ["where"]}]})

    # Not nullable: a body with one field and null for the other is refused, as in the schema.
    ids: list[LetterId] = Field(default=[], max_length=1000)
    where: LetterFilter = LetterFilter()
    before: int = Field(default=0, ge=0, description="with `where`: only those dead-lettered until then, ms; 0: all")
    fresh: bool = Field(default=False, description="replay only: discard the journal and run the turn from the start")

    @model_validator(mode="after")
    def _one_of_both(self) -> Chosen:
        if ("ids" in self.model_fields_set) == ("where" in self.model_fields_set):
            raise ValueError("give either `ids` or `where`")
        return self


class Result(Model):
    """The result of the action."""

    done: int
    failed: int = Field(description="dead letters that could not be processed and stay")
    reason: str = Field(description="why the last of those failed")
    left: int = Field(description="dead letters not processed within the time limit; repeat the request")


class LetterActions:
    """The routes that act on many dead letters."""

    def __init__(self, threads: Threads) -> None:
        self._letters = DeadLetters(threads)

    def routes(self) -> list[Route]:
        """Return the routes."""
        return collect(self, tag="Dashboard")

    @route(
        "POST",
        f"{PATH}/replay",
        scope="admin",
        summary="Replay dead letters",
        description=ABOUT,
        body=Chosen,
        returns=Result,
    )
    async def replay(self, call: RequestContext) -> web.Response:
        """Replay the selected dead letters."""

        async def replay(id: str) -> bool:
            return await self._letters.replay(id, fresh=call.body.fresh)

        return await self._each(call, "letters.replay", replay)

    @route(
        "POST",
        f"{PATH}/drop",
        scope="admin",
        summary="Delete dead letters",
        description=ABOUT,
        body=Chosen,
        returns=Result,
    )
    async def drop(self, call: RequestContext) -> web.Response:
        """Delete the selected dead letters."""
        return await self._each(call, "letters.drop", self._letters.delete)

    async def _each(self, call: RequestContext, action: str, act: Callable[[str], Awaitable[bool]]) -> web.Response:
        ids = [letter.id for letter in await self._chosen(call)]
        till = time.monotonic() + SECONDS
        done: list[str] = []
        failed, reason, tried = 0, "", 0
        for id in ids:
            if time.monotonic() > till:
                break
            tried += 1
            try:
                if await act(id):  # else another operator did it meanwhile
                    done.append(id)
            except (AnswerbackError, ValueError) as error:
                failed, reason = failed + 1, f"{id}: {error}"
        left = len(ids) - tried
        audit(call, action, count=len(done), letters=done[:NAMED], failed=failed, left=left)
        return call.answer(Result(done=len(done), failed=failed, reason=reason, left=left))

    async def _chosen(self, call: RequestContext) -> list[DeadLetter]:
        wanted: Chosen = call.body
        ids = set(wanted.ids)
        chosen = [
            letter
            async for letter in self._letters.list()
            if visible(letter, call.caller)
            and (letter.id in ids if "ids" in wanted.model_fields_set else wanted.where.fits(letter))
            and not 0 < wanted.before < letter.at
        ]
        # Replay in the order in which they failed.
        return sorted(chosen, key=lambda letter: letter.at)
