"""Callers whom an application authenticates in which ingress is mounted."""

from __future__ import annotations

from aiohttp import web

from answerback.asgi import Caller
from answerback.errors import ConfigurationError
from answerback.store.access.api_keys import SCOPES, WORKSPACE
from answerback.store.access.user_tokens import LONGEST_USER

from ..context import Principal

HOST_CALLER = web.RequestKey("host_caller", Principal)
"""The caller as the host application knows them."""


def principal(caller: object) -> Principal:
    """Return a caller of the host application as a caller of the API. Raises `ConfigurationError`."""
    if not isinstance(caller, Caller):
        raise ConfigurationError(f"caller= must return an answerback.asgi.Caller or None, not {caller!r}")
    if not WORKSPACE.fullmatch(caller.workspace):
        raise ConfigurationError(
            f'caller= returned the workspace "{caller.workspace}": use 1 to 64 characters of a-z, 0-9 and "-".'
        )
    if unknown := set(caller.scopes) - set(SCOPES):
        raise ConfigurationError(f'caller= returned the scope "{min(unknown)}". Scopes: {", ".join(SCOPES)}.')
    if caller.user is None:
        # What the application does itself shares one rate limit.
        key, scopes = f"host:{caller.workspace}", frozenset(caller.scopes)
        return Principal(workspace=caller.workspace, key=key, kind="live", scopes=scopes)
    if not 0 < len(caller.user) <= LONGEST_USER:
        raise ConfigurationError(f"caller= returned a user whose id has not 1 to {LONGEST_USER} characters.")
    return Principal(
        workspace=caller.workspace, key="", kind="user", scopes=frozenset(("chat:read", "chat:write")), user=caller.user
    )
