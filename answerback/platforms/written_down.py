"""Deliveries that are written down as JSON: what their bodies are on the wire."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from answerback.platforms.inbound import Headers

FORM = "application/x-www-form-urlencoded"


def body_of(headers: Headers, content: Any) -> bytes:
    """Return a delivery's body: JSON without superfluous spaces, or a form, in which an object is text of JSON."""
    if headers.get("content-type", "").lower().startswith(FORM) and isinstance(content, dict):
        fields = {name: value if isinstance(value, str) else _json(value) for name, value in content.items()}
        return urlencode(fields).encode()
    return _json(content).encode()


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
