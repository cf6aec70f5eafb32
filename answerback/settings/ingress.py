"""The environment variables of ingress."""

from __future__ import annotations

from pydantic import Field, SecretStr

from answerback.settings.variables import HttpUrl, Limit, LimitOrOff, MediaTypes, Networks, Rate, Seconds, Variables


class IngressSettings(Variables):
    """Listening, limits, the API and metrics."""

    host: str = Field("127.0.0.1", alias="HOST", description="address ingress listens on")
    port: int = Field(8080, ge=0, le=65535, alias="PORT", description="port ingress listens on")
    processes: int | None = Field(
        None,
        ge=1,
        le=256,
        alias="WEB_CONCURRENCY",
        description="ingress processes that `answerback ingress` runs under a supervisor; unset: one, without",
    )
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
    file_bytes: int = Field(
        10_485_760, ge=1, alias="FILE_MAX_BYTES", description="largest file that can be uploaded to a thread, in bytes"
    )
    file_thread_bytes: int = Field(
        52_428_800, ge=1, alias="THREAD_MAX_FILE_BYTES", description="bytes that all files of a thread may have"
    )
    file_workspace_bytes: int = Field(
        1_073_741_824,
        ge=1,
        alias="WORKSPACE_MAX_FILE_BYTES",
        description="bytes that all files of a workspace may have",
    )
    file_types: MediaTypes = Field(
        "text/*,application/json,application/pdf,image/png,image/jpeg,image/gif,image/webp,audio/*",
        validate_default=True,
        alias="FILE_TYPES",
        description='media types of files that can be uploaded, such as "text/*,image/png"; "*/*": all',
    )
    control: str | None = Field(
        None,
        alias="ANSWERBACK_CONTROL",
        description="set by `answerback up` for its ingress: the socket on which it starts agents from templates",
    )
    public_url: HttpUrl | None = Field(
        None,
        alias="PUBLIC_URL",
        description="URL under which platforms and people reach ingress (https://…); for signatures over the URL",
    )
    metrics_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        alias="METRICS_PORT",
        description="port for /metrics and /health of ingress; unset: /metrics is public, on PORT",
    )
    metrics_host: str | None = Field(
        None, alias="METRICS_HOST", description="address for METRICS_PORT and WORKER_METRICS_PORT; unset: HOST"
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
