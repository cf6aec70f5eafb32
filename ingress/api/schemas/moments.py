"""Times in responses: RFC 3339 in UTC, always with milliseconds, so that sorting the strings sorts the times."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import PlainSerializer, WithJsonSchema


def _written(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


Moment = Annotated[
    datetime,
    PlainSerializer(_written, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


def moment(ms: int) -> datetime:
    """Convert a stored time, in ms since the epoch."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def optional_moment(ms: int) -> datetime | None:
    """Convert a stored time that may be unknown, which is stored as 0."""
    return moment(ms) if ms else None
