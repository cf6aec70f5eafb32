"""The environment variables of workers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from answerback.settings.variables import Seconds, Variables


class WorkerSettings(Variables):
    """Agents, turns, retention and replies."""

    agents: str | None = Field(
        None, alias="ANSWERBACK_AGENTS", description='your agents, as "module:name"; unset: the demo agent'
    )
    version: str | None = Field(
        None,
        pattern=r"^[\w.+:@/-]{1,64}$",
        alias="ANSWERBACK_VERSION",
        description="version of your agents' code, such as a commit; unset: a digest of their sources",
    )
    worker_metrics_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        alias="WORKER_METRICS_PORT",
        description="port for /metrics and /health of a worker; unset: none",
    )
    concurrency: int = Field(
        100, ge=1, le=10_000, alias="WORKER_CONCURRENCY", description="maximum number of concurrent turns per worker"
    )
    lease: Seconds = Field(
        5,
        ge=0.5,
        alias="LEASE_SECONDS",
        description="seconds until the threads of a crashed worker can be claimed by another",
    )
    grace: float = Field(
        25,
        ge=0,
        alias="SHUTDOWN_GRACE_SECONDS",
        description="seconds that turns and requests may take to finish after SIGTERM",
    )
    stuck: Seconds = Field(
        60,
        alias="STUCK_SECONDS",
        description="a worker exits when an agent has blocked its event loop for this many seconds",
    )
    max_attempts: int = Field(
        5, ge=1, alias="TURN_MAX_ATTEMPTS", description="attempts of a turn before its event becomes a dead letter"
    )
    retry_base: Seconds = Field(
        1, alias="TURN_RETRY_SECONDS", description="seconds before the second attempt; doubles with each attempt"
    )
    retry_cap: Seconds = Field(
        300, alias="TURN_RETRY_MAX_SECONDS", description="longest delay between two attempts, in seconds"
    )
    turn_timeout: Seconds = Field(
        600, alias="TURN_TIMEOUT_SECONDS", description="maximum duration of a turn, in seconds"
    )
    turn_max_steps: int = Field(1000, ge=1, alias="TURN_MAX_STEPS", description="maximum number of steps in a turn")
    turn_max_journal: int = Field(
        16_777_216, ge=1024, alias="TURN_MAX_JOURNAL_BYTES", description="maximum journal size of a turn, in bytes"
    )
    turn_max_tokens: int | None = Field(
        None, ge=1, alias="TURN_MAX_TOKENS", description="maximum model tokens per turn; unset: no limit"
    )
    loop_turns: int = Field(
        50,
        ge=0,
        alias="LOOP_TURNS",
        description="turns in a thread without a pause after which a bot loop is assumed; 0: no limit",
    )
    loop_pause: Seconds = Field(
        120, alias="LOOP_PAUSE_SECONDS", description="seconds without messages that count as a pause"
    )
    history_window: int = Field(
        200, ge=1, alias="HISTORY_WINDOW", description="maximum number of history messages passed to an agent"
    )

    retention_days: Annotated[float, Field(gt=0)] | None = Field(
        None,
        alias="RETENTION_DAYS",
        description="days after which an idle thread is removed; unset: threads are kept forever",
    )
    retention_export: Path | None = Field(
        None, alias="RETENTION_EXPORT", description="folder that threads are exported to before they are removed"
    )

    # Requests to URLs that flows and remote agents configure
    allow_private_urls: bool = Field(
        False,
        alias="ALLOW_PRIVATE_URLS",
        description="let flows and remote agents call addresses that are not public (10.*, localhost, ...)",
    )

    # Replies
    platform_timeout: Seconds = Field(
        30, alias="PLATFORM_TIMEOUT_SECONDS", description="seconds to wait for a response from a platform"
    )
    reply_max_attempts: int = Field(
        10, ge=1, alias="REPLY_MAX_ATTEMPTS", description="attempts to send a reply before it becomes a dead letter"
    )
    reply_late: Seconds = Field(
        30,
        alias="REPLY_LATE_SECONDS",
        description="seconds in which a reply whose request failed may still appear; it is not posted again before",
    )
    reply_pacing: bool = Field(
        True,
        alias="REPLY_PACING",
        description="send no faster than platforms accept replies; false: until a platform asks for a pause",
    )

    reply_group_mentions: bool = Field(
        False,
        alias="REPLY_GROUP_MENTIONS",
        description="let replies mention groups: Slack user groups and @channel, GitHub teams",
    )
