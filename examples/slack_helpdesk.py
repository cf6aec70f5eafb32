"""A helpdesk on Slack: answer mentions and direct messages in their thread, and open tickets.

    ANSWERBACK_AGENTS=examples.slack_helpdesk:agents answerback up
    answerback send --to slack answerback/testing/deliveries/slack/message.im.json

It shows a tool that takes effect once, whatever crashes, and `arrival`: people write in bursts, and one answer is
enough. Screenshots and logs reach the model; while it works, Slack shows what it does and then the answer as it is
written; a ticket comes with a button and a file. `answerback manifest slack` names the events and scopes that the Slack
app needs; README.md in this folder explains how to run it with real keys, and offline.
"""

import os
import sqlite3
from contextlib import closing

from pydantic_ai import RunContext

from answerback import Agent, Button, File, Listen, Turn, idempotent

HANDBOOK = {
    "vpn": "Install the client from the portal, then sign in with your badge number.",
    "badge": "Lost badges are blocked at the front desk, which prints a new one at once.",
    "laptop": "A laptop is replaced after three years; a ticket brings that forward.",
}


@idempotent
async def look_up(ctx: RunContext[Turn], topic: str) -> str:
    """Look up a topic in the handbook: vpn, badge or laptop."""
    ctx.deps.progress(f"Reading about {topic}…")
    return HANDBOOK.get(topic.lower(), "The handbook says nothing about that.")


@idempotent
async def open_ticket(ctx: RunContext[Turn], summary: str) -> str:
    """Open a ticket for the helpdesk team, if the handbook does not help."""
    with closing(sqlite3.connect(os.environ.get("TICKETS", "tickets.db"))) as database, database:
        database.execute(
            "CREATE TABLE IF NOT EXISTS tickets (number INTEGER PRIMARY KEY, key UNIQUE, thread, summary, closed)"
        )
        # If a worker dies here, it is unknown whether the ticket exists. A repeated call has the same key, so the
        # insert cannot create a second ticket.
        database.execute(
            "INSERT OR IGNORE INTO tickets (key, thread, summary) VALUES (?, ?, ?)",
            (ctx.deps.key, ctx.deps.thread, summary),
        )
        [number] = database.execute("SELECT number FROM tickets WHERE key = ?", (ctx.deps.key,)).fetchone()
    # Stored with the step: it is shown once. A press of the button reaches the agent as "pressed Close it (value: 1)".
    await ctx.deps.reply(
        f"Ticket {number}: {summary}",
        actions=[Button("Close it", value=str(number), name="close")],
        files=[File(f"ticket-{number}.txt", ctx.deps.text.encode())],
    )
    return f"ticket {number} is open"


@idempotent
async def close_ticket(ctx: RunContext[Turn], number: int) -> str:
    """Close a ticket, if its button was pressed."""
    turn = ctx.deps
    with closing(sqlite3.connect(os.environ.get("TICKETS", "tickets.db"))) as database, database:
        database.execute("UPDATE tickets SET closed = 1 WHERE number = ? AND thread = ?", (number, turn.thread))
    if turn.event.action:
        await turn.sent(turn.event.action.message).edit(f"Ticket {number} is closed.")
    return f"ticket {number} is closed"


agents = Agent(
    "helpdesk",
    description="Answers questions of colleagues, and opens tickets",
    model=os.environ.get("MODEL", "openai-chat:gpt-4.1-mini"),
    instructions="You are the helpdesk. Look it up, and answer in two sentences; if that does not help, open a ticket.",
    tools=[look_up, open_ticket, close_ticket],
    listen=Listen("slack", when=("mention", "direct", "answered")),
    arrival="debounce",
    max_tokens=50_000,
)
