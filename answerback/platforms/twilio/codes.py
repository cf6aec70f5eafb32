"""Twilio's error codes, in words for an operator: of refusals, and of messages that failed after they were accepted.

https://www.twilio.com/docs/api/errors
"""

from __future__ import annotations

FAILED = frozenset({"failed", "undelivered", "canceled"})
"""Statuses of a message that will not arrive."""

CREDENTIAL = frozenset({20003, 20005, 20006, 20008})
"""Our credential is not accepted: outages and gateways cause that, too."""

BUSY_ACCOUNT = frozenset({20429, 63038})
"""The account has to wait."""

BUSY_SENDER = frozenset({14107, 21611, 30001, 63017, 63018})
"""Our number has to wait: it sends too fast, or its queue is full."""

TOO_LONG = frozenset({21605, 21617})

_TEMPLATE = "compare TWILIO_WHATSAPP_TEMPLATE, or the agent's Template, with it"
_REPLAY = "replay the reply later"

MEANING = {
    20003: (
        "Twilio does not accept the credential: check TWILIO_ACCOUNT_SID, and TWILIO_AUTH_TOKEN or TWILIO_API_KEY, "
        "restart, then replay what failed"
    ),
    20005: "the account is not active: look at its state in Twilio's console",
    20006: "the credential may not use this account",
    20008: "test credentials send nothing: use those of the account",
    20404: "the account or what it names does not exist: check TWILIO_ACCOUNT_SID and TWILIO_API_URL (its region)",
    21211: "Twilio does not take this for a phone number",
    21212: "our number is not one that can send: check the number at Twilio",
    21214: "this number cannot be reached",
    21408: "the account may not send to this country: allow it under Messaging, Geo permissions",
    21606: (
        "our number does not belong to this account, or cannot send this: a file needs a number with MMS, which only "
        "the US, Canada and Australia have"
    ),
    21608: "a trial account sends only to verified numbers: verify this one, or upgrade the account",
    21610: "the person opted out (STOP), and may not be written to until they send START",
    21611: f"too many messages wait for our number: {_REPLAY}",
    21612: "this number cannot be reached from ours: by its country, its carrier, or the kind of our number",
    21614: "this is not a mobile number",
    21617: "the reply is longer than 1,600 characters",
    21619: "the reply is empty",
    21620: "Twilio does not accept the URL of a file: it must be able to reach PUBLIC_URL",
    21635: "this is a landline",
    21655: f"there is no content template with this SID: {_TEMPLATE}",
    21656: f"the template has other variables: {_TEMPLATE}; the former has one, {{{{1}}}}",
    21703: "the messaging service has no sender that can be used: add a number to it",
    21705: "the messaging service does not exist",
    30001: f"too many messages waited for our number: {_REPLAY}",
    11200: "Twilio could not fetch the file from us: PUBLIC_URL must lead to ingress, also with the path /shared",
    11751: "the file is larger than the carrier takes: 5 MB, and much less for anything but a picture",
    12300: "Twilio does not take files of this type",
    30002: "the account is suspended: look at its state in Twilio's console",
    30003: f"the phone is switched off or out of reach: {_REPLAY}",
    30004: "the message was blocked by the carrier, or by the person",
    30005: "the number is not in use, or its phone is unknown",
    30006: "this is a landline, or its carrier cannot be reached",
    30007: "the carrier filtered the message as unwanted: see Twilio's guidelines on filtering",
    30008: f"the carrier did not say why: {_REPLAY}",
    30011: "this phone, or its country, takes no files (MMS): post a link",
    30010: "the message costs more than the account allows",
    30032: "our toll-free number is not verified: verify it at Twilio",
    30034: "our number is not registered for A2P 10DLC, which carriers in the US require: register it at Twilio",
    30036: "the message waited longer than it may: look at how many wait for our number",
    30410: f"the carrier did not respond in time: {_REPLAY}",
    63003: "the channel does not know this person",
    63005: "the channel does not take this content: look at the file, or at the template",
    63007: "our address on this channel is not set up: check the sender in Twilio's console",
    63016: (
        "on WhatsApp, more than 24 hours after the person's last message, only an approved template may be sent: set "
        "TWILIO_WHATSAPP_TEMPLATE, or wait until they write again"
    ),
    63017: f"our sender was too fast for the channel: {_REPLAY}",
    63018: f"our sender was too fast for WhatsApp: {_REPLAY}",
    63019: "Twilio could not fetch the file from us: PUBLIC_URL must lead to ingress, also with the path /shared",
    63021: "the channel does not take this content: look at the file's type",
    63024: "the person is not on WhatsApp",
    63027: f"there is no such template in this language: {_TEMPLATE}",
    63028: f"the template has another number of variables: {_TEMPLATE}",
    63032: "WhatsApp does not deliver to this person",
    63038: "the account has sent as many messages today as it may",
    63040: f"WhatsApp has rejected the template: {_TEMPLATE}",
    63041: f"WhatsApp has paused the template, because people disliked it: {_TEMPLATE}",
    63042: f"WhatsApp has disabled the template: {_TEMPLATE}",
    63049: "WhatsApp chose not to deliver the message, to protect the person from too many",
}  # fmt: skip


def explained(code: int, message: str = "") -> str:
    """Return what a code means and what to do, with the code; Twilio's own `message` where it is not known here."""
    if not code:
        return message or "no error code was given"
    meaning = MEANING.get(code) or message or "not known here"
    return f"{meaning} ({code}, https://www.twilio.com/docs/api/errors/{code})"
