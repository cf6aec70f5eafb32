"""All environment variables, with their defaults and descriptions.

`Settings.load()` reads them and reports all invalid ones at once, each with what to do.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from answerback.errors import ConfigurationError
from answerback.variables import (
    Hooks,
    HttpUrl,
    Limit,
    LimitOrOff,
    Networks,
    Pem,
    Rate,
    RedisUrl,
    Seconds,
    Secrets,
    StandardSecrets,
)


class Settings(BaseModel):
    """All settings. A field's alias is its environment variable; an empty variable counts as unset.

    A `…_SECRET` may hold several secrets, separated by commas, so that secrets can be rotated without
    downtime: a signature made with any of them is valid. "\\," is a literal comma.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, allow_inf_nan=False)

    # General
    redis_url: RedisUrl | None = Field(None, alias="REDIS_URL", description="Redis or Valkey; unset: the bundled one")
    data: Path = Field(Path(".answerback"), alias="ANSWERBACK_DATA", description="data folder of the bundled Valkey")
    partitions: int = Field(
        1,
        ge=1,
        le=1024,
        alias="ANSWERBACK_PARTITIONS",
        description="number of partitions that threads are spread over; never change it",
    )
    log_level: Annotated[str, BeforeValidator(str.lower)] = Field(
        "info", pattern="^(debug|info|warning|error)$", alias="LOG_LEVEL", description="debug, info, warning or error"
    )

    # Ingress
    host: str = Field("127.0.0.1", alias="HOST", description="address ingress listens on")
    port: int = Field(8080, ge=0, le=65535, alias="PORT", description="port ingress listens on")
    body_limit: int = Field(
        26_214_400,
        ge=1024,
        alias="WEBHOOK_BODY_LIMIT",
        description="largest webhook body in bytes (GitHub sends up to 25 MB)",
    )
    accept_timeout: Seconds = Field(
        2.5, alias="ACCEPT_TIMEOUT", description="seconds to wait for Redis before a webhook gets a 503"
    )
    read_timeout: Seconds = Field(
        10, alias="READ_TIMEOUT", description="seconds a client may take to send a request (headers and body)"
    )
    max_connections: int = Field(
        10_000,
        ge=1,
        alias="MAX_CONNECTIONS",
        description="maximum client connections; above it, the connection idle longest is closed",
    )
    rate_per_ip: Limit | None = Field(
        None,
        alias="WEBHOOK_RATE_PER_IP",
        description='webhooks per second from one IP address ("20", or with a burst "20:100"); unset: no limit',
    )
    rate_per_platform: Limit | None = Field(
        None, alias="WEBHOOK_RATE_PER_PLATFORM", description="webhooks per second from one platform; unset: no limit"
    )
    trusted_proxies: Networks = Field(
        [], alias="TRUSTED_PROXIES", description="proxy addresses or networks whose X-Forwarded-For header is trusted"
    )
    seen_days: float = Field(
        7,
        ge=3,
        alias="SEEN_DAYS",
        description="days that delivery ids are kept to recognise duplicates; no provider redelivers for longer",
    )
    api_rate: float = Field(
        100,
        gt=0,
        le=1_000_000,
        alias="API_RATE",
        description="average requests per second allowed for each API key",
    )
    api_burst: int = Field(
        200, ge=1, le=1_000_000, alias="API_BURST", description="burst of requests allowed for each API key"
    )

    api_wait: Seconds = Field(
        120, alias="API_WAIT_SECONDS", description="seconds a POST waits for the answer before it returns a receipt"
    )
    session_rate_per_ip: LimitOrOff = Field(
        Rate(2, 60),
        alias="SESSION_RATE_PER_IP",
        description='sessions per second one IP address may open with publishable keys; "off": no limit',
    )
    visitor_rate_per_ip: LimitOrOff = Field(
        Rate(50, 300),
        alias="VISITOR_RATE_PER_IP",
        description='requests per second from one IP address with the tokens of these sessions; "off": no limit',
    )
    wrong_key_rate_per_ip: LimitOrOff = Field(
        Rate(5, 100),
        alias="WRONG_KEY_RATE_PER_IP",
        description='invalid API keys per second from one IP address before it gets a 429; "off": no limit',
    )
    metrics_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        alias="METRICS_PORT",
        description="port for /metrics and /health of ingress; unset: /metrics is public, on PORT",
    )
    metrics_host: str | None = Field(
        None, alias="METRICS_HOST", description="address for METRICS_PORT and WORKER_PORT; unset: HOST"
    )
    metrics_token: SecretStr | None = Field(
        None, alias="METRICS_TOKEN", description="bearer token required by /metrics; unset: none"
    )
    drain: float = Field(
        2,
        ge=0,
        alias="DRAIN_SECONDS",
        description="seconds ingress keeps serving after it reports not ready; part of the grace period",
    )
    heartbeat: Seconds = Field(
        15, alias="STREAM_HEARTBEAT_SECONDS", description="seconds between SSE keep-alive comments"
    )

    # Worker
    agents: str | None = Field(
        None, alias="ANSWERBACK_AGENTS", description='your agents, as "module:name"; unset: the demo agent'
    )
    worker_port: int | None = Field(
        None, ge=1, le=65535, alias="WORKER_PORT", description="port for /health and /metrics of a worker; unset: none"
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

    reply_group_mentions: bool = Field(
        False,
        alias="REPLY_GROUP_MENTIONS",
        description="let replies mention groups: Slack user groups and @channel, GitHub teams",
    )

    # Platforms
    github_secrets: Secrets = Field([], alias="GITHUB_WEBHOOK_SECRET", description="webhook secret(s) of GitHub")
    github_token: SecretStr | None = Field(None, alias="GITHUB_TOKEN", description="token used to post comments")
    github_app_id: str | None = Field(None, alias="GITHUB_APP_ID", description="id of a GitHub App, instead of a token")
    github_app_key: Pem | None = Field(
        None, alias="GITHUB_APP_PRIVATE_KEY", description="private key of the GitHub App (PEM)"
    )
    github_api_url: HttpUrl = Field(
        "https://api.github.com", alias="GITHUB_API_URL", description="for GitHub Enterprise: https://HOST/api/v3"
    )
    github_redeliver: Hooks = Field(
        [],
        alias="GITHUB_REDELIVER",
        description="webhooks whose failed deliveries are requested again: app, OWNER/REPO/hooks/ID, ORG/hooks/ID",
    )
    slack_secrets: Secrets = Field([], alias="SLACK_SIGNING_SECRET", description="signing secret(s) of the Slack app")
    slack_token: SecretStr | None = Field(
        None, alias="SLACK_BOT_TOKEN", description="bot token used to post messages (xoxb-…)"
    )
    slack_api_url: HttpUrl = Field(
        "https://slack.com/api", alias="SLACK_API_URL", description="base URL of the Slack API; for tests and gateways"
    )
    standard_secrets: StandardSecrets = Field(
        [],
        alias="STANDARD_WEBHOOKS_SECRET",
        description="Standard Webhooks secret(s), whsec_…, or a sender's public key(s), whpk_…",
    )
    standard_reply_url: HttpUrl | None = Field(
        None,
        alias="STANDARD_WEBHOOKS_REPLY_URL",
        description="URL that replies are sent to; unset: they are only kept in the thread",
    )

    @model_validator(mode="after")
    def _github_app_is_whole(self) -> Self:
        if bool(self.github_app_id) != bool(self.github_app_key):
            raise ValueError("GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY belong together: set both, or neither")
        if self.github_app_id and self.github_token:
            raise ValueError("set GITHUB_TOKEN or GITHUB_APP_ID, not both: replies have one author")
        return self

    @model_validator(mode="after")
    def _replies_can_be_signed(self) -> Self:
        secrets = self.secrets("standard")
        if self.standard_reply_url and secrets and all(secret.startswith("whpk_") for secret in secrets):
            raise ValueError(
                "STANDARD_WEBHOOKS_REPLY_URL needs a secret to sign replies with, and a public key cannot sign: "
                "add a whsec_… or whsk_… key to STANDARD_WEBHOOKS_SECRET"
            )
        return self

    @model_validator(mode="after")
    def _redelivery_has_a_credential(self) -> Self:
        if "app" in self.github_redeliver and not self.github_app_id:
            raise ValueError("GITHUB_REDELIVER=app needs a GitHub App: set GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY")
        if self.github_redeliver and not (self.github_token or self.github_app_id):
            raise ValueError("GITHUB_REDELIVER needs a credential: set GITHUB_TOKEN (or a GitHub App)")
        return self

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the settings of this process.

        Raises:
            ConfigurationError: one line per invalid variable, never with its value.
        """
        source = os.environ if environ is None else environ
        try:
            # Values are stripped: a trailing line break in a token read from a file would break every header it is in.
            return cls.model_validate({name: value.strip() for name, value in source.items() if value.strip()})
        except ValidationError as error:
            lines = [_explain(problem["loc"], problem["msg"]) for problem in error.errors(include_input=False)]
            raise ConfigurationError("invalid environment variables:\n" + "\n".join(dict.fromkeys(lines))) from None

    def redis(self) -> str:
        """Return the Redis URL. Raises `ConfigurationError` if none is set."""
        if self.redis_url is None:
            raise ConfigurationError(
                "REDIS_URL is not set. Set it (redis://localhost:6379), or run `answerback up`, which starts a server."
            )
        return self.redis_url

    def secrets(self, platform: str) -> list[str]:
        """Return a platform's webhook secrets in configured order; empty if there are none."""
        secrets: list[SecretStr] = getattr(self, f"{platform}_secrets", [])
        return [secret.get_secret_value() for secret in secrets]


def _explain(location: tuple[int | str, ...], message: str) -> str:
    problem = message.removeprefix("Value error, ")
    name = str(location[0]) if location else ""
    fields = {field.alias: field for field in Settings.model_fields.values()}
    purpose = fields[name].description if name in fields else None
    return f"  {name}: {problem}" + (f"  ({purpose})" if purpose else "") if name else f"  {problem}"
