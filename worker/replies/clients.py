"""The platform clients of this worker."""

from __future__ import annotations

from answerback.log import get_logger
from answerback.platforms import Client
from answerback.platforms.registry import PLATFORMS
from answerback.settings import Settings

log = get_logger(__name__)


def clients_of(settings: Settings) -> dict[str, Client]:
    """Return a client for each platform with a credential, by platform name."""
    clients: dict[str, Client] = {}
    for name, platform in PLATFORMS.items():
        if client := platform.client(settings):
            clients[name] = client
        else:
            log.info("no credential: replies are not posted to the platform", platform=name)
    return clients
