"""Accounts in which people have installed our app: one workspace, organization or bot each."""

from __future__ import annotations

import msgspec

from answerback.messages import Identity


class Account(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One installation of our app. The account that environment variables configure is none.

    Attributes:
        id: The platform's id of the workspace, organization or installation, as in `Event.account`.
        name: Its name, for people.
        token: What requests are authenticated with; "" once the app was uninstalled, and where the app's own
            key opens all accounts.
        refresh_token: What `token` is renewed with before it expires; "" if it does not expire.
        expires: When `token` expires, ms; 0: never.
        scopes: What the app may do there, in the platform's words.
        identity: Who we are there; None until the platform was asked.
        installed: When we learned that it is installed, ms.
        removed: When it was uninstalled or suspended, ms; 0 while it is installed.
        suspended: Whether it was suspended, and may come back as it was.
        error: Why `token` could not be renewed, in words for an operator; "" if it could.
    """

    id: str
    name: str = ""
    token: str = ""
    refresh_token: str = ""
    expires: int = 0
    scopes: tuple[str, ...] = ()
    identity: Identity | None = None
    installed: int = 0
    removed: int = 0
    suspended: bool = False
    error: str = ""

    def __repr__(self) -> str:
        return f"Account({self.id!r}, {self.name!r})"

    @property
    def title(self) -> str:
        """Its name and id, as people read them."""
        return f"{self.name} ({self.id})" if self.name else self.id

    @property
    def refusal(self) -> str:
        """Why nothing can be sent to it, and what to do, for an operator; "" if it is installed."""
        if not self.removed:
            return ""
        if self.suspended:
            return f"the app is suspended in {self.title}: have that lifted there, then replay the reply"
        return f"the app was uninstalled from {self.title}: install it there again, then replay the reply"
