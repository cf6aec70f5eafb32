"""The environment variables of every process."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field

from answerback.settings.variables import RedisUrl, SecretKeys, Variables


class GeneralSettings(Variables):
    """The store and the log."""

    redis_url: RedisUrl | None = Field(None, alias="REDIS_URL", description="Redis or Valkey; unset: the bundled one")
    redis_replicas: int = Field(
        0,
        ge=0,
        le=100,
        alias="REDIS_REPLICAS",
        description="replicas that must confirm what is promised, such as an event: all that a master has",
    )
    data: Path = Field(Path(".answerback"), alias="ANSWERBACK_DATA", description="data folder of the bundled Valkey")
    partitions: int | None = Field(
        None,
        ge=1,
        le=1024,
        alias="ANSWERBACK_PARTITIONS",
        description="number of partitions of a new store (1, on a Cluster 64); otherwise wait for this number",
    )
    secret_key: SecretKeys = Field(
        [],
        alias="ANSWERBACK_SECRET_KEY",
        description="key(s) that seal credentials of accounts and URLs of files; the first one seals, all open",
    )
    handback: Annotated[float, Field(gt=0)] | None = Field(
        None,
        alias="HANDBACK_SECONDS",
        description="seconds without agents after a person answers in the platform's own app; unset: until handed back",
    )
    log_level: Annotated[str, BeforeValidator(str.lower)] = Field(
        "info", pattern="^(debug|info|warning|error)$", alias="LOG_LEVEL", description="debug, info, warning or error"
    )
