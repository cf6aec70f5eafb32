"""Complete the headers of a payload as Meta does, for `answerback send`."""

from __future__ import annotations

from collections.abc import Mapping

from answerback.platforms import Headers


def complete(headers: Headers, payload: Mapping[str, object], *, event: str | None, delivery: str | None) -> Headers:
    """Return the headers as they are: everything that `parse` reads is in the payload."""
    return headers
