"""Parse Twilio's webhooks: messages that people send, and the statuses of ours.

https://www.twilio.com/docs/messaging/guides/webhook-request
"""

from __future__ import annotations

from answerback.events import Action, Event, Subject
from answerback.messages import Author
from answerback.platforms import Answer, Answered, Delivery, Ignored, Parsed
from answerback.platforms.choices import number_of
from answerback.platforms.subject import BODY, TITLE, shortened
from answerback.platforms.twilio.form import FORM, Fields
from answerback.platforms.twilio.media import attached_media
from answerback.platforms.twilio.place import TwilioPlace
from answerback.platforms.twilio.status import is_status, parse_status

NOTHING = Answer(b'<?xml version="1.0" encoding="UTF-8"?><Response/>', "text/xml")
"""TwiML that sends nothing: replies go out by the API. https://www.twilio.com/docs/messaging/twiml"""

_OPT_OUT = frozenset({"stop", "stopall", "unsubscribe"})
"""Texts that mean nothing else: Twilio blocks our replies from now on, where it handles opt-outs by itself.

https://help.twilio.com/articles/223134027
"""


def parse(delivery: Delivery) -> Parsed:
    """Parse a verified delivery.

    Thread ids: "twilio:<account>:<our number, or messaging service>:<their number>"; numbers of other channels begin
    with "whatsapp:" or "rcs:". Address: see `TwilioPlace`. Identities: "number:<theirs>".
    """
    kind = delivery.headers.get("content-type", "").partition(";")[0].strip().lower()
    if delivery.method != "GET" and kind not in (FORM, ""):
        return Ignored(f"{kind[:60]} is not a message: Twilio sends messages as forms", "not handled", NOTHING)
    fields = Fields.of(delivery)
    if is_status(fields):
        status = parse_status(fields, delivery.query)
        return Ignored(status, answer=NOTHING) if isinstance(status, str) else Answered([status], NOTHING)
    if "EventType" in fields or "CallSid" in fields:
        return Ignored("not a message: a call, or an event of another product", "not handled", NOTHING)
    event = _event(fields)
    word = fields.words("OptOutType").upper()
    if word or (event.text.strip().lower() in _OPT_OUT and ":" not in event.author.id):
        # https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out
        return Ignored(
            f"{word or 'STOP'} is answered by Twilio: the person opts out or in, or asks how", answer=NOTHING
        )
    if not event.text.strip() and not event.attachments:
        return Ignored("a message without a text", answer=NOTHING)
    return Answered([event], NOTHING)


def _event(fields: Fields) -> Event:
    message = fields.sid("MessageSid", "SmsMessageSid", "SmsSid")
    place = TwilioPlace(
        account=fields.sid("AccountSid"),
        ours=fields.address("To"),
        theirs=fields.address("From"),
        service=fields.optional_sid("MessagingServiceSid"),
    )
    action = _action(fields)
    text = f"pressed {action.name}" if action and action.type == "button" else f"chose {action.name}" if action else ""
    if action and action.value not in ("", action.name):
        text = f"{text} (value: {action.value})"
    attachments = attached_media(fields)
    written = "\n".join(part for part in (fields.text("Body"), _location(fields)) if part.strip())
    seen = written or "\n".join(f"[{each.name}]" for each in attachments)
    return Event(
        delivery=f"twilio:{message}",
        thread=place.thread,
        kind="button" if action else "message",
        text=text or seen,
        author=Author(place.theirs, fields.words("ProfileName")),
        message=message,
        channel=place.ours,
        direct=True,
        identities=(f"number:{place.theirs}",),
        address=place.address,
        account=place.account,
        subject=None if action else _about(fields),
        attachments=attachments,
        action=action,
        choice=0 if action or attachments else number_of(written),
    )


def _action(fields: Fields) -> Action | None:
    """Return the pressed button, or the chosen item of a list.

    https://www.twilio.com/docs/content/twilio-quick-reply, https://www.twilio.com/docs/content/twilio-list-picker
    """
    of = fields.optional_sid("OriginalRepliedMessageSid")
    if "ButtonPayload" in fields or "ButtonText" in fields:
        label, value = fields.words("ButtonText") or fields.words("Body"), fields.text("ButtonPayload")
        return Action(type="button", name=label or value, value=value, message=of)
    if "ListId" in fields:
        value = fields.text("ListId")
        return Action(type="select", name=fields.words("ListTitle") or value, value=value, message=of)
    return None


def _location(fields: Fields) -> str:
    """Return a shared place in words. https://www.twilio.com/docs/whatsapp/message-features#location-messages"""
    latitude, longitude = fields.words("Latitude"), fields.words("Longitude")
    if not latitude or not longitude:
        return ""
    name = ", ".join(part for part in (fields.words("Label"), fields.words("Address")) if part)
    return (
        f"shared a location: {name} ({latitude}, {longitude})"
        if name
        else f"shared a location: {latitude}, {longitude}"
    )


def _about(fields: Fields) -> Subject | None:
    """Return the advertisement from which a person came to write ("click to WhatsApp"), or the message they quote."""
    title, body = fields.words("ReferralHeadline"), fields.words("ReferralBody")
    if not title and not body:
        quoted = fields.optional_sid("OriginalRepliedMessageSid")
        return Subject(kind="message", message=quoted) if quoted else None
    return Subject(kind="advertisement", title=shortened(title, TITLE), body=shortened(body, BODY))
