"""A program behind a person's account, which answers each reply of ours, until it gets none."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from answerback.errors import StoreFull, StoreUnavailable
from answerback.store.threads.views import thread_summary
from tests.acceptance.system import System
from tests.acceptance.talks import Talk, token
from tests.chaos.load import Load
from tests.standins.client import StandIns

LOOP_TURNS = 60
"""More than anybody else says in one thread."""
MOST = LOOP_TURNS + 2
"""Replies until the loop is stopped: the first reacts to nothing, and one may be under way."""


async def react(system: System, load: Load, standins: StandIns) -> list[str]:
    """Talk until nobody answers any more. What went wrong."""
    talk = Talk("github", 900_000, "acme/steps")
    try:
        return await _react(system, load, standins, talk)
    finally:
        load.talks.append(talk)  # to be judged; nobody else says anything there


async def _react(system: System, load: Load, standins: StandIns, talk: Talk) -> list[str]:
    while talk.said <= MOST:
        thread = (await load.say(talk))["thread"]
        if not await _answered(system, standins, talk, thread):
            talk.without.add(talk.said - 1)
            few = talk.said <= LOOP_TURNS
            return [f"a loop of programs was seen after {talk.said - 1} of {LOOP_TURNS} turns"] if few else []
    return [f"a loop of programs was not stopped: {talk.said} turns"]


async def _answered(system: System, standins: StandIns, talk: Talk, thread: str) -> bool:
    """Wait for a reply to the last message. False when the thread was taken for a loop instead."""
    async with asyncio.timeout(600):  # a machine that does much else pauses for minutes
        while True:
            for message in await standins.messages("github"):
                found = token(message.body)
                if found and (found.talk, found.number) == (talk.name, talk.said - 1):
                    return True
            with suppress(StoreUnavailable, StoreFull):
                summary = await thread_summary(system.threads, thread)
                if summary and summary.loop:
                    return False
            await asyncio.sleep(0.05)
