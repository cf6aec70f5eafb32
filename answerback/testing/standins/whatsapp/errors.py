"""The Graph API's errors: https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes"""

from __future__ import annotations

from answerback.testing.standins.standin import Refusal, answer
from answerback.testing.standins.values import Json

TITLES = {
    100: "Invalid parameter",
    130429: "Rate limit hit",
    131000: "Something went wrong",
    131009: "Parameter value is not valid",
    131016: "Service unavailable",
    131026: "Message undeliverable",
    131047: "Re-engagement message",
    131048: "Spam rate limit hit",
    131053: "Media upload error",
    131056: "(Business Account, Consumer Account) pair rate limit hit",
    131057: "Account in maintenance mode",
    132000: "Number of parameters does not match the expected number of params",
    132001: "Template name does not exist in the translation",
    132012: "Parameter format does not match format in the created template",
    132015: "Template is paused",
    132016: "Template is disabled",
    132018: "There is an issue with the parameters in your template",
}


def refusal(code: int, details: str, status: int = 400, subcode: int = 0) -> Refusal:
    """Return an error."""
    error: Json = {
        "message": f"(#{code}) {TITLES.get(code, details)}",
        "type": "OAuthException",
        "code": code,
        "error_data": {"messaging_product": "whatsapp", "details": details},
        "fbtrace_id": "AbCdEfGhIjKlMnOpQrStUvW",
    }
    return Refusal(answer({"error": error | ({"error_subcode": subcode} if subcode else {})}, status))


def reported(code: int, details: str) -> Json:
    """Return an error as it stands in a status."""
    title = TITLES.get(code, details)
    href = "https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes/"
    return {"code": code, "title": title, "message": title, "error_data": {"details": details}, "href": href}
