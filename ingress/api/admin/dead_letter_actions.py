"""`POST /api/v1/admin/dead-letters/replay` and `…/delete`: act on many dead letters, selected by ids or by a filter."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated

from aiohttp import web
from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints, model_validator

from answerback.errors import AnswerbackError, BadCursor
from answerback.replies import DeadLetter
from answerback.store.cursors import cursor_of, place_of
from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.threads import Threads

from ...problems import FieldError, Problem
from ..context import RequestContext
from ..route import Model, Route, collect, route
from .audit import audit
from .dead_letter_filter import DeadLetterFilter, general_reason, visible
from .dead_letters import PATH

SECONDS = 5.0
"""Time limit of one request."""
ABOUT = f"Oldest first, for at most {SECONDS:g} seconds. Repeat the request with `next_cursor` until that is null."
LOGGED = 1000
"""The most dead letters that the audit log lists for one request."""

DeadLetterId = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class Selection(Model):
    """The dead letters to act on: `ids`, or all that match `where`."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["ids"]}, {"required": ["where"]}]})

    # Not nullable: a body with one field and null for the other is refused, as in the schema.
    ids: list[DeadLetterId] = Field(default=[], max_length=1000)
    where: DeadLetterFilter = DeadLetterFilter()
    before: AwareDatetime | None = Field(default=None, description="only those dead-lettered until then")
    cursor: str = Field(default="", max_length=1000, description="the `next_cursor` of the previous request")
    fresh: bool = Field(default=False, description="replay only: discard the journal and run the turn from the start")

    @model_validator(mode="after")
    def _one_of_both(self) -> Selection:
        if ("ids" in self.model_fields_set) == ("where" in self.model_fields_set):
            raise ValueError("give either `ids` or `where`")
        return self


class Result(Model):
    """The result of the action."""

    done: int
    failed: int = Field(description="dead letters that could not be processed and stay")
    reason: str = Field(description="why the last of those failed")
    next_cursor: str | None = Field(description="where to continue after the time limit; null if all are processed")


class DeadLetterActions:
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
        body=Selection,
        returns=Result,
    )
    async def replay(self, call: RequestContext) -> web.Response:
        """Replay the selected dead letters."""

        async def replay(id: str) -> bool:
            return await self._letters.replay(id, fresh=call.body.fresh)

        return await self._each(call, "dead_letters.replay", replay)

    @route(
        "POST",
        f"{PATH}/delete",
        scope="admin",
        summary="Delete dead letters",
        description=ABOUT,
        body=Selection,
        returns=Result,
    )
    async def delete(self, call: RequestContext) -> web.Response:
        """Delete the selected dead letters."""
        return await self._each(call, "dead_letters.delete", self._letters.delete)

    async def _each(self, call: RequestContext, action: str, act: Callable[[str], Awaitable[bool]]) -> web.Response:
        deadline = time.monotonic() + SECONDS
        done: list[str] = []
        failed, reason = 0, ""
        cursor: str | None = None
        try:
            async for letter, position in self._selected(call):
                if letter is not None:
                    try:
                        if await act(letter.id):  # else another operator did it meanwhile
                            done.append(letter.id)
                    except (AnswerbackError, ValueError) as error:
                        failed, reason = failed + 1, f"{letter.id}: {error}"
                if time.monotonic() > deadline:
                    cursor = position
                    break
        except BadCursor as error:
            place = FieldError(where="body", at="/cursor", detail=str(error))
            raise Problem(422, "request body failed validation", code="invalid", errors=[place]) from None
        audit(call, action, count=len(done), dead_letters=done[:LOGGED], failed=failed, complete=cursor is None)
        return call.answer(Result(done=len(done), failed=failed, reason=reason, next_cursor=cursor))

    async def _selected(self, call: RequestContext) -> AsyncIterator[tuple[DeadLetter | None, str]]:
        """Yield the position of each dead letter, and the dead letter itself if it is selected.

        Oldest first: events of one thread are replayed in the order in which they failed.
        """
        selection: Selection = call.body
        until = round(selection.before.timestamp() * 1000) if selection.before else None
        by_id = "ids" in selection.model_fields_set
        candidates = self._named(selection) if by_id else self._letters.scan(selection.cursor, oldest_first=True)
        async for letter, position in candidates:
            if until is not None and letter.at > until:
                return
            fits = by_id or selection.where.matches(letter, general_reason(letter.reason))
            yield letter if fits and visible(letter, call.caller) else None, position

    async def _named(self, selection: Selection) -> AsyncIterator[tuple[DeadLetter, str]]:
        after = place_of(selection.cursor, tuple[int, str]) if selection.cursor else (0, "")
        letters = await self._letters.read(list(dict.fromkeys(selection.ids)))
        for letter in sorted(letters, key=lambda letter: (letter.at, letter.id)):
            if (letter.at, letter.id) > after:
                yield letter, cursor_of(letter.at, letter.id)
