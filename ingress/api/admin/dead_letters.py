"""`/api/v1/admin/dead-letters`: list, read, replay and delete the dead letters of a workspace."""

from __future__ import annotations

import builtins
from typing import Annotated, Any, Literal, NamedTuple

from aiohttp import web
from pydantic import Field, StringConstraints

from answerback.events import Entry
from answerback.replies import DeadLetter, Reply
from answerback.store.thread_ids import public_id
from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.threads import Threads

from ...problems import Problem
from ..context import RequestContext
from ..route import Model, Route, collect, route
from ..schemas.message_views import Author
from ..schemas.moments import Moment, moment
from ..ttl_cache import TTLCache
from .audit import audit
from .dead_letter_filter import DeadLetterFilter, ReasonCount, general_reason, most_frequent, visible

PATH = "/admin/dead-letters"
ONE = f"{PATH}/{{id}}"
SEARCHED = 5000
"""The most dead letters that one request searches. The dashboard repeats it every few seconds."""

StepName = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class DeadLetterQuery(DeadLetterFilter):
    """A filter of dead letters, with paging."""

    cursor: str = Field("", max_length=1000, description="the `next_cursor` of the previous page")
    limit: int = Field(default=200, ge=1, le=1000)


class DeadLetterSummary(Model):
    """A dead letter in a list."""

    id: str
    kind: Literal["event", "reply"]
    thread: str = Field(description="the thread's id")
    reason: str
    attempts: int
    agent: str
    failed_at: Moment = Field(description="when it was dead-lettered")

    @classmethod
    def of(cls, letter: DeadLetter) -> DeadLetterSummary:
        """Return the summary of a dead letter."""
        return cls(
            id=letter.id,
            kind=letter.kind,
            thread=public_id(letter.thread),
            reason=letter.reason,
            attempts=letter.attempts,
            agent=letter.agent,
            failed_at=moment(letter.at),
        )


class DeadLetterPage(Model):
    """A page of dead letters, newest first. It may hold fewer than `limit` and still have a `next_cursor`."""

    dead_letters: list[DeadLetterSummary]
    next_cursor: str | None = Field(description="the cursor of the next page; null on the last one")
    total: int = Field(description="the number that match, of those searched")
    all: int = Field(description="the number of the workspace's dead letters, of those searched")
    complete: bool = Field(description=f"whether all were searched; one request searches {SEARCHED} of all workspaces")
    newest: Moment | None = Field(description="when the newest of all was dead-lettered")
    reasons: list[ReasonCount] = Field(
        description="the reasons of those that match, ignoring `reason`; most frequent first"
    )


class DeadLetterDetail(Model):
    """A dead letter in full."""

    dead_letter: DeadLetterSummary
    content: str = Field(description="the text of the message or reply")
    author: Author | None = Field(description="the author of the message; null for a reply")
    error: str = Field(description="the exception's type")
    traceback: str
    done: list[str] = Field(description="finished steps, which a replay does not run again")
    unknown: list[str] = Field(description="steps of unknown outcome: began and left no result; see `Replay`")


class Replay(Model):
    """How to replay a dead letter."""

    fresh: bool = Field(default=False, description="discard the journal and run the turn from the start")
    again: list[StepName] = Field(default=[], max_length=100, description="steps of unknown outcome to run again")
    done: dict[StepName, Any] = Field(
        default={}, max_length=100, description="steps of unknown outcome that took effect, each with its result"
    )


class _Row(NamedTuple):
    letter: DeadLetter
    reason: str
    cursor: str


class DeadLetterRoutes:
    """The routes of dead letters."""

    def __init__(self, threads: Threads) -> None:
        self._letters = DeadLetters(threads)
        # All viewers share one search per second.
        self._newest: TTLCache[str, list[_Row]] = TTLCache(self._search)

    def routes(self) -> list[Route]:
        """Return the routes."""
        return collect(self, tag="Dashboard", parameters={"id": "a dead letter's id"})

    @route(
        "GET",
        PATH,
        scope="admin",
        summary="List the dead letters of a workspace",
        query=DeadLetterQuery,
        returns=DeadLetterPage,
    )
    async def list(self, call: RequestContext) -> web.Response:
        """Return a page of the dead letters that match the filter."""
        query: DeadLetterQuery = call.query
        searched = await (self._search(query.cursor) if query.cursor else self._newest.get(""))
        complete = len(searched) < SEARCHED
        own = [row for row in searched if visible(row.letter, call.caller)]
        any_reason = query.model_copy(update={"reason": ""})
        alike = [row for row in own if any_reason.matches(row.letter, row.reason)]
        matching = [row for row in alike if query.reason in ("", row.reason)]
        page = matching[: query.limit]
        if len(matching) > query.limit:
            cursor: str | None = page[-1].cursor
        else:
            cursor = None if complete else searched[-1].cursor
        return call.answer(
            DeadLetterPage(
                dead_letters=[DeadLetterSummary.of(row.letter) for row in page],
                next_cursor=cursor,
                total=len(matching),
                all=len(own),
                complete=complete,
                newest=moment(own[0].letter.at) if own else None,
                reasons=most_frequent(row.reason for row in alike),
            )
        )

    @route("GET", ONE, scope="admin", summary="Read a dead letter", returns=DeadLetterDetail)
    async def show(self, call: RequestContext) -> web.Response:
        """Return a dead letter."""
        letter, payload = await self._get(call)
        author = payload.event.author if isinstance(payload, Entry) else None
        return call.answer(
            DeadLetterDetail(
                dead_letter=DeadLetterSummary.of(letter),
                content=payload.event.text if isinstance(payload, Entry) else payload.whole or payload.what,
                author=Author(id=author.id, name=author.name) if author else None,
                error=letter.error,
                traceback=letter.traceback,
                done=[*letter.done],
                unknown=[*letter.unknown],
            )
        )

    @route(
        "POST",
        f"{ONE}/replay",
        scope="admin",
        summary="Replay a dead letter: run its turn or send its reply again",
        body=Replay,
        status=204,
        refusals={409: "no step of that name has an unknown outcome"},
    )
    async def replay(self, call: RequestContext) -> web.Response:
        """Replay a dead letter."""
        letter, _ = await self._get(call)
        how: Replay = call.body
        try:
            replayed = await self._letters.replay(letter.id, fresh=how.fresh, again=how.again, done=how.done)
        except ValueError as error:
            raise Problem(409, str(error)) from None
        if not replayed:
            raise Problem(404, "the dead letter no longer exists")
        about = {"fresh": how.fresh, "again": how.again, "done": sorted(how.done)}
        audit(call, "dead_letters.replay", dead_letters=[letter.id], thread=letter.thread, **about)
        return call.answer(None)

    @route("DELETE", ONE, scope="admin", summary="Delete a dead letter", status=204)
    async def delete(self, call: RequestContext) -> web.Response:
        """Delete a dead letter."""
        letter, _ = await self._get(call)
        if not await self._letters.delete(letter.id):
            raise Problem(404, "the dead letter no longer exists")
        audit(call, "dead_letters.delete", dead_letters=[letter.id], thread=letter.thread)
        return call.answer(None)

    async def _get(self, call: RequestContext) -> tuple[DeadLetter, Entry | Reply]:
        stored = await self._letters.get(call.path["id"])
        if stored is None or not visible(stored[0], call.caller):
            raise Problem(404, "there is no such dead letter")
        return stored

    async def _search(self, cursor: str) -> builtins.list[_Row]:
        """Return the next dead letters of all workspaces, at most `SEARCHED`."""
        rows: builtins.list[_Row] = []
        async for letter, after in self._letters.scan(cursor):
            rows.append(_Row(letter, general_reason(letter.reason), after))
            if len(rows) == SEARCHED:
                break
        return rows
