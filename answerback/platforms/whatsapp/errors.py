"""The errors of the Graph API for WhatsApp, in words for an operator.

https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes
"""

from __future__ import annotations

from answerback.platforms.whatsapp.payload import Problem

CLOSED = 131047
"""The user's last message is more than 24 hours old."""

_TOKEN = "create a new access token of the system user, set WHATSAPP_TOKEN, restart, then replay what failed"
_PERMISSION = (
    "give the system user the number's WhatsApp account, and the token the permissions whatsapp_business_messaging "
    "and whatsapp_business_management"
)
_SPAM = "people blocked or reported this number: look at its quality rating in the WhatsApp Manager, and replay later"
_TEMPLATE = "compare WHATSAPP_TEMPLATE, or the agent's Template, with the template in the WhatsApp Manager"

_MEANING = {
    0: f"Meta does not accept the access token: {_TOKEN}",
    3: f"the app may not use this: {_PERMISSION}",
    10: f"a permission is missing: {_PERMISSION}",
    33: "this number, message or file does not exist, or the token may not see it",
    100: "Meta does not accept the request as it is",
    190: f"Meta does not accept the access token: {_TOKEN}",
    368: "Meta has blocked the account for a violation of its policies: look at the Business Manager",
    130472: "Meta withheld it from this user as part of an experiment: do not send it again",
    130497: "the account may not write to people in this country",
    131005: f"access was denied: {_PERMISSION}",
    131008: "a required field is missing",
    131009: "a value is not accepted: a quoted or reacted message may be gone, or the file's type is unknown",
    131021: "the number cannot write to itself",
    131026: "this user cannot get it: not on WhatsApp, an old version, or they have not accepted the new terms",
    131030: "while the app is in development, the user must be on its list of recipients: add them, then replay",
    131031: "the WhatsApp account is locked: look at the Business Manager",
    131037: "the number's display name has not been approved yet",
    131042: "there is a problem with the payment method: look at the WhatsApp Manager, then replay",
    131045: "the number is not registered with the Cloud API: register it, then replay",
    CLOSED: (
        "the user's last message is more than 24 hours old, so that WhatsApp takes only templates: set "
        "WHATSAPP_TEMPLATE and replay the reply, or replay it once the user has written again"
    ),
    131048: _SPAM,
    131049: "Meta did not deliver it, to keep people's interest in messages of businesses: do not send it again soon",
    131050: "the user wants no more marketing messages",
    131051: "WhatsApp does not know this kind of message",
    131052: "WhatsApp could not read the file: send it again",
    131053: "WhatsApp does not accept the file: look at its type and size",
    131057: "the account is in maintenance",
    131062: "this user hides their phone number, and this kind of message needs one",
    131064: "the number has written to as many people as it may in a day: replay later",
    132000: f"the template has another number of variables: {_TEMPLATE}",
    132001: f"there is no such template in this language, or it is not approved: {_TEMPLATE}",
    132005: f"the text is too long for the template: {_TEMPLATE}",
    132007: f"the template violates a policy: {_TEMPLATE}",
    132012: f"the template's variable is of another kind: {_TEMPLATE}",
    132008: f"a value does not fit the template: {_TEMPLATE}",
    132015: f"the template is paused because people disliked it: {_TEMPLATE}",
    132016: f"the template is disabled: {_TEMPLATE}",
    132018: f"a value of the template has line breaks or many spaces, or is of another kind: {_TEMPLATE}",
    132068: "the template's form (Flow) is blocked: look at it in the WhatsApp Manager",
    132069: "the template's form (Flow) is throttled: replay the reply in an hour",
    133010: "the number is not registered with the Cloud API: register it, then replay",
}

_UNKNOWN = "see https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes"


def meaning(code: int) -> str:
    """Return what an error means, and what to do."""
    if 200 <= code < 300:
        return _MEANING[10]
    return _MEANING.get(code, _UNKNOWN)


def described(problem: Problem, what: str) -> str:
    """Return a sentence about what happened, its code, and what to do. Meta's own words are cut."""
    code = problem.code if problem.code is not None else -1
    return f"{what}: {code} {problem.words[:200]} — {meaning(code)}"
