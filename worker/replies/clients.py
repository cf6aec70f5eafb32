"""The platform clients of this worker, with the configured credentials and with those of installed accounts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from answerback.log import get_logger
from answerback.platforms import Client
from answerback.platforms.registry import PLATFORMS
from answerback.settings import Settings

from .installed import Access, InstalledAccounts

log = get_logger(__name__)


class Clients(Mapping[str, Client]):
    """A client for each platform with a configured credential, by platform name; and those of installed accounts."""

    def __init__(self, configured: Mapping[str, Client], installed: InstalledAccounts | None = None) -> None:
        self._configured = configured
        self._installed = installed

    def __getitem__(self, platform: str) -> Client:
        return self._configured[platform]

    def __iter__(self) -> Iterator[str]:
        return iter(self._configured)

    def __contains__(self, platform: object) -> bool:
        return platform in self._configured

    def __len__(self) -> int:
        return len(self._configured)

    @property
    def platforms(self) -> frozenset[str]:
        """The platforms that replies can be posted to."""
        return frozenset({*self._configured, *(self._installed.platforms if self._installed else ())})

    async def of(self, platform: str, account: str) -> Client | None:
        """Return the client for an account: its own, or else the configured one; None without either."""
        access = await self.access(platform, account) if account else None
        return (access.client if access else None) or self._configured.get(platform)

    async def access(self, platform: str, account: str) -> Access | None:
        """Return what we have for an installed account; None if it was never installed: it is the configured one."""
        return await self._installed.access(platform, account) if account and self._installed else None


def clients_of(settings: Settings) -> dict[str, Client]:
    """Return a client for each platform with a credential, by platform name."""
    clients: dict[str, Client] = {}
    for name, platform in PLATFORMS.items():
        if client := platform.client(settings):
            clients[name] = client
        else:
            log.info("no credential: replies are not posted to the platform", platform=name)
    return clients
