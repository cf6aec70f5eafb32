"""The few settings that commands need to find the store."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Self

import msgspec
from msgspec import Meta, field

from answerback.environment import resolve
from answerback.redis_address import Address


class StoreSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of `Settings` that concern the store, with the same limits and defaults.

    They are read without pydantic, which would take a third of a command's time. It is loaded to say what is wrong.
    """

    redis_url: str | None = field(default=None, name="REDIS_URL")
    redis_replicas: Annotated[int, Meta(ge=0, le=100)] = field(default=0, name="REDIS_REPLICAS")
    data: Path = field(default=Path(".answerback"), name="ANSWERBACK_DATA")
    partitions: Annotated[int, Meta(ge=1, le=1024)] | None = field(default=None, name="ANSWERBACK_PARTITIONS")
    seen_days: Annotated[float, Meta(ge=3)] = field(default=7, name="SEEN_DAYS")

    @classmethod
    def load(cls) -> Self:
        """Read them from the environment. Raises `ConfigurationError`."""
        problems: list[str] = []
        values = resolve(os.environ, cls.__struct_encode_fields__, problems)
        with suppress(ValueError, msgspec.ValidationError):
            found = msgspec.convert(values, cls, strict=False, dec_hook=_path)
            if found.redis_url:
                Address.parse(found.redis_url)
            if not problems:
                return found
        from answerback.settings import Settings

        settings = Settings.load()
        return cls(**{name: getattr(settings, name) for name in cls.__struct_fields__})


def _path(kind: type, value: Any) -> Any:
    return kind(value)
