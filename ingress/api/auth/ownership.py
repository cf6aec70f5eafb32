"""User tokens: what a user reads and writes is their own."""

from __future__ import annotations

from answerback.errors import NoSuchThread
from answerback.store.chats.chats import Chats

from ...problems import Problem
from ..context import Principal


def user_of(caller: Principal, given: str | None) -> str | None:
    """Return the user that a request is about: with a user token, its own. Raises `Problem` (403) for another one."""
    if caller.user is None or given in (None, caller.user):
        return given if caller.user is None else caller.user
    raise Problem(403, "a user token is valid for its own user only", code="not-for-this-key")


def check_fields(caller: Principal, **server: object) -> None:
    """Refuse fields that only the product's server may set. Raises `Problem` (403)."""
    if caller.user is not None and (given := [name for name, value in server.items() if value not in (None, "")]):
        raise Problem(403, f"{given[0]} is not allowed with a user token", code="not-for-this-key")


async def check_owner(chats: Chats, caller: Principal, id: str) -> None:
    """Raise `NoSuchThread` if a caller with a user token names a thread that is not their user's."""
    if caller.user is not None and not await chats.belongs(caller.workspace, id, caller.user):
        raise NoSuchThread
