"""The result of one check of `answerback check`."""

from __future__ import annotations

from typing import Literal

import msgspec

Level = Literal["ok", "warning", "error"]


class Finding(msgspec.Struct, frozen=True):
    """The result of one check. `about` is its subject; `advice` says what to do, or is empty."""

    level: Level
    about: str
    found: str
    advice: str = ""


def split_problem(problem: str) -> tuple[str, str]:
    """Split "what is wrong: what to do"."""
    summary, _, advice = problem.partition(": ")
    return summary, advice
