"""Parts of ingress as ASGI applications, for `answerback.asgi`."""

from __future__ import annotations

import os
from collections.abc import Mapping

from answerback import log
from answerback.asgi import Authenticate
from answerback.masking import mask
from answerback.settings import Settings

from .lifetime import Services
from .mount import Mount, quoted

API = ("/api/v1/", "/v1/", "/dialog/", "/mcp", "/widget.js", "/widget/check")
"""What belongs to the API. Health, metrics and the dashboard stay with the ingress process."""

_services: dict[tuple[tuple[str, str], ...], Services] = {}


def dialog(agent: str, caller: Authenticate | None, settings: Mapping[str, str] | None) -> Mount:
    """Return the mount of one agent's dialogs."""
    parts = ("/turn", "/stream", "/reset")
    return Mount(_shared(settings), prefix=f"/dialog/{quoted(agent)}", parts=parts, authenticate=caller)


def chat(caller: Authenticate | None, settings: Mapping[str, str] | None) -> Mount:
    """Return the mount of the API."""
    return Mount(_shared(settings), parts=API, authenticate=caller)


def webhooks(settings: Mapping[str, str] | None) -> Mount:
    """Return the mount of the webhooks."""
    return Mount(_shared(settings), prefix="/webhooks")


def _shared(overrides: Mapping[str, str] | None) -> Services:
    """Return the services of these settings: mounts share connections. Raises `ConfigurationError`."""
    given = dict(overrides or {})
    environment = {name: value for name, value in os.environ.items() if name.removesuffix("_FILE") not in given}
    settings = Settings.load({**environment, **given})
    settings.redis()
    log.join_host()
    mask(settings.secret_values())
    key = tuple(sorted(given.items()))
    if key not in _services:
        # The host application serves its own metrics; ours are in the registry of prometheus_client.
        _services[key] = Services(settings.model_copy(update={"metrics_port": None}))
    return _services[key]
