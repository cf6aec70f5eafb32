"""An agent with a telephone number."""

from __future__ import annotations

from answerback import Agent, Button, File, Listen, Select, Turn
from tests.acceptance.marks import mark, released


async def text(turn: Turn) -> str | None:
    """Say what came in; a long reply, several, or a late one if that is asked for."""
    action = turn.event.action
    if action is not None:
        return f"{action.type} {action.name}: {action.value}"
    if turn.attachments:
        found = [(file, await turn.read(file)) for file in turn.attachments if not file.problem]
        return ", ".join(f"{file.name} has {len(content)} bytes" for file, content in found)
    match turn.text.split()[0]:
        case "offer":
            await turn.reply(
                "**Oil?**", actions=[Button("Yes", value="42"), Button("No"), Select("size", (("S", ""), ("L", "")))]
            )
            await turn.reply("", files=[File("Preis – €.pdf", b"%PDF-1.7", "application/pdf")])
            return None
        case "long":
            return "\n\n".join(f"**{number}** " + "widget " * 30 for number in range(12))
        case "twice":
            await turn.reply("same")
            mark("said")
            await released(2)
            return "same"
        case "wait":
            mark("waiting")
            await released()
    return f"{len(turn.history) // 2} said before: **{turn.text}**"


agents = [Agent("text", text, listen=Listen("twilio"))]
