"""Read GitHub's error responses: the reason, on one line, whatever the shape of the body."""

from __future__ import annotations

import msgspec

from answerback.platforms import Response
from answerback.platforms.decoding import Spare, tolerant

_LONGEST = 300


class _Error(msgspec.Struct):
    message: Spare[str] = None
    errors: object = None


_error = msgspec.json.Decoder(_Error)


def by_github(response: Response) -> bool:
    """Return whether an error gives a reason, in JSON, as GitHub's do.

    An HTML page, or part of a body, comes from an outage or from a proxy.
    """
    try:
        error = tolerant(_error, response.body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
    return bool(error.message or error.errors)


def message_of(response: Response) -> str:
    """Return GitHub's message, with the details in `errors` that a "Validation Failed" has.

    https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#validation-failed
    """
    try:
        error = tolerant(_error, response.body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return one_line(response.body[:_LONGEST].decode(errors="replace"))
    return one_line(": ".join(filter(None, [(error.message or "").rstrip("."), "; ".join(_details(error.errors))])))


def _details(errors: object) -> list[str]:
    """Return the texts in `errors`: a list of texts, or of objects with a message, or only with a field and a code."""
    texts = []
    for error in errors if isinstance(errors, list) else [errors] if errors else []:
        if isinstance(error, dict):
            parts = [str(error[name]) for name in ("resource", "field", "code") if error.get(name)]
            texts.append(str(error.get("message") or " ".join(parts)))
        else:
            texts.append(str(error))
    return texts


def one_line(text: str) -> str:
    """Return a text as one line of limited length."""
    return " ".join(text.split())[:_LONGEST].rstrip(".") or "no reason given"
