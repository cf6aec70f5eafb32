"""Parts of Answerback inside another ASGI application: FastAPI, Starlette, Django, Litestar.

They are what an ingress process serves, with the same checks, errors and limits, and read the same settings. Workers
answer as they do with an ingress process.

Example:
    from fastapi import FastAPI
    from answerback.asgi import chat, dialog, webhooks

    app = FastAPI()
    app.mount("/webhooks", webhooks())            # POST /webhooks/github, /webhooks/slack, …
    app.mount("/dialog", dialog(agent="kyc"))     # POST /dialog/turn, /dialog/stream, /dialog/reset
    app.mount("/chat", chat())                    # /chat/api/v1/…, /chat/v1/…, /chat/mcp, /chat/widget.js
"""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast

from answerback.errors import ConfigurationError

__all__ = ["Application", "Authenticate", "Caller", "Scope", "chat", "dialog", "webhooks"]

Scope = MutableMapping[str, Any]
"""The scope of a request: https://asgi.readthedocs.io/en/stable/specs/www.html#http-connection-scope."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who sends a request, as the host application has authenticated them.

    Attributes:
        workspace: The workspace whose chats they may use.
        user: Your id of a user. They see and use only their own chats and sessions, as with a user token.
        scopes: What a caller without `user`, your own server, may do there. "admin" includes everything that an
            operator may.
    """

    workspace: str = "default"
    user: str | None = None
    scopes: tuple[Literal["chat:read", "chat:write", "admin"], ...] = ("chat:read", "chat:write")


Authenticate = Callable[[Scope], Caller | Awaitable[Caller | None] | None]
"""Returns who sends the request with this scope; None: its API key decides."""


class Application(Protocol):
    """An ASGI application. It connects to Redis with its first request, and disconnects when the event loop ends."""

    async def __call__(
        self,
        scope: Scope,
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
        /,
    ) -> None:
        """Handle one request."""

    async def start(self) -> None:
        """Connect to Redis now, so that a mistake in the settings stops the start. Raises `ConfigurationError`."""

    async def stop(self) -> None:
        """End open requests and close the connections. The next request starts again."""


def dialog(agent: str, *, caller: Authenticate | None = None, settings: Mapping[str, str] | None = None) -> Application:
    """Return an application for turns with one agent: `POST /turn`, `/stream` and `/reset`.

    Args:
        agent: The agent's name.
        caller: Authenticates requests; by default, each needs an API key.
        settings: Values of environment variables that are used instead of those of the process.

    Raises:
        ConfigurationError: A setting is missing or invalid.
    """
    if not agent:
        raise ConfigurationError('dialog() needs the name of an agent: dialog(agent="kyc")')
    return _doors().dialog(agent, caller, settings)


def chat(*, caller: Authenticate | None = None, settings: Mapping[str, str] | None = None) -> Application:
    """Return an application with the whole API: `/api/v1/…`, `/v1/…` for OpenAI's clients, `/mcp`, `/widget.js`.

    The arguments are those of `dialog`.
    """
    return _doors().chat(caller, settings)


def webhooks(*, settings: Mapping[str, str] | None = None) -> Application:
    """Return an application for the platforms' webhooks: `POST /github`, `/slack`, `/standard`, ….

    Args:
        settings: Values of environment variables that are used instead of those of the process.

    Raises:
        ConfigurationError: A setting is missing or invalid.
    """
    return _doors().webhooks(settings)


class _Doors(Protocol):
    """The module that is loaded below."""

    def dialog(self, agent: str, caller: Authenticate | None, settings: Mapping[str, str] | None, /) -> Application: ...

    def chat(self, caller: Authenticate | None, settings: Mapping[str, str] | None, /) -> Application: ...

    def webhooks(self, settings: Mapping[str, str] | None, /) -> Application: ...


def _doors() -> _Doors:
    # By its name: this package is used by ingress, and does not depend on it.
    return cast(_Doors, importlib.import_module("answerback.ingress.asgi"))
