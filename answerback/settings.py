"""Every environment variable, once: its name, its default, what it is for.

`Settings.load()` reads them all and reports every wrong one at once, each with what to do.
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

    A `…_SECRET` may hold several secrets, separated by commas, so that one can be rotated
    without a gap: a signature by any of them is good. "\\," is a comma in one.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, allow_inf_nan=False)

    # Where things are
    redis_url: RedisUrl | None = Field(None, alias="REDIS_URL", description="Redis or Valkey; unset: the bundled one")
    data: Path = Field(Path(".answerback"), alias="ANSWERBACK_DATA", description="folder of the bundled Valkey's data")
    partitions: int = Field(
        1,
        ge=1,
        le=1024,
        alias="ANSWERBACK_PARTITIONS",
        description="hash slots to spread threads over; never change it",
    )
    log_level: Annotated[str, BeforeValidator(str.lower)] = Field(
        "info", pattern="^(debug|info|warning|error)$", alias="LOG_LEVEL", description="debug, info, warning or error"
    )

    # Ingress
    host: str = Field("127.0.0.1", alias="HOST", description="address that ingress listens on")
    port: int = Field(8080, ge=0, le=65535, alias="PORT", description="port that ingress listens on")
    body_limit: int = Field(
        26_214_400,
        ge=1024,
        alias="WEBHOOK_BODY_LIMIT",
        description="largest webhook body in bytes (GitHub sends up to 25 MB)",
    )
    accept_timeout: Seconds = Field(
        2.5, alias="ACCEPT_TIMEOUT", description="seconds to wait for Redis before a webhook is answered 503"
    )
    read_timeout: Seconds = Field(
        10, alias="READ_TIMEOUT", description="seconds that a client may take to send a request, headers and body"
    )
    max_connections: int = Field(
        10_000,
        ge=1,
        alias="MAX_CONNECTIONS",
        description="connections that clients may hold; above, the one that has rested longest gives way",
    )
    rate_per_ip: Limit | None = Field(
        None,
        alias="WEBHOOK_RATE_PER_IP",
        description='webhooks a second from one address ("20"; "20:100": up to 100 at once); unset: no limit',
    )
    rate_per_platform: Limit | None = Field(
        None, alias="WEBHOOK_RATE_PER_PLATFORM", description="the same for one platform; unset: no limit"
    )
    trusted_proxies: Networks = Field(
        [], alias="TRUSTED_PROXIES", description="addresses or networks whose X-Forwarded-For is believed"
    )
    seen_days: float = Field(
        7,
        ge=3,
        alias="SEEN_DAYS",
        description="days that a delivery id is remembered; no provider redelivers for longer",
    )
    api_rate: float = Field(
        100,
        gt=0,
        le=1_000_000,
        alias="API_RATE",
        description="requests a second that each API key may make, in the long run",
    )
    api_burst: int = Field(
        200, ge=1, le=1_000_000, alias="API_BURST", description="requests that each API key may make at once"
    )

    api_wait: Seconds = Field(
        120, alias="API_WAIT_SECONDS", description="a POST that waits for an answer gets a receipt after so long"
    )
    session_rate_per_ip: LimitOrOff = Field(
        Rate(2, 60),
        alias="SESSION_RATE_PER_IP",
        description='sessions a second that one address may open with publishable keys; "off": no limit',
    )
    visitor_rate_per_ip: LimitOrOff = Field(
        Rate(50, 300),
        alias="VISITOR_RATE_PER_IP",
        description='requests a second from one address with tokens of such sessions; "off": no limit',
    )
    wrong_key_rate_per_ip: LimitOrOff = Field(
        Rate(5, 100),
        alias="WRONG_KEY_RATE_PER_IP",
        description='wrong API keys a second from one address before it gets 429; "off": no limit',
    )
    metrics_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        alias="METRICS_PORT",
        description="port for /metrics and /health of ingress; unset: /metrics is on PORT, for everybody",
    )
    metrics_host: str | None = Field(
        None, alias="METRICS_HOST", description="address that METRICS_PORT and WORKER_PORT listen on; unset: HOST"
    )
    metrics_token: SecretStr | None = Field(
        None, alias="METRICS_TOKEN", description="what /metrics wants as Authorization: Bearer; unset: nothing"
    )
    drain: float = Field(
        2,
        ge=0,
        alias="DRAIN_SECONDS",
        description="how long a stopping ingress takes connections while /health/ready says no; part of the grace",
    )
    heartbeat: Seconds = Field(
        15, alias="STREAM_HEARTBEAT_SECONDS", description="a stream that has nothing to say says so after this"
    )

    # Worker
    agents: str | None = Field(
        None, alias="ANSWERBACK_AGENTS", description='your agents, as "module:name"; unset: the demo agent'
    )
    worker_port: int | None = Field(
        None, ge=1, le=65535, alias="WORKER_PORT", description="port for a worker's /health and /metrics; unset: none"
    )
    concurrency: int = Field(
        100, ge=1, le=10_000, alias="WORKER_CONCURRENCY", description="turns a worker runs at once"
    )
    lease: Seconds = Field(
        5, ge=0.5, alias="LEASE_SECONDS", description="a crashed worker's threads are free after this"
    )
    grace: float = Field(
        25,
        ge=0,
        alias="SHUTDOWN_GRACE_SECONDS",
        description="how long SIGTERM lets turns and answers finish before they are handed back",
    )
    stuck: Seconds = Field(
        60,
        alias="STUCK_SECONDS",
        description="a worker ends itself when an agent has blocked its event loop for so long",
    )
    max_attempts: int = Field(
        5, ge=1, alias="TURN_MAX_ATTEMPTS", description="tries of a turn before its event is buried"
    )
    retry_base: Seconds = Field(
        1, alias="TURN_RETRY_SECONDS", description="delay before the second try; doubles with each"
    )
    retry_cap: Seconds = Field(300, alias="TURN_RETRY_MAX_SECONDS", description="longest delay between two tries")
    turn_timeout: Seconds = Field(600, alias="TURN_TIMEOUT_SECONDS", description="a turn that takes longer is ended")
    turn_max_steps: int = Field(1000, ge=1, alias="TURN_MAX_STEPS", description="a turn that takes more steps is ended")
    turn_max_journal: int = Field(
        16_777_216, ge=1024, alias="TURN_MAX_JOURNAL_BYTES", description="a turn whose steps take more room is ended"
    )
    turn_max_tokens: int | None = Field(
        None, ge=1, alias="TURN_MAX_TOKENS", description="a turn whose model used more tokens is ended; unset: none is"
    )
    loop_turns: int = Field(
        50,
        ge=0,
        alias="LOOP_TURNS",
        description="turns in a thread without a pause after which programs seem to answer each other; 0: no limit",
    )
    loop_pause: Seconds = Field(
        120, alias="LOOP_PAUSE_SECONDS", description="seconds without a message that make a pause"
    )
    history_window: int = Field(
        200, ge=1, alias="HISTORY_WINDOW", description="messages of history that are replayed to an agent at most"
    )

    retention_days: Annotated[float, Field(gt=0)] | None = Field(
        None,
        alias="RETENTION_DAYS",
        description="days after which an idle thread is dropped; unset: threads are kept for ever",
    )
    retention_export: Path | None = Field(
        None, alias="RETENTION_EXPORT", description="folder where threads are written before they are dropped"
    )

    # Requests on behalf of others: what a flow's actions and tools ask for
    allow_private_urls: bool = Field(
        False,
        alias="ALLOW_PRIVATE_URLS",
        description="let flows and remote agents call addresses that are not public (10.*, localhost, ...)",
    )

    # Replies
    platform_timeout: Seconds = Field(
        30, alias="PLATFORM_TIMEOUT_SECONDS", description="how long a platform may take to answer a request"
    )
    reply_max_attempts: int = Field(
        10, ge=1, alias="REPLY_MAX_ATTEMPTS", description="tries of a reply before it is a dead letter"
    )
    reply_late: Seconds = Field(
        30,
        alias="REPLY_LATE_SECONDS",
        description="how late a reply may still appear whose request failed; until then it is not posted again",
    )

    reply_group_mentions: bool = Field(
        False,
        alias="REPLY_GROUP_MENTIONS",
        description="let replies call on many: Slack's user groups and @channel, GitHub's teams",
    )

    # Platforms
    github_secrets: Secrets = Field([], alias="GITHUB_WEBHOOK_SECRET", description="webhook secret(s) of GitHub")
    github_token: SecretStr | None = Field(
        None, alias="GITHUB_TOKEN", description="token that comments are posted with"
    )
    github_app_id: str | None = Field(None, alias="GITHUB_APP_ID", description="or a GitHub App: its id …")
    github_app_key: Pem | None = Field(None, alias="GITHUB_APP_PRIVATE_KEY", description="… and its private key (PEM)")
    github_api_url: HttpUrl = Field(
        "https://api.github.com", alias="GITHUB_API_URL", description="for GitHub Enterprise: https://HOST/api/v3"
    )
    github_redeliver: Hooks = Field(
        [],
        alias="GITHUB_REDELIVER",
        description="webhooks whose failed deliveries are asked for again: app, OWNER/REPO/hooks/ID, ORG/hooks/ID",
    )
    slack_secrets: Secrets = Field([], alias="SLACK_SIGNING_SECRET", description="signing secret(s) of the Slack app")
    slack_token: SecretStr | None = Field(None, alias="SLACK_BOT_TOKEN", description="bot token (xoxb-…) to post with")
    slack_api_url: HttpUrl = Field("https://slack.com/api", alias="SLACK_API_URL", description="for tests and gateways")
    standard_secrets: StandardSecrets = Field(
        [],
        alias="STANDARD_WEBHOOKS_SECRET",
        description="Standard Webhooks secret(s), whsec_…, or a sender's public key(s), whpk_…",
    )
    standard_reply_url: HttpUrl | None = Field(
        None, alias="STANDARD_WEBHOOKS_REPLY_URL", description="where replies are sent; unset: they stay in the thread"
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
                "STANDARD_WEBHOOKS_REPLY_URL needs a secret to sign replies with, and a public key signs nothing: "
                "add a whsec_… or a whsk_… to STANDARD_WEBHOOKS_SECRET"
            )
        return self

    @model_validator(mode="after")
    def _redelivery_has_a_credential(self) -> Self:
        if "app" in self.github_redeliver and not self.github_app_id:
            raise ValueError("GITHUB_REDELIVER=app asks as the GitHub App: set GITHUB_APP_ID, GITHUB_APP_PRIVATE_KEY")
        if self.github_redeliver and not (self.github_token or self.github_app_id):
            raise ValueError("GITHUB_REDELIVER needs a credential: set GITHUB_TOKEN (or a GitHub App)")
        return self

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """The settings of this process.

        Raises `ConfigurationError` with a line for each variable that is wrong, never with its value.
        """
        source = os.environ if environ is None else environ
        try:
            # Stripped: a line break at the end of a token, from a file, would break every header it is put in.
            return cls.model_validate({name: value.strip() for name, value in source.items() if value.strip()})
        except ValidationError as error:
            lines = [_explain(problem["loc"], problem["msg"]) for problem in error.errors(include_input=False)]
            raise ConfigurationError("the environment is not right:\n" + "\n".join(dict.fromkeys(lines))) from None

    def redis(self) -> str:
        """The Redis to use. Raises `ConfigurationError` where none is configured."""
        if self.redis_url is None:
            raise ConfigurationError(
                "REDIS_URL is not set. Set it (redis://localhost:6379), or run `answerback up`, which starts a server."
            )
        return self.redis_url

    def secrets(self, platform: str) -> list[str]:
        """The webhook secrets of a platform, newest first as configured; empty where it is not configured."""
        found: list[SecretStr] = getattr(self, f"{platform}_secrets", [])
        return [secret.get_secret_value() for secret in found]


def _explain(location: tuple[int | str, ...], message: str) -> str:
    what = message.removeprefix("Value error, ")
    name = str(location[0]) if location else ""
    fields = {field.alias: field for field in Settings.model_fields.values()}
    purpose = fields[name].description if name in fields else None
    return f"  {name}: {what}" + (f"  ({purpose})" if purpose else "") if name else f"  {what}"
