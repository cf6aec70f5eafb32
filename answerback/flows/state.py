"""The state of a conversation in its flow, stored between turns."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from answerback.flow_position import KEY
from answerback.flows.definition import Flow


class AuthorValue(str):
    """A value from the flow's author and not from a user: it goes into URLs without encoding."""

    __slots__ = ()


class FlowState(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The state of one conversation.

    Attributes:
        node: Id of the current node; "" before the first turn.
        values: Collected values and results of actions.
        env: Environment variables set by actions.
        visits: How often each node was entered.
        turns: Messages answered since `node` was entered.
        ran: Actions with `run_once` that have run.
        back: Nodes to return to from the detours of global edges.
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
        """Return an agent's flow state from a thread's state; a new one if there is none."""
        return msgspec.convert(state.get(KEY, {}).get(agent, {}), cls)

    def save(self, state: dict[str, Any], agent: str) -> None:
        """Store it in a thread's state."""
        state[KEY] = {**state.get(KEY, {}), agent: msgspec.to_builtins(self)}

    def knows(self, name: str) -> bool:
        """Return whether there is a non-blank value of that name."""
        value = self.values.get(name)
        return value is not None and not (isinstance(value, str) and not value.strip())


def scope(flow: Flow, place: FlowState, *, message: str, user: str, at: int) -> dict[str, Any]:
    """Return the variables for texts and guards. `at`: when the message was sent, in ms."""
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
