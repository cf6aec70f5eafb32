"""Where a conversation stands in its flow: all that is kept between its turns."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from answerback.flows.definition import Flow

KEY = "flows"
"""Under it a thread's state holds the place in each agent's flow, by the agent's name."""


class AuthorValue(str):
    """A value of the flow's author, not of whoever talks to it: it may be part of an address as it is."""

    __slots__ = ()


class FlowState(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The place of one conversation.

    node    the id of the node that was said last; "" before the first turn
    values  what was collected, and the results of actions
    env     what actions have set of the environment
    visits  how often each node was entered
    turns   messages that were answered since `node` was entered
    ran     actions with `run_once` that were taken
    back    nodes from which a global edge led aside, to return to
    """

    node: str = ""
    values: dict[str, Any] = msgspec.field(default_factory=dict)
    env: dict[str, str] = msgspec.field(default_factory=dict)
    visits: dict[str, int] = msgspec.field(default_factory=dict)
    turns: int = 0
    ran: list[str] = msgspec.field(default_factory=list)
    back: list[str] = msgspec.field(default_factory=list)

    @classmethod
    def of(cls, state: Mapping[str, Any], agent: str) -> FlowState:
        """The place that a thread's state holds; a new one where there is none."""
        return msgspec.convert(state.get(KEY, {}).get(agent, {}), cls)

    def save(self, state: dict[str, Any], agent: str) -> None:
        """Put it into a thread's state."""
        state[KEY] = {**state.get(KEY, {}), agent: msgspec.to_builtins(self)}

    def knows(self, name: str) -> bool:
        """Whether there is a value of that name that says something."""
        value = self.values.get(name)
        return value is not None and not (isinstance(value, str) and not value.strip())


def scope(flow: Flow, place: FlowState, *, message: str, user: str, at: int) -> dict[str, Any]:
    """The variables of texts and guards. `at`: when the message was sent, in ms."""
    env = {name: AuthorValue(os.environ.get(name, value)) for name, value in flow.environment_variables.items()}
    env |= {name: AuthorValue(value) for name, value in place.env.items()}
    moment = datetime.fromtimestamp(at / 1000, UTC)
    return {
        "message": message,
        "user": user,
        "turns": place.turns,
        "visits": place.visits.get(place.node, 0),
        "current_date": moment.strftime("%Y-%m-%d"),
        "current_time": moment.strftime("%H:%M"),
        **env,
        **place.values,
        "env": env,
        "userdata": place.values,
        "actions": place.values,
    }
