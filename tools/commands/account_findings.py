"""The checks of installed accounts, of connections, and of what credentials may do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from typing import TYPE_CHECKING

from answerback.errors import AnswerbackError, ConfigurationError, DeliveryError, SealBroken
from answerback.platforms import Client
from answerback.platforms.reading import Poller
from answerback.platforms.registry import PLATFORMS
from answerback.sealing import Seal
from answerback.settings import Settings

from .finding import Finding

if TYPE_CHECKING:
    from answerback.http.platform import PlatformHttp
    from answerback.platforms.manifest import Feature
    from answerback.store.fleet.accounts import Accounts

Needs = Mapping[str, "frozenset[Feature]"]
"""What the agents need on each platform."""


def lacking(platform: str, granted: Collection[str], needs: Needs, where: str = "the credential") -> Finding | None:
    """Return what is missing of what the agents need; None if nothing is."""
    support = PLATFORMS[platform].MANIFEST
    if support is None or platform not in needs:
        return None
    missing = {grant: purpose for grant, purpose in support.grants(needs[platform]).items() if grant not in granted}
    if not missing:
        return None
    words = ", ".join(f"{grant} ({purpose})" for grant, purpose in missing.items())
    return Finding("warning", platform, f"{where} lacks {words}", support.repair)


async def granted(platform: str, client: Client, http: PlatformHttp, needs: Needs) -> AsyncIterator[Finding]:
    """Yield what the configured credential lacks. Raises `DeliveryError`."""
    may = await http.perform(client.granted())
    if may is not None and (finding := lacking(platform, may, needs)):
        yield finding


async def concerns(platform: str, client: Client, http: PlatformHttp) -> AsyncIterator[Finding]:
    """Yield what the platform says is wrong with our account or webhook there. Raises `DeliveryError`."""
    for concern in await http.perform(client.concerns()):
        yield Finding("warning", platform, concern)


async def connections(settings: Settings, http: PlatformHttp) -> AsyncIterator[Finding]:
    """Yield whether the connections that workers read can be opened."""
    for name, platform in PLATFORMS.items():
        for connection in platform.READER.connections(settings) if platform.READER else ():
            assert platform.READER
            try:
                reader = platform.READER.reader(settings, connection)
                if isinstance(reader, Poller):
                    await http.perform(reader.probe())
                else:
                    await http.perform(reader.connect(""))
                yield Finding("ok", name, "workers read its events over a connection that they open")
            except DeliveryError as error:
                yield Finding("error", name, f"its events cannot be read: {error}")


async def accounts(settings: Settings, http: PlatformHttp, needs: Needs, *, offline: bool) -> AsyncIterator[Finding]:
    """Yield what there is to say of each account that installed the app."""
    from answerback.store.embedded import running
    from answerback.store.fleet.accounts import Accounts
    from answerback.store.redis import Database

    url = settings.redis_url or running(settings.data)
    if url is None:
        return
    try:
        database = Database(url)
    except (ValueError, ConfigurationError):
        return  # reported with Redis
    try:
        stored = Accounts(database, Seal.of(settings))
        for name in PLATFORMS:
            for held in (await stored.held(name)).values():
                async for finding in _account(stored, name, held, settings, http, needs, offline=offline):
                    yield finding
    except AnswerbackError:
        return  # reported with Redis
    finally:
        await database.close()


async def _account(
    stored: Accounts, name: str, held: bytes, settings: Settings, http: PlatformHttp, needs: Needs, *, offline: bool
) -> AsyncIterator[Finding]:
    listed, support = stored.listed(held), PLATFORMS[name].INSTALL
    if support is None or (listed.removed and not listed.suspended):
        return
    if listed.suspended:
        yield Finding("warning", name, listed.refusal)
        return
    if support.client is None:
        yield lacking(name, listed.scopes, needs, f"the app in {listed.title}") or Finding(
            "ok", name, f"installed in {listed.title}"
        )
        return
    try:
        account = stored.opened(name, held)
    except SealBroken:
        advice = "add the key that sealed it to ANSWERBACK_SECRET_KEY, or install the app there again"
        yield Finding("error", name, f"the credential of {listed.title} cannot be opened", advice)
        return
    if account.error:
        yield Finding("error", name, f"{account.title}: {account.error}")
    if account.token and (finding := lacking(name, account.scopes, needs, f"the app in {account.title}")):
        yield finding
    client = support.client(settings, account) if account.token and not offline else None
    if client is None:
        return
    try:
        identity = await http.perform(client.whoami())
        yield Finding("ok", name, f"installed in {account.title}: replies are posted as {identity.name}")
    except DeliveryError as error:
        yield Finding("error", name, f"{account.title}: {error}")
