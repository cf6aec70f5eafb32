"""Parse slash commands: https://docs.slack.dev/interactivity/implementing-slash-commands"""

from __future__ import annotations

import re

from answerback.errors import MalformedBody
from answerback.events import Action, Address, Event
from answerback.messages import Author
from answerback.platforms.slack.chats import conversation
from answerback.platforms.slack.mrkdwn import mentions, plain

_ID = re.compile(r"[A-Za-z0-9]{1,64}", re.ASCII)
TRIGGER = re.compile(r"[A-Za-z0-9._-]{1,120}", re.ASCII)
"""The form of a `trigger_id`."""


def parse_command(fields: dict[str, str], at: int) -> Event:
    """Return the event of a command. It has no message: its thread is its own, and an answer goes to the channel."""
    organization = fields.get("enterprise_id", "") if fields.get("is_enterprise_install") == "true" else ""
    team, channel = (
        organization or fields.get("team_id") or fields.get("enterprise_id", ""),
        fields.get("channel_id", ""),
    )
    trigger, user = fields.get("trigger_id", ""), fields.get("user_id", "")
    for name, value in (("team_id", team), ("channel_id", channel), ("user_id", user)):
        if not _ID.fullmatch(value):
            raise MalformedBody(f"a slash command without its {name}")
    if not TRIGGER.fullmatch(trigger):
        raise MalformedBody("a slash command without its trigger_id")
    command, text = fields["command"][:200], fields.get("text", "")
    room, place = f"slack:{team}:{channel}", address(team, channel, trigger, response_url=fields.get("response_url"))
    return Event(
        delivery=f"{room}:command:{trigger}",
        thread=f"{room}:{trigger}",
        kind="command",
        text=f"{command} {plain(text)}".strip(),
        author=Author(user, fields.get("user_name", "")),
        channel=channel,
        mentions=mentions(text),
        direct=channel.startswith("D"),
        identities=(f"user:{user}",),
        address=place,
        at=at,
        action=Action(type="command", name=command, value=plain(text)),
        account=team,
        conversation=conversation(team, channel, place) if channel.startswith("D") else None,
    )


def address(team: str, channel: str, trigger: str, root: str = "", response_url: str | None = None) -> Address:
    """Return the address of what answers an interaction."""
    found: Address = {"team": team, "channel": channel, "trigger_id": trigger}
    if root:
        found["thread_ts"] = root
    if response_url and len(response_url) <= 2000:
        found["response_url"] = response_url
    return found
