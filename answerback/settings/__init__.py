"""All environment variables, with their defaults and descriptions. Each platform's package declares its own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TypeVar

from pydantic import PrivateAttr, ValidationError
from pydantic.fields import FieldInfo

from answerback.environment import resolve
from answerback.errors import ConfigurationError
from answerback.platforms.registry import PLATFORMS
from answerback.settings.dispatching import DispatchSettings
from answerback.settings.general import GeneralSettings
from answerback.settings.ingress import IngressSettings
from answerback.settings.platform import PlatformSettings
from answerback.settings.user_jwts import UserJwtSettings
from answerback.settings.variables import Variables
from answerback.settings.worker import WorkerSettings

__all__ = ["INVALID", "Settings"]

INVALID = "invalid environment variables:\n"
"""The first line of the error that lists them."""

P = TypeVar("P", bound=PlatformSettings)
V = TypeVar("V", bound=Variables)


class Settings(DispatchSettings, WorkerSettings, UserJwtSettings, IngressSettings, GeneralSettings):
    """All settings. A field's alias is its environment variable; an empty variable counts as unset.

    The settings of a platform are `settings.of(GitHubSettings)`.
    """

    _platforms: dict[str, PlatformSettings] = PrivateAttr(default_factory=dict)

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the settings of this process. The value of `NAME` may be in a file that `NAME_FILE` names.

        Raises:
            ConfigurationError: one line per invalid variable, never with its value.
        """
        source = os.environ if environ is None else environ
        problems: list[str] = []
        values = resolve(source, [field.alias for field in cls.variables() if field.alias], problems)
        settings = _read(cls, values, problems)
        platforms = {name: _read(platform.SETTINGS, values, problems) for name, platform in PLATFORMS.items()}
        if settings is None or problems:
            raise ConfigurationError(INVALID + "\n".join(dict.fromkeys(problems)))
        settings._platforms = {name: own for name, own in platforms.items() if own is not None}
        return settings

    @staticmethod
    def variables() -> Iterator[FieldInfo]:
        """Return the fields of all environment variables, those of the platforms last."""
        yield from Settings.model_fields.values()
        for platform in PLATFORMS.values():
            yield from platform.SETTINGS.model_fields.values()

    def redis(self) -> str:
        """Return the Redis URL. Raises `ConfigurationError` if none is set."""
        if self.redis_url is None:
            raise ConfigurationError(
                "REDIS_URL is not set. Set it (redis://localhost:6379), or run `answerback up`, which starts a server."
            )
        return self.redis_url

    def of(self, model: type[P]) -> P:
        """Return the settings of a platform, by their type. Raises LookupError for one that is not registered."""
        for own in self._platforms.values():
            if isinstance(own, model):
                return own
        raise LookupError(f"no registered platform has {model.__name__}")

    def platform(self, name: str) -> PlatformSettings:
        """Return the settings of a platform, by its name. Raises KeyError for an unknown one."""
        return self._platforms[name]

    def secrets(self, platform: str) -> list[str]:
        """Return a platform's webhook secrets in configured order; empty if there are none."""
        own = self._platforms.get(platform)
        return [secret.get_secret_value() for secret in own.secrets] if own else []

    def secret_values(self) -> Iterator[str]:
        """Return the values that must not be shown, those of the platforms included."""
        yield from super().secret_values()
        for own in self._platforms.values():
            yield from own.secret_values()


def _read(model: type[V], values: Mapping[str, str], problems: list[str]) -> V | None:
    """Return the settings of one model, or None after adding a line to `problems` for each invalid variable."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        purposes = {field.alias: field.description for field in model.model_fields.values()}
        for problem in error.errors(include_input=False):
            message = problem["msg"].removeprefix("Value error, ")
            name = str(problem["loc"][0]) if problem["loc"] else ""
            purpose = f"  ({purposes[name]})" if purposes.get(name) else ""
            problems.append(f"  {name}: {message}{purpose}" if name else f"  {message}")
        return None
