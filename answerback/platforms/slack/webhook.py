"""Slack's webhooks: whether they are Slack's, and what they say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypeVar

import msgspec

from answerback.errors import MalformedBody
from answerback.messages import Amendment, Author, AuthorKind, Event
from answerback.platforms import Handshake, Headers, Ignored, Parsed, Refusal
from answerback.platforms.signing import digest, keys, same, stale
from answerback.platforms.slack.metadata import Metadata, key_of
from answerback.platforms.slack.mrkdwn import mentions, plain

Code = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9]{1,64}\Z")]
Time = Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{1,12}\.[0-9]{1,9}\Z")]
"""Seconds since 1970 with a fraction that makes it the message's id within its channel."""

# What carries words of somebody's: https://docs.slack.dev/reference/events/message#subtypes
_SPOKEN = {None, "", "bot_message", "file_share", "me_message", "thread_broadcast"}


class Authorization(msgspec.Struct):
    team_id: Code | None = None


class Peek(msgspec.Struct):
    """What tells the events apart; what we do not read may have any shape."""

    type: str = ""
    subtype: str | None = None


class Envelope(msgspec.Struct):
    type: str = ""
    challenge: str = ""
    event_id: str = ""
    team_id: Code | None = None
    context_team_id: Code | None = None
    enterprise_id: Code | None = None
    authorizations: list[Authorization] | None = None
    event: msgspec.Raw = msgspec.Raw(b"null")


class BotProfile(msgspec.Struct):
    name: str | None = None
    app_id: str | None = None


class Message(msgspec.Struct):
    """A `message` or `app_mention` event; also the messages inside a `message_changed` or `message_deleted`."""

    ts: Time | None = None
    thread_ts: Time | None = None
    channel: Code | None = None
    channel_type: str | None = None
    subtype: str | None = None
    text: str | None = None
    team: Code | None = None
    user: str | None = None
    username: str | None = None
    bot_id: str | None = None
    app_id: str | None = None
    bot_profile: BotProfile | None = None
    metadata: msgspec.Raw = msgspec.Raw(b"null")
    deleted_ts: Time | None = None
    message: Message | None = None
    previous_message: Message | None = None


T = TypeVar("T")
_envelope = msgspec.json.Decoder(Envelope)
_peek = msgspec.json.Decoder(Peek)
_message = msgspec.json.Decoder(Message)
_metadata = msgspec.json.Decoder(Metadata | None)


def verify(secrets: Sequence[str], headers: Headers, body: bytes, now: float) -> Refusal | None:
    """None when one of `secrets` signed `body` within 300 s of `now`; else why not.

    https://docs.slack.dev/authentication/verifying-requests-from-slack
    """
    usable = keys(secrets)
    if not usable:
        return Refusal("unconfigured", "no secret is configured: set SLACK_SIGNING_SECRET")
    given, timestamp = headers.get("x-slack-signature", ""), headers.get("x-slack-request-timestamp", "")
    if not given or not timestamp:
        return Refusal("unsigned", "there is no X-Slack-Signature or no X-Slack-Request-Timestamp header")
    if problem := stale(timestamp, now):
        return problem
    if len(given) != 67 or not given.isascii() or not given.startswith("v0="):
        return Refusal("malformed", "X-Slack-Signature is not v0= and 64 hexadecimal digits")
    signature, signed = given[3:].encode(), b"v0:%b:%b" % (timestamp.encode(), body)
    for key in usable:
        if same(signature, digest(key, signed).hex().encode()):
            return None
    return Refusal(
        "mismatch", "the signature does not match: SLACK_SIGNING_SECRET and the app's signing secret at Slack differ"
    )


def parse(headers: Headers, body: bytes) -> Parsed:
    """What a verified body means.

    Thread ids: "slack:<team>:<channel>:<thread_ts, or ts>". Delivery ids: "slack:<team>:<channel>:<ts>",
    so that the `message` and the `app_mention` of one message are one event; of kind "message", whichever comes first.
    Address: team, channel, thread_ts. Identities: "user:<id>", "bot:<id>", "app:<id>" of the author.
    """
    if headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded"):
        return Ignored("slash commands and interactions are not messages")
    envelope = _decode(_envelope, body)
    if envelope.type == "url_verification":
        # https://docs.slack.dev/reference/events/url_verification
        return Handshake(envelope.challenge.encode(), "text/plain")
    if envelope.type != "event_callback":
        return Ignored(f"{_printable(envelope.type)} is not an event")
    peek = _decode(_peek, envelope.event)
    if peek.type not in ("message", "app_mention"):
        return Ignored(f"{_printable(peek.type)} events are not messages")
    changed = peek.subtype in ("message_changed", "message_deleted")
    if peek.subtype not in _SPOKEN and not changed:
        return Ignored(f"{_printable(peek.subtype or '')} messages are not spoken by anybody")
    event = _decode(_message, envelope.event)
    team = _team(envelope, event)
    if not event.channel:
        raise MalformedBody("the message has no channel")
    room = f"slack:{team}:{event.channel}"
    if changed:
        return _amendment(envelope, event, room)
    return _event(event, team, room)


def _event(event: Message, team: str, room: str) -> Parsed:
    if not event.ts or not event.channel:
        raise MalformedBody("the message has no ts")
    text = event.text or ""
    if not text.strip():
        return Ignored("a message without a text")
    root = event.thread_ts or event.ts
    profile = event.bot_profile or BotProfile()
    # `api_app_id` beside the event is the app that is told, ours; only these name the app that spoke.
    app = event.app_id or profile.app_id
    named = (("user", event.user), ("bot", event.bot_id), ("app", app))
    return [
        Event(
            delivery=f"{room}:{event.ts}",
            thread=f"{room}:{root}",
            kind="message",
            text=plain(text),
            author=Author(event.user or event.bot_id or "", event.username or profile.name or "", _kind(event)),
            message=event.ts,
            channel=event.channel,
            mentions=mentions(text),
            direct=event.channel_type == "im" or (event.channel_type is None and event.channel.startswith("D")),
            identities=tuple(f"{what}:{which}" for what, which in named if which),
            address={"team": team, "channel": event.channel, "thread_ts": root},
            at=_milliseconds(event.ts),
            reply=_reply(event.metadata),
        )
    ]


def _kind(event: Message) -> AuthorKind:
    """Whether a program wrote this: https://docs.slack.dev/reference/events/message/bot_message.

    An app's bot, a workflow and an incoming webhook have a bot_id; Slack itself writes as USLACKBOT.
    """
    if event.bot_id or event.bot_profile or event.subtype == "bot_message" or event.user == "USLACKBOT":
        return "bot"
    return "app" if event.app_id else "person"


def _amendment(envelope: Envelope, event: Message, room: str) -> Parsed:
    old, new = event.previous_message, event.message
    if event.subtype == "message_deleted":
        ts, root, text = event.deleted_ts or (old and old.ts), old and old.thread_ts, None
    elif new is None:
        raise MalformedBody("message_changed without its message")
    else:
        ts, root = new.ts, new.thread_ts
        # What was deleted but has replies is changed into a tombstone.
        text = None if new.subtype == "tombstone" else new.text or ""
        if old and text is not None and old.text == new.text:
            return Ignored("message_changed, but not its text")  # the preview of a link arrived
    if not ts:
        raise MalformedBody(f"{event.subtype} does not say which message")
    if not envelope.event_id:
        raise MalformedBody("there is no event_id")
    return [
        Amendment(
            delivery=f"slack:{envelope.event_id}",
            thread=f"{room}:{root or ts}",
            message=ts,
            text=None if text is None else plain(text),
            mentions=mentions(text or ""),
        )
    ]


def _team(envelope: Envelope, event: Message) -> str:
    """The workspace we are told in. Apps installed for a whole organization may get no `team_id`.

    `event.team` comes late: in a channel shared between workspaces it is the author's.
    """
    installed = next((each.team_id for each in envelope.authorizations or () if each.team_id), None)
    team = envelope.team_id or envelope.context_team_id or installed or event.team or envelope.enterprise_id
    if not team:
        raise MalformedBody("the event names no team")
    return team


def _reply(metadata: msgspec.Raw) -> str:
    try:
        return key_of(_metadata.decode(metadata))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ""  # other apps may put anything there


def _decode(decoder: msgspec.json.Decoder[T], body: bytes | msgspec.Raw) -> T:
    try:
        return decoder.decode(body)
    except RecursionError:
        raise MalformedBody("the JSON is nested too deeply") from None
    except (msgspec.MsgspecError, ValueError) as error:
        raise MalformedBody(f"the body is not what Slack documents: {error}") from error


def _milliseconds(ts: str) -> int:
    seconds, _, fraction = ts.partition(".")
    return int(seconds) * 1000 + int(fraction[:3].ljust(3, "0"))


def _printable(word: str) -> str:
    return word[:60] if word and word.isascii() and word.isprintable() else "unnamed"
