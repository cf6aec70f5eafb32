"""What an app of ours is created from on a platform, and what it may do there, by what the agents need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

Feature = Literal["mentions", "messages", "direct", "actions", "reactions", "react", "files", "checks", "agent"]
"""What agents may need.

mentions: messages that mention the app. messages: others in channels, too. direct: one-to-one conversations. actions:
buttons and forms. reactions: of people. react: reactions of agents. files: in and out. checks: check runs.
agent: whether the app is declared an agent, with what the platform offers these.
"""


class AppRequest(NamedTuple):
    """An app to create.

    Attributes:
        name: Its name, for people.
        url: Our public URL; "" without one.
        features: What the agents need.
        socket: Whether events come over a connection that we open.
        installs: Whether others install it by OAuth.
        commands: Its slash commands, each with its "/".
    """

    name: str
    url: str
    features: frozenset[Feature]
    socket: bool = False
    installs: bool = False
    commands: tuple[str, ...] = ()


class ManifestSupport(NamedTuple):
    """What a platform declares as `MANIFEST`.

    Attributes:
        document: Returns the manifest: plain data for JSON. Raises ValueError, saying what to do.
        link: Returns the URL of the platform's page that creates the app, filled in.
        grants: Returns the scopes, permissions and events that features need, each with what it is for.
        repair: How a missing one is added: a sentence for the operator.
    """

    document: Callable[[AppRequest], Mapping[str, object]]
    link: Callable[[AppRequest], str]
    grants: Callable[[frozenset[Feature]], Mapping[str, str]]
    repair: str
