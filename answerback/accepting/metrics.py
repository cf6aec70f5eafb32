"""Prometheus metrics of whatever accepts deliveries: ingress, and workers that read connections."""

from __future__ import annotations

from prometheus_client import Counter

WARNED = Counter(
    "answerback_webhooks_warned", "Webhooks that report a condition for the operator", ["platform", "warning"]
)
CONFIRMED = Counter("answerback_replies_confirmed", "Replies settled by their platform's echo", ["platform"])
