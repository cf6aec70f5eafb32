"""Parse what Slack reports besides messages: reactions, the stop button, the end of our access."""

from __future__ import annotations

import msgspec

from answerback.errors import MalformedBody
from answerback.events import Action, Event
from answerback.messages import Author
from answerback.notifications import Stop, Uninstalled
from answerback.platforms import Ignored, Parsed
from answerback.platforms.decoding import decode
from answerback.platforms.slack.payload import Envelope, Reacted, SessionStopped, TokensRevoked, milliseconds, printable

_reacted = msgspec.json.Decoder(Reacted)
_stopped = msgspec.json.Decoder(SessionStopped)
_revoked = msgspec.json.Decoder(TokensRevoked)
_DOCUMENTED = "Slack documents"

STOPS = frozenset({"octagonal_sign", "black_square_for_stop", "stop", "stop_sign"})
"""The reactions that stop an agent: 🛑, ⏹️, and a workspace's own emoji of these names."""

_UNUSED = {
    "assistant_thread_started": "a person opened the app's pane: an agent is asked by their first message there",
    "assistant_thread_context_changed": "a person looks at something else beside the app's pane",
    "app_context_changed": "a person looks at something else beside the app's pane",
    "app_home_opened": "a person opened the app's home",
}
"""Events that lead to nothing, each with the reason."""


def parse_notice(kind: str, envelope: Envelope) -> Parsed:
    """Parse an event of this type, which is no message."""
    match kind:
        case "reaction_added" | "reaction_removed":
            return _reaction(envelope)
        case "agent_session_stopped":
            return _stop(envelope)
        case "app_uninstalled":
            return _uninstalled(kind, envelope)
        case "tokens_revoked":
            tokens = decode(_revoked, envelope.event, _DOCUMENTED).tokens
            if tokens is not None and tokens.oauth and not tokens.bot:
                return Ignored("tokens of persons were revoked, not the bot's")
            return _uninstalled(kind, envelope)
        case _:
            return Ignored(_UNUSED.get(kind) or f"{printable(kind)} events are not messages")


def _reaction(envelope: Envelope) -> Parsed:
    """Return the event of a reaction, or the stop that it means.

    Slack does not say in which thread the message is: `of` is the message's delivery id.
    """
    event = decode(_reacted, envelope.event, _DOCUMENTED)
    item = event.item
    if item is None or item.type != "message" or not item.channel or not item.ts:
        return Ignored("a reaction to something that is not a message")
    if not event.user or not event.reaction:
        raise MalformedBody("a reaction without its user or its name")
    team, removed = _team(envelope), event.type == "reaction_removed"
    room = f"slack:{team}:{item.channel}"
    of, when = f"{room}:{item.ts}", event.event_ts or envelope.event_id or item.ts
    delivery = f"{of}:{event.type}:{event.reaction[:100]}:{event.user}:{when}"
    author, at = Author(event.user), milliseconds(event.event_ts or "0")
    if event.reaction in STOPS and not removed:
        return [Stop(delivery=delivery, thread=of, author=author, at=at, of=of)]
    words = "took back the reaction" if removed else "reacted with"
    return [
        Event(
            delivery=delivery,
            thread=of,
            kind=event.type,
            text=f"{words} :{event.reaction}:",
            author=author,
            channel=item.channel,
            direct=item.channel.startswith("D"),
            identities=(f"user:{event.user}",),
            address={"team": team, "channel": item.channel},
            at=at,
            action=Action(type="reaction", name=event.reaction, message=item.ts, removed=removed),
            account=envelope.account,
            of=of,
        )
    ]


def _stop(envelope: Envelope) -> Parsed:
    event = decode(_stopped, envelope.event, _DOCUMENTED)
    thread = f"slack:{_team(envelope)}:{event.channel}:{event.thread_ts}"
    when = event.event_ts or envelope.event_id or "stop"
    at = milliseconds(event.event_ts or "0")
    return [Stop(delivery=f"{thread}:stop:{when}", thread=thread, author=Author(event.user or ""), at=at)]


def _uninstalled(kind: str, envelope: Envelope) -> Parsed:
    """https://docs.slack.dev/reference/events/app_uninstalled, https://docs.slack.dev/reference/events/tokens_revoked"""
    delivery = f"slack:{_team(envelope)}:{kind}:{envelope.event_id or ''}"
    return [Uninstalled(delivery=delivery, account=envelope.account, at=(envelope.event_time or 0) * 1000)]


def _team(envelope: Envelope) -> str:
    if team := envelope.installation:
        return team
    raise MalformedBody("the event has no team")
