"""Faults on demand: rules for which requests fail, how, and how often.

A rule matches by platform, operation and text, skips its first `after` matches, then fires with its
`probability` until it has fired `times` times. The first rule that fires decides; others do not count.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from fnmatch import fnmatchcase
from typing import Any, Literal

import msgspec

Do = Literal[
    "status",  # answer with `status`, `headers` and `body`; nothing is done
    "stall",  # wait `seconds`, then work and answer
    "stall-after",  # work, wait `seconds`, then answer
    "drop",  # close the connection; nothing is done
    "drop-after",  # work, then close the connection without an answer
    "truncate",  # work, answer with half the body, then close the connection
    "refuse",  # answer with refusals that pass by themselves: what is new is not known everywhere; nothing is done
    "rate-limit",  # answer as the platform does when it asks for a pause of `seconds`; nothing is done
    "late",  # answer with `status` at once, and work after `seconds`
    "hang",  # wait `seconds` (60 by default) and close the connection; nothing is done
    "drip",  # a streamed answer: `seconds` between its chunks
    "cut",  # a streamed answer: close the connection after `chunks` of it
]


class Rule(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A rule: which requests fail, and how.

    platform, operation  shell patterns: "github", "issues/*"; all by default
    contains             text that must occur in the request line or the body
    limit                which of GitHub's rate limits: "secondary" (retry-after), "content" (too much written:
                         without a time) or "primary" (x-ratelimit-reset)
    times                None: always
    """

    do: Do
    platform: str = "*"
    operation: str = "*"
    contains: str = ""
    after: int = 0
    times: int | None = None
    probability: float = 1.0
    seed: int = 0
    status: int = 500
    headers: dict[str, str] = {}
    body: Any = None
    seconds: float | None = None
    limit: Literal["secondary", "content", "primary"] = "secondary"
    chunks: int = 1

    def pause(self, default: float) -> float:
        """The seconds of the rule."""
        return default if self.seconds is None else self.seconds


class Fault(msgspec.Struct):
    """A rule, with how often it matched a request and how often it fired."""

    id: int
    rule: Rule
    matched: int = 0
    fired: int = 0


class Faults:
    """The active rules, in the order in which they were added."""

    def __init__(self) -> None:
        self._rules: dict[int, tuple[Fault, random.Random]] = {}
        self._last = 0
        self._released = asyncio.Event()
        self._late: set[asyncio.Task[object]] = set()

    def add(self, rule: Rule) -> int:
        """Add a rule. Return its id."""
        self._last += 1
        self._rules[self._last] = Fault(self._last, rule), random.Random(rule.seed)
        return self._last

    def remove(self, rule: int) -> bool:
        """Remove a rule. Return whether there was one."""
        return self._rules.pop(rule, None) is not None

    def report(self) -> list[Fault]:
        """Return every rule with its counts."""
        return [fault for fault, _ in self._rules.values()]

    def reset(self) -> None:
        """Remove all rules, and end every wait without the work that would have followed."""
        self._rules.clear()
        self._released.set()
        self._released = asyncio.Event()

    def choose(self, platform: str, operation: str, text: str) -> Rule | None:
        """Return the rule that applies to this request, if any."""
        for fault, dice in self._rules.values():
            rule = fault.rule
            if not fnmatchcase(platform, rule.platform) or not fnmatchcase(operation, rule.operation):
                continue
            if rule.contains not in text or (rule.times is not None and fault.fired >= rule.times):
                continue
            fault.matched += 1
            if fault.matched > rule.after and dice.random() < rule.probability:
                fault.fired += 1
                return rule
        return None

    def later(self, seconds: float, work: Callable[[], Awaitable[object]]) -> None:
        """Do some work after a delay, unless there is a reset before."""

        async def do() -> None:
            if await self.wait(seconds):
                await work()

        task: asyncio.Task[object] = asyncio.create_task(do())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def wait(self, seconds: float) -> bool:
        """Wait. Return False if a reset ended the wait early."""
        try:
            await asyncio.wait_for(self._released.wait(), seconds)
        except TimeoutError:
            return True
        return False
