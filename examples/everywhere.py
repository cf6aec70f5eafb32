"""One agent on every platform: GitHub, Slack, Telegram, WhatsApp, Twilio, and in the chat of the dashboard.

    ANSWERBACK_AGENTS=examples.everywhere:agents answerback up
    answerback send --to telegram answerback/testing/deliveries/telegram/message.json

It names no platform. Where there are buttons, it asks with them, and else in words; where files can be sent, the
receipt is one, and else it stands in the text. It writes in pieces: people see the reply grow where a platform can
show that, and get it whole where not. It needs no model.
"""

from collections.abc import AsyncIterator

from answerback import Agent, Button, File, Listen, Turn, UnsupportedReply

PRICES = {"small": 9, "large": 14}


async def desk(turn: Turn) -> AsyncIterator[str]:
    """Sell a widget: ask for its size, then write what it costs, with a receipt."""
    pressed = turn.event.action
    said = pressed.value if pressed and pressed.type == "button" else turn.text
    size = next((size for size in PRICES if size in said.lower()), "")
    if not size:
        files = f"Thank you for {', '.join(file.name for file in turn.attachments)}. " if turn.attachments else ""
        await ask(turn, f"{files}Which widget would you like?")
        return
    receipt = await send_receipt(turn, f"1 {size} widget: {PRICES[size]} €\n")
    yield f"One **{size}** widget, "
    yield f"that is {PRICES[size]} €."
    if not receipt:
        yield f"\n\n```\n1 {size} widget: {PRICES[size]} €\n```"


async def ask(turn: Turn, question: str) -> None:
    """Ask with a button for each size, or in words."""
    try:
        await turn.reply(question, actions=[Button(size.capitalize(), value=size) for size in PRICES])
    except UnsupportedReply:
        await turn.reply(f"{question} Answer with one of: {', '.join(PRICES)}.")


async def send_receipt(turn: Turn, text: str) -> bool:
    """Send a file. Return False where that cannot be done."""
    try:
        await turn.reply("Your receipt:", files=[File("receipt.txt", text.encode())])
    except UnsupportedReply:
        return False
    return True


agents = Agent("desk", desk, description="Sells widgets", listen=Listen(), streaming=True)
