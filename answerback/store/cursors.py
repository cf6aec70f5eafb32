"""Pagination cursors: opaque positions in a list."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from answerback.errors import BadCursor


def cursor_of(*place: int | str) -> str:
    """Return the cursor of a position in a list."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).rstrip(b"=").decode()


def place_of(cursor: str, kind: Any) -> Any:
    """Return the position that a cursor encodes, as `kind`. Raises `BadCursor`."""
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=kind, strict=True)
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise BadCursor from error
