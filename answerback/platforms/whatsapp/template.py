"""The template that carries a reply when a user has not written for 24 hours.

https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/overview
"""

from __future__ import annotations

import re
from typing import NamedTuple, Self

from answerback.errors import Rejected

LONGEST = 900
"""Characters of a variable's value. The whole body has at most 1,024, with the template's own words."""


class Template(NamedTuple):
    """An approved template whose body has one variable, for the text of the reply."""

    name: str
    language: str

    @classmethod
    def of(cls, setting: str) -> Self | None:
        """Return the template that "name/language" names; None for ""."""
        name, _, language = setting.partition("/")
        return cls(name, language) if name else None

    def fits(self, text: str) -> bool:
        """Return whether it can carry this text."""
        return len(_line(text)) <= LONGEST

    def message(self, text: str) -> dict[str, object]:
        """Return the content of a message. A variable takes one line: paragraphs are separated by dashes.

        Raises `Rejected` for a text that does not fit.
        """
        line = _line(text)
        if len(line) > LONGEST:
            raise Rejected(
                f"the user has not written for 24 hours, and the reply of {len(line)} characters does not fit into "
                f"the template {self.name}, which takes {LONGEST}: replay it once the user has written again"
            )
        value = [{"type": "text", "text": line}]
        return {
            "name": self.name,
            "language": {"code": self.language},
            "components": [{"type": "body", "parameters": value}],
        }


def _line(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"\s*\n\s*", " – ", text.strip()))
