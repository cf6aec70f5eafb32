"""How attentive agents are in a thread: what people or an agent decided there, kept until someone changes it."""

from __future__ import annotations

import time
from typing import Literal

Attention = Literal["default", "subscribed", "muted"]
"""default: what agents listen to. subscribed: also messages that mention no one. muted: only mentions."""


def attention_of(stored: str) -> Attention:
    """Return the attention that is stored with a thread; "default" for nothing, or for what a newer version wrote.

    "muted <time>" ends at that time, in ms since 1970.
    """
    word, _, until = stored.partition(" ")
    match word:
        case "subscribed":
            return word
        case "muted":
            return word if not until.isdecimal() or int(until) > time.time() * 1000 else "default"
    return "default"
