"""Triages issues on GitHub: one comment on each new issue, and an answer whenever it is mentioned.

    ANSWERBACK_AGENTS=examples.github_triage:agents answerback up
    answerback send --to github tests/fixtures/github/issues.opened.json

It shows a function and a model together: the function decides what is worth an answer, the model writes it. A worker
that dies in between neither asks the model twice nor comments twice. GitHub sends it what happens with a webhook for
"Issues" and "Issue comments"; GITHUB_LOGIN is whom people mention. README.md beside this file says how to run it with
real keys, and offline.
"""

import os

from answerback import Agent, Listen, Turn, idempotent

LOGIN = os.environ.get("GITHUB_LOGIN", "answerbot")
OWNERS = {"parser": "@ada", "cli": "@grace", "docs": "@margaret"}


@idempotent
async def owner(area: str) -> str:
    """Tell who looks after an area of the code: parser, cli or docs."""
    return OWNERS.get(area.lower(), "nobody in particular")


def instructions(turn: Turn) -> str:
    """What the model is told: a title stands in the event, beside the text that it is given anyway."""
    return f"""\
You triage issues of {turn.event.channel}. Say in at most five lines of markdown: whether this is a bug, a wish or a
question; what is missing to act on it (version, steps, what was expected); who looks after it. Promise nothing.

The issue's title: {turn.event.title}"""


model = Agent(
    "triage",
    model=os.environ.get("MODEL", "openai-chat:gpt-4.1-mini"),
    instructions=instructions,
    tools=[owner],
)


async def triage(turn: Turn) -> str | None:
    """Comments on each new issue, and where it is mentioned."""
    if turn.event.kind == "issues.opened" or LOGIN.lower() in turn.event.mentions:
        return await model.think(turn)
    # Nothing is said, but what it let by is in the history when it is asked.
    return None


agents = Agent("triage", triage, listen=Listen("github", when=("every",)), max_tokens=50_000)
