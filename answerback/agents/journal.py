"""The journal of a turn: records finished steps, so that another attempt does not run them again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from typing import Any, Literal, TypeVar

import msgspec

from answerback.agents.limits import STANDARD, TurnLimits
from answerback.codec import encode
from answerback.errors import CodeChanged, LimitExceeded, NoEffect, OutcomeUnknown, TurnFailed, in_a_line
from answerback.log import get_logger
from answerback.replies import Reply
from answerback.steps import FINISHED, Record, decode_record, finished_steps, unknown_steps

log = get_logger(__name__)

T = TypeVar("T")
Write = Callable[[str, bytes, Sequence[Reply]], Awaitable[None]]
"""Stores a record under its name together with replies for the outbox, fenced. Raises `LeaseLost`."""

ERROR = 500
"""Maximum length of a step's stored error, in characters."""


_current: ContextVar[str] = ContextVar("answerback_step", default="")


def current_step() -> str:
    """Return the key of the running step, the same in every attempt of its turn; "" outside a step."""
    return _current.get()


class Journal:
    """The records of a turn's steps: those of earlier attempts and those that this attempt adds.

    A step's key is its name and its number among the steps of that name: "charge#1". The key of a nested step
    includes its parent's: "charge#1>notify#1". If the code runs other steps than those recorded, it has changed
    between attempts: that raises `CodeChanged` instead of returning a wrong result.
    """

    def __init__(
        self,
        records: dict[str, bytes],
        write: Write,
        ensure_lease: Callable[[], Awaitable[None]] | None = None,
        limits: TurnLimits = STANDARD,
    ) -> None:
        self._records = {name: decode_record(record) for name, record in records.items()}
        self._write = write
        self._ensure_lease = ensure_lease
        self._requested: set[str] = set()
        self._names: dict[str, int] = {}
        self._began: dict[str, int] = {}
        self._finished = 0
        self._bytes = sum(map(len, records.values()))
        self.ran = 0
        """How many steps this attempt has run."""
        self.limits = limits

    @property
    def raw(self) -> dict[str, bytes]:
        """All records in their stored form, by step key."""
        return {name: encode(record) for name, record in self._records.items()}

    @property
    def done(self) -> tuple[str, ...]:
        """Keys of the finished steps."""
        return finished_steps(self.raw)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Keys of the steps that started and left no result."""
        return unknown_steps(self.raw)

    @property
    def bound(self) -> bool:
        """Whether a step that must not be repeated has run or may have run: the turn cannot start over."""
        return any(record.once or record.state in ("begun", "unknown") for record in self._records.values())

    @property
    def discardable(self) -> bool:
        """Whether the turn may start over without its records: all it did may be done again, and it posted no reply."""
        return not (self.bound or any(map(is_reply, self._records)))

    @property
    def begun(self) -> bool:
        """Whether an earlier attempt recorded anything."""
        return bool(self._records)

    def has(self, name: str) -> bool:
        """Return whether an earlier attempt recorded the first step of this name."""
        return f"{name}#1" in self._records

    async def step(
        self,
        name: str,
        run: Callable[[], Awaitable[T]],
        *,
        idempotent: bool = False,
        unknown: Callable[[], Awaitable[T]] | None = None,
        kind: Any = None,
        replies: Callable[[T], Sequence[Reply]] = lambda _: (),
        recall: Callable[[str, bytes], None] = lambda name, value: None,
    ) -> T:
        """Run a step once per turn; later attempts get its recorded result.

        A step that started in an earlier attempt and left no result (its worker died, or it raised anything but
        `NoEffect`) is run again if `idempotent`. Otherwise the result of `unknown` is recorded in its place, or,
        without `unknown`, `OutcomeUnknown` is raised. `kind` is the result's type if it is not plain data. `recall`
        is called with the records nested inside a step that is not run again.
        """
        parent = _current.get()
        path = f"{parent}>{name}" if parent else name
        self._names[path] = count = self._names.get(path, 0) + 1
        key = f"{path}#{count}"
        self._requested.add(key)
        record = self._records.get(key)
        if record is not None and record.state in FINISHED:
            self._finished += 1
            self._recall(key, recall)
            recorded: T = _decode(record.value, kind)
            return recorded
        if record is not None and record.state == "begun" and not idempotent:
            if unknown is None:
                raise _outcome_unknown(name, key, record.error)
            # The substitute is recorded as the result; if that fails, the outcome stays unknown.
            self._recall(key, recall)
            return await self._record(name, key, await self._inside(key, unknown), replies, "unknown")
        await self._check_code(key)
        # Do not start a step whose result could not be recorded: it may be expensive.
        self._check_room(key)
        self._began[key] = _now()
        if not idempotent:
            await self._put(key, Record("begun", self._finished, began=self._began[key]))
        elif self._ensure_lease:
            # A worker that was paused must not repeat a model request that another worker is making now.
            await self._ensure_lease()
        try:
            result = await self._inside(key, run)
        except Exception as error:  # a step may raise anything
            await self._failed(key, error, idempotent)
            raise
        return await self._record(name, key, result, replies, "done", once=not idempotent)

    async def _inside(self, key: str, run: Callable[[], Awaitable[T]]) -> T:
        token = _current.set(key)
        self.ran += 1
        try:
            return await run()
        finally:
            _current.reset(token)

    async def _record(
        self,
        name: str,
        key: str,
        result: T,
        replies: Callable[[T], Sequence[Reply]],
        state: Literal["done", "unknown"],
        *,
        once: bool = True,
    ) -> T:
        try:
            value = encode(result)
        except (TypeError, msgspec.MsgspecError, OverflowError) as error:
            raise TurnFailed(f'the result of step "{name}" cannot be recorded: {error}') from error
        await self._put(key, self._timed(key, Record(state, self._finished, value, once=once)), replies(result))
        self._finished += 1
        return result

    async def _failed(self, key: str, error: Exception, idempotent: bool) -> None:
        """Record that a step raised. Unless it is safe to run again, its outcome is unknown."""
        safe = isinstance(error, NoEffect) and error.step in ("", key)
        if isinstance(error, NoEffect) and safe:
            error.step = key
        reason = in_a_line(error)[:ERROR]
        if idempotent or safe:
            await self._write_record(key, self._timed(key, Record("failed", self._finished, error=reason)))
            return
        log.warning("step raised: outcome unknown, not running it again", step=key, error=reason)
        await self._write_record(key, self._timed(key, Record("begun", self._finished, error=reason)))

    def _timed(self, key: str, record: Record) -> Record:
        """Return the record of a finished step with its start time and duration."""
        began = self._began.get(key)
        return msgspec.structs.replace(record, began=began, took=_now() - began) if began else record

    def _recall(self, key: str, recall: Callable[[str, bytes], None]) -> None:
        inside = [(other, record) for other, record in self._records.items() if other.startswith(f"{key}>")]
        for other, record in sorted(inside, key=lambda item: item[1].order):
            self._requested.add(other)
            if record.state in FINISHED:
                recall(other, record.value)

    @property
    def unrequested(self) -> list[tuple[str, bytes]]:
        """The results of steps that earlier attempts finished and this one has not asked for, in their order."""
        rest = [(key, record) for key, record in self._records.items() if key not in self._requested]
        rest.sort(key=lambda item: item[1].order)
        return [(key, record.value) for key, record in rest if record.state in FINISHED]

    def close(self) -> None:
        """End the turn. Raises `CodeChanged` if a step recorded by an earlier attempt was never requested."""
        self._raise_if_skipped(
            {key for key, record in self._records.items() if record.state != "failed"} - self._requested
        )

    async def _check_code(self, key: str) -> None:
        """Raise `CodeChanged` if a new step is about to run where an earlier attempt recorded another."""
        # Concurrent steps may be requested in another order: let the others come first.
        for _ in range(3):
            if not self._skipped(key):
                return
            await asyncio.sleep(0)
        self._raise_if_skipped(self._skipped(key), key)

    def _skipped(self, instead: str) -> set[str]:
        return {
            key
            for key, record in self._records.items()
            if key not in self._requested
            and record.order <= self._finished
            and record.state != "failed"
            and not self._is_inside_another(key, instead)
        }

    def _is_inside_another(self, key: str, instead: str) -> bool:
        """Return whether a step is nested in one that runs again, and so may still be requested by that one."""
        while parent := key.rpartition(">")[0]:
            if parent in self._requested and not instead.startswith(f"{parent}>"):
                return True
            key = parent
        return False

    def _raise_if_skipped(self, skipped: set[str], instead: str = "") -> None:
        if skipped:
            names = ", ".join(f'"{key.rpartition("#")[0]}"' for key in sorted(skipped))
            now = f'it runs "{instead.rpartition("#")[0]}" instead' if instead else "it no longer runs that"
            raise CodeChanged(
                f"an earlier attempt of this turn recorded {names}, but the code has changed: {now}. "
                "Replay the turn from the start to run it with the new code."
            )

    def _check_room(self, key: str, size: int = 0) -> None:
        if key not in self._records and len(self._records) >= self.limits.steps:
            raise LimitExceeded(f"the turn took more than {self.limits.steps} steps (TURN_MAX_STEPS)")
        if self._bytes + size > self.limits.bytes:
            raise LimitExceeded(f"the turn's journal exceeded {self.limits.bytes} bytes (TURN_MAX_JOURNAL_BYTES)")

    async def _put(self, key: str, record: Record, replies: Sequence[Reply] = ()) -> None:
        self._check_room(key, len(encode(record)))
        await self._write_record(key, record, replies)

    async def _write_record(self, key: str, record: Record, replies: Sequence[Reply] = ()) -> None:
        raw = encode(record)
        self._bytes += len(raw)
        await self._write(key, raw, replies)
        self._records[key] = record


def is_reply(key: str) -> bool:
    """Return whether the step with this key put something into the outbox."""
    return key.rpartition(">")[2].startswith(("reply#", "reply."))


def _now() -> int:
    return time.time_ns() // 1_000_000


def _decode(value: bytes, kind: Any) -> Any:
    return msgspec.msgpack.decode(value, type=kind) if kind is not None else msgspec.msgpack.decode(value)


def _outcome_unknown(name: str, key: str, error: str) -> OutcomeUnknown:
    ended = f"raised {error}" if error else "left no result"
    return OutcomeUnknown(
        f'step "{name}" started in an earlier attempt and {ended}: it may have taken effect. If it is safe to run '
        "again, declare it idempotent; if it can tell that nothing happened, have it raise NoEffect.",
        step=key,
        error=error,
    )
