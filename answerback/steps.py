"""The record of one step of a turn, and what an operator may say about a step whose outcome is unknown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

FINISHED = ("done", "unknown")

encode = msgspec.msgpack.Encoder().encode


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """One step as it is stored.

    state  begun (it may have taken effect: it runs, or it raised, or its worker died), done, failed (it raised,
           and may be run again: it is idempotent, or said that nothing happened), or unknown (nobody knows how it
           ended, and `value` stands for its result)
    order  how many steps had finished when this one began: what came before it
    value  the step's result, MessagePack
    error  what it raised, in a line
    once   it is not idempotent
    began  when this attempt of it began, ms by the worker's clock; 0 in records older than this field
    took   ms until it had ended; 0 while it runs
    """

    state: Literal["begun", "done", "failed", "unknown"]
    order: int = 0
    value: bytes = b""
    error: str = ""
    once: bool = False
    began: int = 0
    took: int = 0


read = msgspec.msgpack.Decoder(Record).decode


def steps_of(journal: Mapping[str, bytes]) -> dict[str, Record]:
    """The steps of a journal by their names, in the order in which they began."""
    records = {name: _read(record) for name, record in journal.items()}
    return dict(sorted(records.items(), key=lambda step: (step[1].began, step[1].order, step[0])))


def finished_steps(journal: Mapping[str, bytes]) -> tuple[str, ...]:
    """Names of the finished steps."""
    return tuple(sorted(name for name, record in journal.items() if _state(record) in FINISHED))


def unknown_steps(journal: Mapping[str, bytes]) -> tuple[str, ...]:
    """Names of the steps that began and left no result, oldest first; not those inside one that is not run again."""
    states = {name: _state(record) for name, record in journal.items()}
    settled = [name for name, state in states.items() if state in ("begun", *FINISHED)]
    begun = [name for name, state in states.items() if state == "begun"]
    outer = [name for name in begun if not any(name.startswith(f"{other}>") for other in settled)]
    return tuple(sorted(outer, key=lambda name: (read(journal[name]).order, name)))


def _state(record: bytes) -> str:
    try:
        return read(record).state
    except msgspec.MsgspecError:
        # Written by newer code: whoever only lists the steps must not fail at it.
        return ""


def _read(record: bytes) -> Record:
    try:
        return read(record)
    except msgspec.MsgspecError:
        return Record("begun", error="written by newer code")


def settle(journal: Mapping[str, bytes], step: str, result: Any = None, *, again: bool) -> dict[str, bytes]:
    """The journal with an operator's word on a step of unknown outcome: run it `again`, or it was done.

    result  plain data that stands for the result of a step that was done
    Raises `ValueError` for a step whose outcome is not unknown. "charge" means "charge#1" where no other fits.
    """
    names = unknown_steps(journal)
    fitting = [name for name in names if step == name] or [name for name in names if name.rpartition("#")[0] == step]
    if len(fitting) != 1:
        there = ", ".join(f'"{name}"' for name in names) or "none"
        raise ValueError(f'"{step}" is not one step of unknown outcome; there is: {there}')
    record = read(journal[fitting[0]])
    value = msgspec.structs.replace(record, state="failed") if again else Record("done", record.order, encode(result))
    return {**journal, fitting[0]: encode(value)}
