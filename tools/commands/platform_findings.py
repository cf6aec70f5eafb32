"""The checks of each platform's webhook secret and credential."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from answerback.errors import ConfigurationError, DeliveryError, RateLimited
from answerback.platforms import Platform
from answerback.platforms.registry import PLATFORMS
from answerback.settings import Settings
from answerback.settings.platform import SHORTEST_SECRET

from .account_findings import Needs, accounts, concerns, connections, granted
from .finding import Finding, Level


def secrets(settings: Settings) -> Iterator[Finding]:
    """Yield what there is to say of the webhook secrets."""
    for name, platform in PLATFORMS.items():
        configured = settings.secrets(name)
        if not configured:
            continue
        if settings.platform(name).guessable():
            advice = f"use at least {SHORTEST_SECRET} characters: {platform.SETTINGS.generator}"
            yield Finding("warning", name, f"{platform.SECRET} is short enough to be guessed", advice)
        else:
            several = f" ({len(configured)} secrets)" if len(configured) > 1 else ""
            yield Finding("ok", name, f"webhooks are verified with {platform.SECRET}{several}")
    if any(settings.secrets(name) or _is_read(platform, settings) for name, platform in PLATFORMS.items()):
        return
    if settings.redis_url is None:
        yield Finding("ok", "webhooks", "no secret is set: `answerback up` generates development secrets")
    else:
        variables = ", ".join(platform.SECRET for platform in PLATFORMS.values())
        yield Finding(
            "warning",
            "webhooks",
            "no platform has a webhook secret: ingress responds with 404 to all webhooks",
            f"set at least one of {variables}",
        )


def _is_read(platform: Platform, settings: Settings) -> bool:
    """Return whether workers read its events, so that it needs no webhook."""
    return bool(platform.READER and platform.READER.connections(settings))


async def credentials(settings: Settings, needs: Needs, *, offline: bool, usable: bool) -> AsyncIterator[Finding]:
    """Yield what there is to say of the credentials: unless `offline`, each platform is asked who we are.

    `usable`: whether Redis is, which has those of installed accounts.
    """
    from answerback.http.platform import PlatformHttp

    http = PlatformHttp(timeout=min(settings.platform_timeout, 15))
    try:
        for name, platform in PLATFORMS.items():
            try:
                client = platform.client(settings)
                if client is None:
                    if settings.secrets(name) and not (platform.INSTALL and platform.INSTALL.installer(settings)):
                        missing = "no credential: replies stay in the thread"
                        level: Level = "ok" if platform.CREDENTIAL_OPTIONAL else "warning"
                        yield Finding(level, name, missing, platform.CREDENTIAL)
                    continue
                if not settings.secrets(name) and not _is_read(platform, settings):
                    advice = f"set {platform.SECRET} to the webhook's secret"
                    yield Finding("warning", name, "has a credential, but no webhook secret", advice)
                if not offline:
                    identity = await http.perform(client.whoami())
                    yield Finding("ok", name, f"replies are posted as {identity.name}")
                    if identity.person:
                        person = f"{identity.name} is a personal account: their own messages are not answered"
                        yield Finding("warning", name, person, "use a separate bot account, or an app")
                    async for finding in granted(name, client, http, needs):
                        yield finding
                    async for finding in concerns(name, client, http):
                        yield finding
            except RateLimited as limit:
                yield Finding("warning", name, f"cannot look up the bot identity: {limit}", "try again later")
            except DeliveryError as error:
                # The error itself says what to do, where something can be done.
                yield Finding("error", name, f"replies cannot be posted: {error}")
            except ConfigurationError as error:
                yield Finding("error", name, f"replies cannot be posted: {error}", platform.CREDENTIAL)
        if not offline:
            async for finding in connections(settings, http):
                yield finding
        if usable:
            async for finding in accounts(settings, http, needs, offline=offline):
                yield finding
    finally:
        await http.close()
