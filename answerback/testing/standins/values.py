"""Values that the payloads of all platforms have in common."""

from __future__ import annotations

import time
from typing import Any

Json = dict[str, Any]


def moment(at: float | None = None) -> str:
    """Return a time (in seconds; None: now) as platforms write it, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
