"""An agent whom people write to on WhatsApp."""

from __future__ import annotations

from answerback import Agent, Button, File, Listen, Template, Turn
from tests.acceptance.marks import released


async def shop(turn: Turn) -> str | None:
    """Say how much was said before, and what is said now; offer buttons, read and send files, react."""
    action, before = turn.event.action, len([each for each in turn.history if each.role == "user"])
    if action is not None:
        return f"{turn.text} ({action.type} {action.name}: {action.value})"
    if turn.attachments:
        (file,) = turn.attachments
        return f"{file.content_type}: {file.problem or len(await turn.read(file))} {turn.text}".strip()
    if turn.text == "offer":
        await turn.react("eyes")
        await turn.reply("**Buy it?**", actions=[Button("Yes", value="42", name="buy"), Button("No")])
        await turn.reply("", files=[File("price.csv", b"bell,42")])
        return None
    if turn.text == "remind":
        template = Template("order_ready", "en_US", {"1": "Ada", "2": "bell"}, header="42")
        await turn.reply(
            "The bell is ready.", actions=[Button("Fetch", value="42"), Button("Later")], template=template
        )
        return None
    if turn.text == "think":
        await released()
    about = turn.event.subject
    quoted = f' (about "{about.body}" of {about.author})' if about else ""
    return f"{before} before: {turn.text}{quoted}"


agents = [Agent("shop", shop, listen=Listen("whatsapp", when=("direct", "action", "reaction")))]
