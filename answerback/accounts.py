"""Accounts of ours that people make by installing our app: one workspace, organization or bot each."""

from __future__ import annotations

import msgspec

from answerback.messages import Identity


class Account(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One installation of our app, with its credential. The account that environment variables configure is none.

    Attributes:
        id: The platform's id of the workspace or organization, as in `Event.account`.
        name: Its name, for people.
        token: What requests are authenticated with; "" once the app was uninstalled.
        refresh_token: What `token` is renewed with before it expires; "" if it does not expire.
        expires: When `token` expires, ms; 0: never.
        scopes: What the app may do there, in the platform's words.
        identity: Who we are there; None until the platform was asked.
        installed: When it was installed, ms.
        removed: When it was uninstalled, ms; 0 while it is installed.
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
    error: str = ""

    def __repr__(self) -> str:
        return f"Account({self.id!r}, {self.name!r})"

    @property
    def title(self) -> str:
        """Its name and id, as people read them."""
        return f"{self.name} ({self.id})" if self.name else self.id
