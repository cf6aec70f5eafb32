"""Triage issues on GitHub: comment once on each new issue, and answer when mentioned.

    ANSWERBACK_AGENTS=examples.github_triage:agents answerback up
    answerback send --to github answerback/testing/deliveries/github/issues.opened.json

It combines a function and a model: the function decides what to answer, the model writes the answer. If a worker dies
in between, the model is not asked twice and no comment is posted twice. The GitHub webhook needs the events "Issues"
and "Issue comments"; GITHUB_LOGIN is the name that people mention. README.md in this folder explains how to run it
with real keys, and offline.
"""

import os

from answerback import Agent, Listen, Turn, idempotent

LOGIN = os.environ.get("GITHUB_LOGIN", "answerbot")
OWNERS = {"parser": "@ada", "cli": "@grace", "docs": "@margaret"}


@idempotent
async def owner(area: str) -> str:
    """Return who is responsible for an area of the code: parser, cli or docs."""
    return OWNERS.get(area.lower(), "nobody in particular")


def instructions(turn: Turn) -> str:
    """Return the instructions, with the issue's title: the model is sent only the text of the event."""
    return f"""\
You triage issues of {turn.event.channel}. Say in at most five lines of markdown: whether this is a bug, a feature
request or a question; what is missing to act on it (version, steps, expected result); who is responsible for it.
Promise nothing.

The issue's title: {turn.event.title}"""


model = Agent(
    "triage",
    model=os.environ.get("MODEL", "openai-chat:gpt-4.1-mini"),
    instructions=instructions,
    tools=[owner],
)


async def triage(turn: Turn) -> str | None:
    """Comment on each new issue, and wherever the bot is mentioned."""
    if turn.event.kind == "issues.opened" or LOGIN.lower() in turn.event.mentions:
        return await model.think(turn)
    # No reply, but the message is in the history when the agent is asked later.
    return None


agents = Agent("triage", triage, listen=Listen("github", when=("every",)), max_tokens=50_000)
