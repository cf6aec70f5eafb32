"""The registry of platforms: the packages in this folder, and those that installed distributions add.

A distribution adds a platform with an entry point of the group `answerback.platforms`, which names its package:

    [project.entry-points."answerback.platforms"]
    matrix = "acme_matrix"
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from types import SimpleNamespace
from typing import cast

from answerback.errors import ConfigurationError
from answerback.platforms import Headers, Platform, PlatformPackage

GROUP = "answerback.platforms"
"""The group of the entry points."""


def _as_given(headers: Headers, payload: Mapping[str, object], *, event: str | None, delivery: str | None) -> Headers:
    return headers


DEFAULTS: Mapping[str, object] = {
    "CREDENTIAL_OPTIONAL": False, "METHODS": ("POST",), "ACKNOWLEDGED": 202, "HANDSHAKE": None, "KEYS": None,
    "MARKDOWN": False, "INAPPLICABLE": {}, "REDELIVERY": None, "MANIFEST": None, "CATCHUP": None, "READER": None,
    "INSTALL": None, "complete": _as_given,
}  # fmt: skip
"""What a package need not declare."""
_REQUIRED = (
    *PlatformPackage.__annotations__, *(name for name, value in vars(PlatformPackage).items() if callable(value)),
)  # fmt: skip


def completed(package: PlatformPackage) -> Platform:
    """Return a platform: what its package declares, and the defaults of what it does not."""
    found = {name: getattr(package, name) for name in _REQUIRED}
    found |= {name: getattr(package, name, default) for name, default in DEFAULTS.items()}
    return cast(Platform, SimpleNamespace(**found))


class Registry(Mapping[str, Platform]):
    """All platforms by name, imported when first asked for: then an unusable one is a `ConfigurationError`."""

    @cached_property
    def _platforms(self) -> dict[str, Platform]:
        from answerback.platforms import github, slack, standard, telegram, twilio, whatsapp

        built_in: tuple[PlatformPackage, ...] = (github, slack, telegram, twilio, whatsapp, standard)
        platforms = {package.NAME: completed(package) for package in built_in}
        for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
            platform = completed(_load(entry))
            if platform.NAME in platforms:
                raise ConfigurationError(
                    f"two packages declare the platform {platform.NAME}: uninstall {_named(entry)}"
                )
            platforms[platform.NAME] = platform
        return platforms

    def __getitem__(self, name: str) -> Platform:
        return self._platforms[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._platforms)

    def __len__(self) -> int:
        return len(self._platforms)


def _load(entry: EntryPoint) -> PlatformPackage:
    try:
        package: PlatformPackage = entry.load()
    except Exception as error:  # importing a distribution may raise anything
        reason = f"{type(error).__name__}: {error}"
        raise ConfigurationError(f"the platform of {_named(entry)} cannot be imported: {reason}") from error
    if missing := [name for name in _REQUIRED if not hasattr(package, name)]:
        raise ConfigurationError(f"the platform of {_named(entry)} is incomplete: it lacks {', '.join(missing)}")
    return package


def _named(entry: EntryPoint) -> str:
    return f"{entry.dist.name if entry.dist else 'an unknown distribution'} ({entry.name} = {entry.value})"


PLATFORMS: Mapping[str, Platform] = Registry()
"""All platforms by name."""
