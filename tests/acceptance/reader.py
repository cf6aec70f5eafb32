"""One who follows a thread, as a client does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import msgspec

from answerback.events import Event
from answerback.messages import Author
from answerback.store.stream.followers import Live
from tests.acceptance.system import System

THREAD = "chat:default:th_1"


def said(text: str, thread: str = THREAD, **fields: Any) -> Event:
    """A chat message."""
    delivery = f"{thread}:{uuid4().hex}"
    author = Author("u1")
    return Event(delivery=delivery, thread=thread, kind="message", text=text, author=author, direct=True, **fields)


class Reader:
    """One who follows a thread, as a client does: it keeps each message's text and forgets nothing else."""

    def __init__(self) -> None:
        self.last = "0"
        self.kinds: list[str] = []
        self.texts: dict[str, str] = {}
        self.ended: list[dict[str, Any]] = []
        self.tools: list[dict[str, Any]] = []
        self.pieces = 0

    async def read(self, live: Live, *, until_done: int = 1, at_most: int = 10**9) -> None:
        """Follow until so many turns are done, or so many events are read."""
        async with asyncio.timeout(60), live.follow(THREAD, self.last) as events:
            async for event in events:
                self.last = event.id
                data = msgspec.json.decode(event.data)
                self.kinds.append(event.kind)
                if event.kind == "text":
                    so_far = self.texts.get(data["message"], "")
                    assert data["at"] <= len(so_far), "no gap"
                    self.texts[data["message"]] = so_far[: data["at"]] + data["text"]
                    self.pieces += 1
                elif event.kind in ("tool_call", "tool_result"):
                    self.tools.append(data)
                elif event.kind in ("done", "error"):
                    self.ended.append(data)
                at_most -= 1
                if len(self.ended) >= until_done or at_most <= 0:
                    return


@asynccontextmanager
async def following(system: System) -> AsyncIterator[Live]:
    """A process' subscription."""
    live = Live(system.threads)
    keeping = asyncio.create_task(live.keep())
    try:
        yield live
    finally:
        keeping.cancel()
