"""One run: STREAMS replies are streamed while workers die and platforms fail, and what their platforms show."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from answerback.platforms.github import api as github
from answerback.platforms.github.marker import ROOM
from answerback.platforms.slack import api as slack
from tests.acceptance.sabotage import struck
from tests.acceptance.scene import LEASE
from tests.acceptance.system import System
from tests.chaos.crew import Crew
from tests.chaos.streams.judge import judge
from tests.chaos.streams.load import Load
from tests.chaos.streams.quick import SMALL
from tests.standins.client import StandIns

WORKERS = 2
MOMENTS = (
    "after-claim", "before-show", "after-show", "before-shown", "after-shown", "before-record", "after-record",
    "before-commit", "after-commit", "before-post", "after-post", "before-settle", "after-settle", "before-defer",
    "after-defer",
)  # fmt: skip
_FREQUENT = ("before-show", "after-show", "before-shown", "after-shown")
SHOWS = {
    "slack": (
        "chat.startStream", "chat.appendStream", "chat.stopStream", "chat.update", "chat.delete", "chat.postMessage",
        "conversations.replies",
    ),
    "github": (
        "issues/create-comment", "issues/update-comment", "issues/delete-comment", "issues/list-comments",
    ),
}  # fmt: skip
FAULTS: tuple[dict[str, Any], ...] = (
    {"do": "drop"},
    {"do": "drop-after"},
    {"do": "status", "status": 500},
    {"do": "truncate"},
    {"do": "late", "status": 502, "seconds": 1.0},
    {"do": "refuse"},
    {"do": "rate-limit", "seconds": 1},
)


@dataclass
class Result:
    """What became of a run."""

    seed: int
    streams: int
    faults: Counter[str]
    requests: dict[str, dict[str, int]]
    letters: Counter[str]
    wrong: list[str] = field(default_factory=list)
    took: float = 0.0

    @property
    def table(self) -> str:
        """The figures, and as the last line what counts."""
        lines = [f"SEED={self.seed} STREAMS={self.streams}   {self.took:.0f} s", ""]
        lines += [f"  {count:6}  {fault}" for fault, count in sorted(self.faults.items())]
        for platform in SHOWS:
            told = self.requests.get(platform, {})
            lines.append(f"  {platform}: " + ", ".join(f"{told[name]} × {name}" for name in sorted(told)))
        lines.append("  dead letters: " + (", ".join(f"{n} × {why}" for why, n in self.letters.items()) or "none"))
        lines += [f"  BROKEN: {what[:600]}" for what in self.wrong[:20]]
        return "\n".join([*lines, "", f"broken={len(self.wrong)} faults={sum(self.faults.values())}"])


async def run(folder: Path, streams: int, seed: int, kills: int) -> Result:
    """Let messages be answered piece by piece while workers are killed, and compare what is shown at the end."""
    began, dice = time.monotonic(), random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    slack.LIMIT, github.LIMIT = SMALL, SMALL + ROOM
    options: dict[str, Any] = {
        "slack_stream_seconds": 1.5,
        "slack_stream_spread": 0.95,
        "slack_stream_trims": True,
        "slack_seed": seed,
    }
    async with StandIns.start(folder, **options) as standins:
        settings = {
            "LEASE_SECONDS": str(LEASE),
            "PLATFORM_TIMEOUT_SECONDS": "3",
            "REPLY_LATE_SECONDS": "3",
            "TURN_RETRY_MAX_SECONDS": "1",
            # Each kill counts for all turns of its worker: five of them would bury some that did nothing wrong.
            "TURN_MAX_ATTEMPTS": "15",
            "REPLY_MAX_ATTEMPTS": "60",
            "SABOTAGE_LOG": str(folder / "struck"),
            **standins.environment(),
        }
        async with System.running(folder, settings) as system:
            await standins.send_webhooks_to(f"http://127.0.0.1:{system.port}/webhooks/{{platform}}")
            await system.ingress()
            crew = Crew(system, random.Random(dice.random()))
            for _ in range(WORKERS):
                crew.hire(
                    "worker",
                    through="tests.chaos.streams.quick",
                    ANSWERBACK_AGENTS="tests.chaos.streams.writers:agents",
                )
            load = Load(system, streams, random.Random(dice.random()))
            for place in crew.of("worker"):
                place.plan = _plan(dice) if kills else ""
            try:
                await _break(standins, dice)
                monkey = asyncio.create_task(_kill(crew, kills, random.Random(dice.random()), folder))
                await load.run()
                monkey.cancel()
                with suppress(asyncio.CancelledError):
                    await monkey
                await system.quiet(streams, within=240)
                letters = [letter async for letter in system.letters.list()]
                faults = Counter(f"{one.what} {one.where}" for one in struck(folder / "struck"))
                for fault in await standins.faults():
                    faults[f"platform: {fault.rule.do}"] += fault.fired
                    await standins.remove_fault(fault.id)
                # What a platform still does late is done by then.
                await asyncio.sleep(1.5)
                wrong = await judge(system, standins, load.ids)
                wrong += [
                    f"dead letter: {letter.kind} {letter.thread}: {letter.reason}"
                    for letter in letters
                    if "lost the thread" not in letter.reason
                ]
                return Result(
                    seed,
                    streams,
                    +faults,
                    await standins.counts(),
                    Counter(letter.reason.partition(":")[0] for letter in letters),
                    wrong,
                    time.monotonic() - began,
                )
            finally:
                await crew.dismiss()


async def _break(standins: StandIns, dice: random.Random) -> None:
    """Let a few of a hundred requests fail, in all ways."""
    for platform, operations in SHOWS.items():
        for operation in operations:
            for fault in FAULTS:
                if fault["do"] == "refuse" and operation in ("conversations.replies", "issues/list-comments"):
                    continue
                await standins.add_fault(
                    platform=platform, operation=operation, probability=0.012, seed=dice.randrange(10**6), **fault
                )
    for error in ("unknown_method", "channel_type_not_supported"):
        await standins.add_fault(
            platform="slack", operation="chat.startStream", do="status", status=200, times=2, after=20,
            probability=0.02, seed=dice.randrange(10**6), body={"ok": False, "error": error},
        )  # fmt: skip


def _plan(dice: random.Random) -> str:
    moment = dice.choice(MOMENTS)
    return f"kill {moment} {dice.randrange(1, 40 if moment in _FREQUENT else 12)}"


async def _kill(crew: Crew, kills: int, dice: random.Random, folder: Path) -> None:
    """Let workers die, each at a moment of its own."""
    while len(struck(folder / "struck")) < kills:
        for place in crew.of("worker"):
            if not place.plan:
                place.plan = _plan(dice)
        await asyncio.sleep(0.05)
    for place in crew.of("worker"):
        place.plan = ""
