"""`/api/v1/admin/letters`: list, read, replay and delete the dead letters of a workspace."""

from __future__ import annotations

from typing import Annotated, Any

from aiohttp import web
from pydantic import Field, StringConstraints

from answerback.events import Entry
from answerback.replies import DeadLetter, Reply
from answerback.store.thread_ids import public_id
from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.threads import Threads

from ...problems import Problem
from ..context import Principal, RequestContext
from ..route import Model, Route, collect, route
from .audit import audit
from .letter_filter import Group, LetterFilter, groups, visible

PATH = "/admin/letters"
ONE = f"{PATH}/{{letter}}"


StepName = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class Listed(LetterFilter):
    """A filter of dead letters, and how many to return."""

    limit: int = Field(default=200, ge=1, le=1000)


class LetterRow(Model):
    """A dead letter in a list."""

    id: str
    kind: str = Field(description="event or reply")
    thread: str = Field(description="the thread's id")
    reason: str
    attempts: int
    agent: str
    at: int = Field(description="when it was dead-lettered, ms")

    @classmethod
    def of(cls, letter: DeadLetter, caller: Principal) -> LetterRow:
        """Return the row of a dead letter."""
        fields = {name: getattr(letter, name) for name in cls.model_fields}
        return cls(**fields | {"thread": public_id(letter.thread)})


class LetterPage(Model):
    """The newest dead letters that match the filter, and their number."""

    letters: list[LetterRow]
    total: int = Field(description="the number that match")
    all: int = Field(description="the number of all dead letters")
    newest: int = Field(description="when the newest of all was dead-lettered, ms; 0 if there is none")
    groups: list[Group] = Field(description="reasons of those that match, ignoring `reason`; most frequent first")


class LetterDetail(Model):
    """A dead letter in full."""

    letter: LetterRow
    text: str = Field(description="the text of the message or reply")
    author: str
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


class AdminLetters:
    """The routes of dead letters."""

    def __init__(self, threads: Threads) -> None:
        self._letters = DeadLetters(threads)

    def routes(self) -> list[Route]:
        """Return the routes."""
        return collect(self, tag="Dashboard", parameters={"letter": "a dead letter's id"})

    @route(
        "GET",
        PATH,
        scope="admin",
        summary="List the dead letters of a workspace",
        query=Listed,
        returns=LetterPage,
    )
    async def list(self, call: RequestContext) -> web.Response:
        """Return the newest dead letters that match the filter."""
        wanted: Listed = call.query
        everything = [letter async for letter in self._letters.list() if visible(letter, call.caller)]
        everything.sort(key=lambda letter: letter.at, reverse=True)
        any_reason = wanted.model_copy(update={"reason": ""})
        alike = [letter for letter in everything if any_reason.fits(letter)]
        matching = [letter for letter in alike if wanted.fits(letter)]
        return call.answer(
            LetterPage(
                letters=[LetterRow.of(letter, call.caller) for letter in matching[: wanted.limit]],
                total=len(matching),
                all=len(everything),
                newest=everything[0].at if everything else 0,
                groups=groups(alike),
            )
        )

    @route("GET", ONE, scope="admin", summary="Read a dead letter", returns=LetterDetail)
    async def show(self, call: RequestContext) -> web.Response:
        """Return a dead letter."""
        letter, payload = await self._get(call)
        author = payload.event.author if isinstance(payload, Entry) else None
        return call.answer(
            LetterDetail(
                letter=LetterRow.of(letter, call.caller),
                text=payload.event.text if isinstance(payload, Entry) else payload.whole,
                author=(author.name or author.id) if author else "",
                error=letter.error,
                traceback=letter.traceback,
                done=list(letter.done),
                unknown=list(letter.unknown),
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
        audit(call, "letters.replay", letters=[letter.id], thread=letter.thread, **about)
        return call.answer(None)

    @route("DELETE", ONE, scope="admin", summary="Delete a dead letter", status=204)
    async def drop(self, call: RequestContext) -> web.Response:
        """Delete a dead letter."""
        letter, _ = await self._get(call)
        if not await self._letters.delete(letter.id):
            raise Problem(404, "the dead letter no longer exists")
        audit(call, "letters.drop", letters=[letter.id], thread=letter.thread)
        return call.answer(None)

    async def _get(self, call: RequestContext) -> tuple[DeadLetter, Entry | Reply]:
        found = await self._letters.get(call.path["letter"])
        if found is None or not visible(found[0], call.caller):
            raise Problem(404, "there is no such dead letter")
        return found
