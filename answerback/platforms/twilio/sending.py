"""Complete the headers of a payload as Twilio does, for `answerback send`."""

from __future__ import annotations

from collections.abc import Mapping

from answerback.platforms import Headers
from answerback.platforms.twilio.form import FORM


def complete(headers: Headers, payload: Mapping[str, object], *, event: str | None, delivery: str | None) -> Headers:
    """Return the headers with the content type of a form: everything else that `parse` reads is in the payload."""
    return {"content-type": FORM, **headers}
