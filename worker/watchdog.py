"""Detects a blocked event loop, reports what blocks it, and keeps the worker in the registry meanwhile."""

from __future__ import annotations

import asyncio
import sys
import sysconfig
import threading
import time
import traceback
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import answerback
from answerback.log import get_logger
from answerback.metrics import LAG, TICK

from .metrics import LOOP_BLOCKED, LOOP_BLOCKS
from .reporting import Heartbeat
from .turns.running import Running

log = get_logger(__name__)

BLOCKED = 1.0
"""Seconds after which a blocked loop is reported."""
FRAMES = 15
"""Innermost stack frames to log."""

# The culprit is the innermost function that belongs neither to Python, nor to a library, nor to Answerback.
_OTHERS = (
    *(str(Path(sysconfig.get_path(name))) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
    str(Path(answerback.__file__).parent),
    str(Path(__file__).parent),
    "<",
)


class Block(NamedTuple):
    """What blocks the loop: the agent and thread of the turn ("" if unknown), and the code location.

    With `debugger`, someone looks at it in a debugger: it is reported, and neither logged nor counted.
    """

    agent: str
    thread: str
    where: str
    debugger: bool = False

    def __str__(self) -> str:
        place = f'agent "{self.agent}" in {self.where}' if self.agent else self.where
        return f"a debugger, {place}" if self.debugger else place


class Watchdog:
    """Watches the loop from a thread, and keeps the worker registered from there while the loop is blocked."""

    def __init__(self, running: Running, heartbeat: Heartbeat) -> None:
        self._running = running
        self._heartbeat = heartbeat
        self._beat = time.monotonic()
        self._ended = threading.Event()

    async def keep(self) -> None:
        """Signal that the loop is running, forever."""
        loop_thread = threading.get_ident()
        self._beat = time.monotonic()
        self._ended.clear()
        threading.Thread(target=self._watch, args=(loop_thread,), name="watchdog", daemon=True).start()
        try:
            while True:
                await asyncio.sleep(TICK)
                now = time.monotonic()
                LAG.observe(max(0.0, now - self._beat - TICK))
                self._beat = now
        finally:
            self._ended.set()

    def _watch(self, loop_thread: int) -> None:
        blocked: Block | None = None
        since = reported = 0.0
        before = time.monotonic()
        while not self._ended.wait(TICK):
            now = time.monotonic()
            if now - before > 1:
                self._beat = now  # the whole process was suspended
            before = now
            if now - self._beat < BLOCKED:
                if blocked and not blocked.debugger:
                    LOOP_BLOCKED.inc(self._beat - since)
                    log.info("event loop running again", by=str(blocked), seconds=round(self._beat - since, 1))
                blocked = None
                continue
            if blocked is None:
                since = self._beat
                blocked = self._inspect(loop_thread)
            if now - reported > 1:
                reported = now
                self._report(blocked)

    def _inspect(self, loop_thread: int) -> Block:
        frame = sys._current_frames().get(loop_thread)
        agent, thread = self._running.executing()
        block = Block(agent, thread, place(frame), in_debugger(frame))
        if block.debugger:
            return block
        LOOP_BLOCKS.inc()
        stack = "".join(traceback.format_list(traceback.extract_stack(frame)[-FRAMES:])) if frame else ""
        log.warning("event loop blocked", agent=agent, thread=thread, where=block.where, stack=stack)
        return block

    def _report(self, blocked: Block) -> None:
        try:
            self._heartbeat.report_blocked(str(blocked))
        except Exception as error:  # noqa: BLE001  # Redis may be unavailable, too, or the loop may resume just now
            log.debug("could not report the blocked event loop", error=str(error))


def in_debugger(frame: FrameType | None) -> bool:
    """Return whether a stack is at the prompt of a debugger: pdb and others are built on the module bdb."""
    return frame is not None and any(each.f_globals.get("__name__") == "bdb" for each, _ in traceback.walk_stack(frame))


def place(frame: FrameType | None) -> str:
    """Return the location of a stack, such as "mybot.py:12 price()"."""
    stack = [each for each, _ in traceback.walk_stack(frame)] if frame else []
    if not stack:
        return "an unknown location"
    culprit = next((each for each in stack if not each.f_code.co_filename.startswith(_OTHERS)), stack[0])
    return f"{Path(culprit.f_code.co_filename).name}:{culprit.f_lineno} {culprit.f_code.co_name}()"
