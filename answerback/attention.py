"""How attentive agents are in a thread: what people or an agent decided there, kept until someone changes it."""

from __future__ import annotations

from typing import Literal

Attention = Literal["default", "subscribed", "muted"]
"""default: what agents listen to. subscribed: also messages that mention no one. muted: only mentions."""


def attention_of(stored: str) -> Attention:
    """Return the attention that is stored with a thread; "default" for nothing, or for what a newer version wrote."""
    match stored:
        case "subscribed" | "muted":
            return stored
    return "default"
