"""The environment variables of every process."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from answerback.settings.variables import RedisUrl, Variables

CLUSTER_PARTITIONS = 64
"""The default number of partitions on a Redis Cluster."""


class GeneralSettings(Variables):
    """The store and the log."""

    redis_url: RedisUrl | None = Field(None, alias="REDIS_URL", description="Redis or Valkey; unset: the bundled one")
    redis_replicas: int = Field(
        0,
        ge=0,
        le=100,
        alias="REDIS_REPLICAS",
        description="replicas that must confirm an event, a turn or a reply: all that a master has",
    )
    data: Path = Field(Path(".answerback"), alias="ANSWERBACK_DATA", description="data folder of the bundled Valkey")
    partitions: int = Field(
        1,
        ge=1,
        le=1024,
        alias="ANSWERBACK_PARTITIONS",
        description="number of partitions that threads are spread over (64 on a Cluster); never change it",
    )
    log_level: Annotated[str, BeforeValidator(str.lower)] = Field(
        "info", pattern="^(debug|info|warning|error)$", alias="LOG_LEVEL", description="debug, info, warning or error"
    )

    @model_validator(mode="before")
    @classmethod
    def _spread_over_a_cluster(cls, values: Any) -> Any:
        # All keys of a partition are on one server: a Cluster needs several of them for each.
        if isinstance(values, dict) and "+cluster://" in str(values.get("REDIS_URL", "")):
            return {"ANSWERBACK_PARTITIONS": CLUSTER_PARTITIONS, **values}
        return values
