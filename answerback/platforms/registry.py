"""The registry of platforms: the packages in this folder, and those that installed distributions add.

A distribution adds a platform with an entry point of the group `answerback.platforms`, which names its package:

    [project.entry-points."answerback.platforms"]
    matrix = "acme_matrix"
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points

from answerback.errors import ConfigurationError
from answerback.platforms import Platform

GROUP = "answerback.platforms"
"""The group of the entry points."""

_REQUIRED = (*Platform.__annotations__, *(name for name, value in vars(Platform).items() if callable(value)))


class Registry(Mapping[str, Platform]):
    """All platforms by name, imported when first asked for: then an unusable one is a `ConfigurationError`."""

    @cached_property
    def _platforms(self) -> dict[str, Platform]:
        from answerback.platforms import github, slack, standard, telegram, twilio, whatsapp

        built_in: tuple[Platform, ...] = (github, slack, telegram, twilio, whatsapp, standard)
        platforms = {platform.NAME: platform for platform in built_in}
        for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
            platform = _load(entry)
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


def _load(entry: EntryPoint) -> Platform:
    try:
        platform: Platform = entry.load()
    except Exception as error:  # importing a distribution may raise anything
        reason = f"{type(error).__name__}: {error}"
        raise ConfigurationError(f"the platform of {_named(entry)} cannot be imported: {reason}") from error
    if missing := [name for name in _REQUIRED if not hasattr(platform, name)]:
        raise ConfigurationError(f"the platform of {_named(entry)} is incomplete: it lacks {', '.join(missing)}")
    return platform


def _named(entry: EntryPoint) -> str:
    return f"{entry.dist.name if entry.dist else 'an unknown distribution'} ({entry.name} = {entry.value})"


PLATFORMS: Mapping[str, Platform] = Registry()
"""All platforms by name."""
