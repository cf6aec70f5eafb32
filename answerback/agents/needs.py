"""What agents need on a platform, as far as they declare it."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from answerback.agents.agent import Agent
from answerback.agents.listen import When
from answerback.platforms.manifest import Feature

_FEATURES: dict[When, tuple[Feature, ...]] = {
    "mention": ("mentions",),
    "direct": ("direct",),
    "answered": ("messages",),
    "subscribed": ("messages",),
    "every": ("messages", "mentions", "direct"),
    "action": ("actions",),
    "reaction": ("reactions",),
}


def features_of(agents: Sequence[Agent], platform: str) -> frozenset[Feature]:
    """Return what the agents need on a platform. Files are always among it, since people send them."""
    whens = {
        when
        for agent in agents
        for listen in agent.listen
        if fnmatchcase(platform, listen.platform)
        for when in listen.when
    }
    features: set[Feature] = {feature for when in whens for feature in _FEATURES.get(when, ())} | {"files"}
    chats = any(agent.direct == "conversation" and agent.presence for agent in agents)
    # A message that belongs to no thread has no status: a reaction shows that it is being answered.
    if chats and "direct" in features:
        features.add("react")
    return frozenset(features)
