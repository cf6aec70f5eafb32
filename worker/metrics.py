"""Prometheus metrics of a worker. docs/metrics.md describes each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from prometheus_client import REGISTRY, Counter, Gauge, Histogram

from answerback.agents.meter import CallOutcome, Meter
from answerback.agents.outcome import Status
from answerback.metrics import DURATIONS, OTHER, Bounded

from .turn_counts import TurnCollector, TurnCounts

Outcome = Status | Literal["failed"]
OUTCOMES: tuple[Outcome, ...] = ("completed", "cancelled", "interrupted", "dropped", "failed")
"""How an agent's turns end. An ignored event has no agent."""
Reason = Literal[
    "agent_failed", "crashed", "invalid_input", "limit", "no_worker", "timeout", "unreachable", "unreadable", "other"
]
"""Why an event became a dead letter, or an attempt failed."""
REASONS = frozenset(get_args(Reason))
ReplyFailure = Literal["gave_up", "no_credential", "rejected", "unreadable"]
"""Why a reply became a dead letter."""

FAILURES = Counter("answerback_turn_failures", "Attempts of turns that failed", ["agent", "reason"])
TURNS = TurnCollector()
REGISTRY.register(TURNS)
RUNNING = Gauge("answerback_turns_running", "Turns running in this worker")
SLOTS = Gauge("answerback_turn_slots", "Turns that this worker may run at once")
MODEL_REQUESTS = Counter("answerback_model_requests", "Requests to language models", ["agent", "model", "outcome"])
MODEL_DURATION = Histogram(
    "answerback_model_request_duration_seconds",
    "How long requests to language models took",
    ["agent", "model"],
    buckets=DURATIONS,
)
MODEL_TOKENS = Counter("answerback_model_tokens", "Tokens of language models", ["agent", "model", "type"])
TOOL_CALLS = Counter("answerback_tool_calls", "Calls of tools by language models", ["agent", "tool", "outcome"])
DEAD_LETTERED = Counter("answerback_dead_lettered", "Events and replies that became dead letters", ["kind", "reason"])
LEASES_LOST = Counter("answerback_leases_lost", "Leases that this worker lost to another", ["queue"])
REPLIES = Counter("answerback_replies", "Replies that were settled", ["platform", "outcome", "kind"])
REPLY_RETRIES = Counter("answerback_reply_retries", "Replies put off for another attempt", ["platform"])
REPLY_TIME = Histogram(
    "answerback_reply_time_seconds",
    "Time from the storing of an event to the platform's response to the reply",
    ["platform"],
    buckets=(*DURATIONS, 1800, 3600),
)
LOOP_BLOCKS = Counter("answerback_event_loop_blocks", "Times an agent blocked the event loop for more than a second")
LOOP_BLOCKED = Counter(
    "answerback_event_loop_blocked_seconds", "Seconds for which the event loop was blocked in these cases"
)
CONNECTED = Gauge("answerback_connections_open", "1 while this worker reads a connection of a platform", ["platform"])
SENDING = Gauge("answerback_outboxes_sending", "Threads whose replies this worker is sending")
PAUSES = Counter("answerback_rate_limit_pauses", "Times a platform asked for a pause", ["platform"])
PAUSED = Counter("answerback_rate_limit_pause_seconds", "Seconds of the pauses that platforms asked for", ["platform"])

FETCHES = Counter("answerback_fetches", "Files of events that were fetched from a platform", ["platform", "outcome"])
PRESENCE_REQUESTS = Counter(
    "answerback_presence_requests", "Requests that show people that an agent is at work", ["platform", "outcome"]
)
BACKFILLS = Counter(
    "answerback_backfills", "Histories of threads that were read from their platform", ["platform", "outcome"]
)
NAMES = Counter(
    "answerback_names", "Names of people and channels that were asked of a platform", ["platform", "outcome"]
)

model_label = Bounded(50)
tool_label = Bounded(200)


class AgentMetrics(Meter):
    """The metrics of one agent of this worker."""

    def __init__(self, agent: str) -> None:
        self._agent = agent
        self.turns = TURNS.agents.setdefault(agent, TurnCounts(OUTCOMES))

    def fail(self, reason: str) -> None:
        """Count a failed attempt. `reason`: a failure code."""
        FAILURES.labels(self._agent, reason_label(reason)).inc()

    def model_request(self, model: str, seconds: float, usage: Mapping[str, int] | None) -> None:
        """Count a request to a language model: see `Meter`."""
        model = model_label(model)
        MODEL_REQUESTS.labels(self._agent, model, "failed" if usage is None else "done").inc()
        MODEL_DURATION.labels(self._agent, model).observe(seconds)
        for kind in ("input", "output"):
            if usage is not None:
                MODEL_TOKENS.labels(self._agent, model, kind).inc(usage.get(f"{kind}_tokens", 0))

    def tool_call(self, tool: str, outcome: CallOutcome) -> None:
        """Count a call of a tool by a model."""
        TOOL_CALLS.labels(self._agent, tool_label(tool), outcome).inc()


def reason_label(reason: str) -> str:
    """Return the label of a failure code: agents may raise errors with codes of their own."""
    return reason if reason in REASONS else OTHER
