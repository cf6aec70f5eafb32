"""The agents to which tests dispatch events."""

from __future__ import annotations

from pydantic import BaseModel

from answerback import Agent, Listen, Turn
from answerback.errors import TurnFailed


class Report(BaseModel):
    """What the judge is given."""

    title: str
    labels: list[str] = []


class Verdict(BaseModel):
    """What the judge finds."""

    bug: bool


async def judge(turn: Turn) -> Verdict:
    """Say whether a report is labelled as a bug."""
    assert isinstance(turn.input, Report)
    return Verdict(bug="bug" in turn.input.labels)


async def clerk(turn: Turn) -> str:
    """Say who asks about which order, and fail for good if told to."""
    if isinstance(turn.input, str) or turn.input is None:
        return f"echo: {turn.text}"
    if turn.input.get("fail"):
        raise TurnFailed("on purpose")
    author = turn.event.author
    return f"{author.name or author.id} asks about order {turn.input['order']}: {turn.text}"


async def opened(turn: Turn) -> str:
    """Say what the platform's payload says, in the second attempt."""
    if turn.attempt == 1:
        raise ValueError("on purpose")
    raw = turn.event.raw
    return f"{raw['issue']['title']} was {raw['action']} in {raw['repository']['full_name']} (attempt {turn.attempt})"


agents = [
    Agent("opened", opened, listen=Listen("github", when=("every",)), raw=True),
    Agent("clerk", clerk),
    Agent("quiet", clerk, chat=False),
    Agent("judge", judge, input=Report, output=Verdict),
]
