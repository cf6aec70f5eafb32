"""What an event is stored with."""

from __future__ import annotations

import msgspec


class Details(msgspec.Struct, array_like=True, gc=False):
    """What the script `accept` needs to know of an event besides its entry, in the order in which it names it.

    Attributes:
        id: Its dispatch id.
        identities: One per line.
        arrival: "interrupt" stops a running turn; "" leaves it to its agent.
        condition: "" (none), "open" (its chat must exist and not have ended), "idle" (also, no event may be running or
            waiting in it) or "new" (its chat is opened unless it exists).
        former_id: The dispatch id of its former delivery id.
        gesture: Whether the second key is that of its gesture.
        quiet: How long a thread must be quiet for a bot loop to end (ms); -1 if there can be none.
        program: Whether its author may be one.
        message: Its id; "" of an edit.
        files: The ids of the uploaded files that it names, one per line.
    """

    id: str
    thread_id: str
    identities: str
    platform: str
    channel: str
    title: str
    url: str
    arrival: str
    condition: str
    former_id: str
    gesture: bool
    quiet: int
    program: bool
    message: str
    files: str
