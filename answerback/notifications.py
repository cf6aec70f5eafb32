"""What a platform reports besides messages: someone pressed stop, a reply was delivered, an app was installed."""

from __future__ import annotations

from typing import Literal

import msgspec

from answerback.accounts import Account
from answerback.messages import Author

BACK = "🤖"
"""What a person writes in the platform's own app, or reacts with, to hand a conversation back to the agents."""


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """A person stopped the agents' work in a thread: the running turn is cancelled, if there is one.

    Attributes:
        delivery: As in `Event`.
        thread: The thread's id.
        author: Who stopped it.
        at: When, in ms by the platform's clock; 0 if unknown.
        of: As in `Event`.
    """

    delivery: str
    thread: str
    author: Author
    at: int = 0
    of: str = ""


class Handover(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation was handed over to people, who answer from now on, or back to the agents."""

    delivery: str
    thread: str
    to: Literal["people", "agents"]


class ReplyStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The platform reports what became of one of our replies: this settles one of unknown outcome.

    Attributes:
        delivery: As in `Event`.
        thread: The thread's id.
        reply: The reply's key.
        message: The platform's id of the message.
        state: Whether the message exists, or was rejected for good.
        error: Why it was rejected, in words for an operator.
    """

    delivery: str
    thread: str
    reply: str
    message: str = ""
    state: Literal["sent", "failed"] = "sent"
    error: str = ""


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """A thread has a new id: a chat was migrated, an issue transferred. Events with either id belong to one thread.

    Attributes:
        delivery: As in `Event`.
        thread: The id under which we know it.
        to: The id under which the platform sends its events from now on.
    """

    delivery: str
    thread: str
    to: str


class Installed(msgspec.Struct, frozen=True, kw_only=True):
    """Our app was installed, is no longer suspended, or may do something else, where it needs no token of its own.

    Attributes:
        delivery: As in `Event`.
        account: The account, with its id, its name and what the app may do there.
        at: When, in ms by the platform's clock; 0 if unknown. What happened to the account later is left as it is.
    """

    delivery: str
    account: Account
    at: int = 0


class Uninstalled(msgspec.Struct, frozen=True, kw_only=True):
    """Our app was removed from a workspace, or its tokens were revoked: its stored credential is deleted.

    Attributes:
        delivery: As in `Event`.
        account: The account's id.
        at: When, in ms by the platform's clock; 0 if unknown. An installation that is newer is left as it is.
        name: Its name, where the app needs no token of its own. It is then remembered even if it was not known.
        suspended: Whether it was only suspended.
    """

    delivery: str
    account: str
    at: int = 0
    name: str = ""
    suspended: bool = False


Notification = Stop | Handover | ReplyStatus | Moved | Installed | Uninstalled
