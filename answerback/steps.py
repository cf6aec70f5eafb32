"""Journal records of a turn's steps, and an operator's decision about a step whose outcome is unknown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from answerback.codec import decoder, encode

FINISHED = ("done", "unknown")


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """The stored record of one step.

    Attributes:
        state: begun: it may have had an effect (it is running, it raised, or its worker died); done; failed: it raised
            and may be run again (it is idempotent, or had no effect); unknown: its outcome cannot be known, and `value`
            is used as its result.
        order: Number of steps that had finished when this one began.
        value: The step's result, MessagePack.
        error: The exception it raised, in one line.
        once: Whether it must not be run again (it is not idempotent).
        began: When this attempt of it began, ms by the worker's clock; 0 in records older than this field.
        took: Duration in ms; 0 while it runs.
    """

    state: Literal["begun", "done", "failed", "unknown"]
    order: int = 0
    value: bytes = b""
    error: str = ""
    once: bool = False
    began: int = 0
    took: int = 0


decode_record = decoder(Record)


def steps_of(journal: Mapping[str, bytes]) -> dict[str, Record]:
    """Return the steps of a journal by name, in the order in which they began."""
    records = {name: _read(record) for name, record in journal.items()}
    return dict(sorted(records.items(), key=lambda step: (step[1].began, step[1].order, step[0])))


def finished_steps(journal: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return the names of the finished steps."""
    return tuple(sorted(name for name, record in journal.items() if _state(record) in FINISHED))


def unknown_steps(journal: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return the names of the steps that began and left no result, oldest first.

    Steps nested in another step that is listed or settled are left out.
    """
    states = {name: _state(record) for name, record in journal.items()}
    settled = [name for name, state in states.items() if state in ("begun", *FINISHED)]
    begun = [name for name, state in states.items() if state == "begun"]
    outer = [name for name in begun if not any(name.startswith(f"{other}>") for other in settled)]
    return tuple(sorted(outer, key=lambda name: (decode_record(journal[name]).order, name)))


def _state(record: bytes) -> str:
    try:
        return decode_record(record).state
    except msgspec.MsgspecError:
        # Written by newer code: listing the steps must not fail because of it.
        return ""


def _read(record: bytes) -> Record:
    try:
        return decode_record(record)
    except msgspec.MsgspecError:
        return Record("begun", error="written by newer code")


def settle(journal: Mapping[str, bytes], step: str, result: Any = None, *, again: bool) -> dict[str, bytes]:
    """Return the journal with a step of unknown outcome settled by an operator.

    Args:
        step: its name; "charge" means "charge#1" if no other step matches.
        result: plain data used as the result of a step that was done.
        again: run the step again; otherwise record it as done.

    Raises:
        ValueError: the outcome of the step is not unknown.
    """
    names = unknown_steps(journal)
    matching = [name for name in names if step == name] or [name for name in names if name.rpartition("#")[0] == step]
    if len(matching) != 1:
        candidates = ", ".join(f'"{name}"' for name in names) or "none"
        raise ValueError(f'"{step}" does not name exactly one step of unknown outcome. Candidates: {candidates}')
    record = decode_record(journal[matching[0]])
    value = msgspec.structs.replace(record, state="failed") if again else Record("done", record.order, encode(result))
    return {**journal, matching[0]: encode(value)}
