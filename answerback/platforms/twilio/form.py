"""The fields of Twilio's requests, which are forms, or the query of a GET."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from urllib.parse import parse_qsl

from answerback.errors import MalformedBody
from answerback.platforms import Delivery

FORM = "application/x-www-form-urlencoded"

_MOST = 500
"""Fields: Twilio sends some thirty, and a few for each of ten files."""
_SID = re.compile(r"[A-Z]{2}[0-9a-fA-F]{32}", re.ASCII)
_ADDRESS = re.compile(r"[^\x00-\x20\x7f-\x9f\u2028\u2029]{1,200}")


def all_fields(encoded: str) -> dict[str, list[str]]:
    """Return every value of every field. Raises ValueError for a form that cannot be read."""
    encoded.encode()  # a lone surrogate, from bytes that are no UTF-8, cannot be stored
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name, value in parse_qsl(encoded, keep_blank_values=True, max_num_fields=_MOST):
        found[name].append(value)
    return dict(found)


def signed_fields(delivery: Delivery) -> dict[str, list[str]]:
    """Return the fields of the body that are signed: none of a GET. Raises ValueError if they cannot be read."""
    return {} if delivery.method in ("GET", "HEAD") else all_fields(delivery.body.decode())


class Fields:
    """The fields of a verified request."""

    def __init__(self, values: Mapping[str, list[str]]) -> None:
        self._values = values

    @classmethod
    def of(cls, delivery: Delivery) -> Fields:
        """Return the fields of the body, of a GET those of the query. Raises `MalformedBody`."""
        try:
            return cls(all_fields(delivery.query) if delivery.method == "GET" else signed_fields(delivery))
        except ValueError as error:
            raise MalformedBody(f"the form cannot be read: {error}") from None

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str) -> str:
        """Return a field as it was sent; "" without it."""
        return self._values.get(name, [""])[0]

    def words(self, name: str) -> str:
        """Return a field without the spaces around it."""
        return self.text(name).strip()

    def number(self, name: str) -> int:
        """Return a small whole number; 0 for anything else."""
        value = self.words(name)
        return int(value) if value.isascii() and value.isdigit() and len(value) <= 6 else 0

    def sid(self, *names: str) -> str:
        """Return the SID in the first of these fields that has one. Raises `MalformedBody` without any."""
        found = next((value for name in names if _SID.fullmatch(value := self.words(name))), "")
        if not found:
            raise MalformedBody(f"{names[0]} is missing, or is no SID: two letters and 32 hexadecimal digits")
        return found

    def optional_sid(self, name: str) -> str:
        """Return the SID in a field; "" if there is none."""
        value = self.words(name)
        return value if _SID.fullmatch(value) else ""

    def address(self, name: str) -> str:
        """Return a number, short code or address of a channel, such as "whatsapp:+14155238886"."""
        value = self.words(name)
        if not _ADDRESS.fullmatch(value):
            raise MalformedBody(f"{name} is missing, or is not an address")
        return value
