"""Draw docs/concepts.svg, the picture of docs/concepts.md: `make docs`."""

from __future__ import annotations

from pathlib import Path

from answerback.diagrams.diagram import Arrow, Box, Sketch
from answerback.diagrams.svg import svg

PICTURE = Path(__file__).with_name("concepts.svg")
SKETCH = Sketch(
    "event",
    (
        Box("event", "event", "platform"),
        Box("inbox", "inbox", "Redis"),
        Box("turn", "turn", "worker"),
        Box("journal", "journal", "Redis"),
        Box("history", "history", "Redis"),
        Box("outbox", "outbox", "Redis"),
        Box("reply", "reply", "platform"),
        Box("dead", "dead letters", "Redis"),
    ),
    (
        Arrow("event", "inbox", "ingress verifies it and stores it once"),
        Arrow("inbox", "turn", "claim: a lease on the thread"),
        Arrow("turn", "journal", "each step"),
        Arrow("journal", "turn", "results, in the next attempt"),
        Arrow("turn", "history", "commit"),
        Arrow("turn", "outbox", "commit"),
        Arrow("turn", "dead", "failed for good", True),
        Arrow("outbox", "reply", "sent once"),
        Arrow("outbox", "dead", "refused for good", True),
        Arrow("dead", "inbox", "replay"),
    ),
)


def picture() -> str:
    """Return the picture."""
    return svg(SKETCH, title="The way of an event through Answerback")


if __name__ == "__main__":
    PICTURE.write_text(picture())
