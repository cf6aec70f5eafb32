"""Triage issues on GitHub: comment once on each new issue, answer when mentioned, review pull requests on request.

    ANSWERBACK_AGENTS=examples.github_triage:agents answerback up
    answerback send --to github answerback/testing/deliveries/github/issues.opened.json

It combines a function and a model: the function decides what to answer, the model writes the answer. If a worker dies
in between, the model is not asked twice and no comment is posted twice. 👀 shows that it is at work, 🎉 that it is
done; a long answer is seen growing in its comment; screenshots and logs in the text reach the model; a question that is
edited is answered again. With a GitHub App, a review that is requested is also a check run with a button.

The GitHub webhook needs the events "Issues", "Issue comments", "Pull requests" and "Check runs"; GITHUB_LOGIN is the
name that people mention. README.md in this folder explains how to run it with real keys, and offline.
"""

import os

from answerback import Agent, Button, Listen, Turn, idempotent

LOGIN = os.environ.get("GITHUB_LOGIN", "answerbot")
APP = bool(os.environ.get("GITHUB_APP_ID"))
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
    """Comment on each new issue, and wherever the bot is mentioned, assigned or asked for a review."""
    action = turn.event.action
    if action and action.type == "review_requested":
        return await review(turn)
    if action and action.type == "button":
        await turn.check("triage", state="success", summary=f"{turn.event.author.name} looks at it.")
        return None
    if turn.event.kind == "issues.opened" or action or LOGIN.lower() in turn.event.mentions:
        return await model.think(turn)
    # No reply, but the message is in the history when the agent is asked later.
    return None


async def review(turn: Turn) -> str | None:
    """Say what the model thinks of the pull request: as a review, and as a check run where an app may make one."""
    if APP:
        await turn.check("triage", state="in_progress")
    text = await model.think(turn) or "Nothing to say."
    await turn.review(text)
    if APP:
        take = Button("I take it", name="take")
        await turn.check("triage", state="neutral", summary=text, actions=[take])
    return None


agents = Agent(
    "triage",
    triage,
    listen=Listen("github", when=("every", "mention", "action")),
    max_tokens=50_000,
    presence="outcome",
    streaming=True,
    edits="again",
)
