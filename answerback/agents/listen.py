"""`Listen`: the events that an agent listens to."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Literal

import msgspec

from answerback.agents.declaration import check_platform, check_words
from answerback.errors import ConfigurationError
from answerback.events import ActionType, Event

When = Literal[
    "mention", "direct", "answered", "subscribed", "every",
    "action", "reaction", "assigned", "review_requested", "labeled", "state",
]  # fmt: skip

_ACTIONS: dict[ActionType, When] = {
    **dict.fromkeys(("button", "select", "form", "shortcut", "command"), "action"),
    "reaction": "reaction",
    **dict.fromkeys(("assigned", "unassigned"), "assigned"),
    "review_requested": "review_requested",
    **dict.fromkeys(("labeled", "unlabeled"), "labeled"),
    "state": "state",
}
"""An event's action → what of `when` matches it."""


class Listen(msgspec.Struct, frozen=True):
    """Which events reach an agent.

    Args:
        platform: A pattern for the platform's name: "github", "*".
        channel: A pattern for the repository or channel: "acme/*", "C024*". Case is ignored.
        when: What is answered, any of: "mention" (of the account that your agents post with), "direct" (a one-to-one
            conversation, or a message addressed to that account), "answered" (a thread in which this agent has
            replied), "subscribed" (a thread whose attention is "subscribed"), "every" (all messages). Of what is no
            message: "action" (buttons, menus, forms, shortcuts and commands of your app), "reaction", "assigned",
            "review_requested", "labeled", "state" (closed, reopened, locked, …). Whatever assigns the account or
            requests its review is a "mention". In a muted thread, only what mentions the account is answered.
        bots: Whether "direct", "answered" and "subscribed" also match messages that, according to the platform, a
            program wrote. Otherwise a program is answered only where it mentions the account, or where "every" applies.
        account: A pattern for the account that the event came through, of several that installed the app: the id of a
            Slack workspace or organization, "T024BE7LD", or of a GitHub App's installation, "48210377". "*" is any, and
            the configured one. `answerback accounts` lists them.

    Raises:
        ConfigurationError: No platform has such a name, or a value in `when` is unknown.

    Example:
        agents = [
            Agent("triage", triage, listen=Listen("github", "acme/*", when=("every",))),
            Agent("helper", helper, listen=[Listen("slack"), Listen("github", when=("mention",))]),
        ]
    """

    platform: str = "*"
    channel: str = "*"
    when: tuple[When, ...] = ("mention", "direct", "answered", "subscribed", "action")
    bots: bool = False
    account: str = "*"

    def __post_init__(self) -> None:
        """Raise `ConfigurationError` for an unknown platform or an unknown value in `when`."""
        check_platform(self.platform)
        check_words("Listen(when=…)", self.when, When)

    def covers(self, event: Event) -> bool:
        """Return whether the event's platform, channel and account match."""
        return (
            (self.platform == "*" or fnmatchcase(event.platform, self.platform))
            and (self.channel == "*" or fnmatchcase(event.channel.lower(), self.channel.lower()))
            and (self.account == "*" or fnmatchcase(event.account, self.account))
        )

    def hears(self, event: Event, *, mentioned: bool, answered: bool, subscribed: bool) -> bool:
        """Return whether the event should be answered."""
        # Two programs that both answer everything in a thread once mentioned would answer each other forever.
        may_answer = self.bots or event.author.kind != "bot"
        if event.action:
            addressed = mentioned and "mention" in self.when
            return self.covers(event) and (addressed or _ACTIONS[event.action.type] in self.when)
        return self.covers(event) and (
            "every" in self.when
            or (mentioned and "mention" in self.when)
            or (event.direct and may_answer and "direct" in self.when)
            or (answered and may_answer and "answered" in self.when)
            or (subscribed and may_answer and "subscribed" in self.when)
        )

    def __str__(self) -> str:
        place = "any platform" if self.platform == "*" else self.platform
        if self.channel != "*":
            place = f"{place}, {self.channel}"
        if self.account != "*":
            place = f"{place}, account {self.account}"
        return f"{place}: {', '.join(self.when)}"


ADDRESSED = Listen()
"""The default: everything addressed to the agent, on any platform."""


def checked_listen(name: str, listen: Listen | Sequence[Listen]) -> tuple[Listen, ...]:
    """Return what an agent listens to as a tuple. Raises `ConfigurationError` if any of it is not a `Listen`."""
    each = (listen,) if isinstance(listen, Listen) else tuple(listen)
    if not all(isinstance(one, Listen) for one in each):
        raise ConfigurationError(f'agent "{name}": listen must be a Listen(…) or a list of them, not {listen!r}')
    return each
