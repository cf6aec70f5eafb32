"""Parse Slack's webhooks."""

from __future__ import annotations

import msgspec

from answerback.errors import MalformedBody
from answerback.platforms import Answer, Delivery, Ignored, Parsed
from answerback.platforms.decoding import decode
from answerback.platforms.slack.edits import amendment
from answerback.platforms.slack.interactions import parse_form
from answerback.platforms.slack.messages import WRITTEN, message_event
from answerback.platforms.slack.notices import parse_notice
from answerback.platforms.slack.payload import Envelope, Message, Peek, printable

_envelope = msgspec.json.Decoder(Envelope)
_peek = msgspec.json.Decoder(Peek)
_message = msgspec.json.Decoder(Message)
_DOCUMENTED = "Slack documents"


def parse(delivery: Delivery) -> Parsed:
    """Parse a verified body.

    Thread ids: "slack:<team>:<channel>:<thread_ts, or ts>", of the workspace where our app is installed, which is also
    the account. A slash command has its `trigger_id` in place of a `ts`.
    Delivery ids: "slack:<team>:<channel>:<ts>", so that the `message` and the `app_mention` of one message are one
    event; of kind "message", whichever comes first. An edit adds the time of the edit, a deletion "deleted".
    Address: team, channel, thread_ts (not of a command), response_url (of interactions).
    Identities: "user:<id>", "bot:<id>", "app:<id>" of the author.
    """
    headers, body = delivery.headers, delivery.body
    if headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded"):
        return parse_form(delivery)
    envelope = decode(_envelope, body, _DOCUMENTED)
    if envelope.type == "url_verification":
        # https://docs.slack.dev/reference/events/url_verification
        return Answer((envelope.challenge or "").encode(), "text/plain")
    if envelope.type == "app_rate_limited":
        # https://docs.slack.dev/reference/events/app_rate_limited
        reason = "Slack drops events of this workspace for a minute: it had more than 30,000 within an hour"
        return Ignored(reason, warning="events dropped")
    if envelope.type != "event_callback":
        return Ignored(f"{printable(envelope.type)} is not an event")
    peek = decode(_peek, envelope.event, _DOCUMENTED)
    if peek.type not in ("message", "app_mention"):
        return parse_notice(peek.type, envelope)
    changed = peek.subtype in ("message_changed", "message_deleted")
    if peek.subtype not in WRITTEN and not changed:
        return Ignored(f"{printable(peek.subtype or '')} messages are not written by anyone")
    event = decode(_message, envelope.event, _DOCUMENTED)
    # `event.team` comes last: it is the author's workspace.
    team = envelope.installation or event.team
    if not team:
        raise MalformedBody("the event has no team")
    if not event.channel:
        raise MalformedBody("the message has no channel")
    room = f"slack:{team}:{event.channel}"
    if changed:
        return amendment(envelope, event, team, room)
    return message_event(envelope, event, team, room, app_mention=peek.type == "app_mention")
