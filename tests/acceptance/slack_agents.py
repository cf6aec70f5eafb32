"""An agent whom people in Slack press, command, stop, and react to."""

from __future__ import annotations

from answerback import Agent, Button, Field, Form, Listen, Turn
from tests.acceptance.marks import mark, released


async def deploy(turn: Turn) -> str | None:
    """Ask with a button, and say what was done with it."""
    action = turn.event.action
    if action is not None and action.name == "/report":
        places = tuple((f"Room {number}", str(number)) for number in range(150))
        fields = (Field("what", "What is broken?"), Field("where", "Where?", "choice", places, optional=True))
        await turn.open(Form("report", "Report", fields))
        return None
    if action is not None:
        return f"{turn.event.text} ({action.type} {action.name}: {action.value})"
    if turn.attachments:
        sizes = [len(await turn.read(file)) if not file.problem else file.problem for file in turn.attachments]
        return ", ".join(f"{file.content_type}: {size}" for file, size in zip(turn.attachments, sizes, strict=True))
    if "who" in turn.text:
        event = turn.event
        said = [f"{one.author.name if one.author else ''}: {one.text}" for one in turn.history if one.role == "user"]
        return " | ".join([*said, f"{event.author.name} in {event.channel_name}: {event.text}"])
    if "wait" in turn.text:
        mark(f"waiting-{turn.id}")
        await released()
        return "not stopped"
    if turn.history:
        return f"after {turn.history[0].text}: {turn.text}"
    await turn.reply("Deploy?", actions=[Button("Yes", value="42", name="approve")])
    return None


LISTEN = Listen("slack", when=("mention", "direct", "answered", "action", "reaction"))
agents = [Agent("deploy", deploy, listen=LISTEN)]

chatting = [Agent("chat", deploy, listen=LISTEN, direct="conversation")]
