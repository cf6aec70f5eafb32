"""The fields that we read from Slack's interactions: https://docs.slack.dev/reference/interaction-payloads"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from answerback.platforms.decoding import Spare
from answerback.platforms.slack.payload import Code, Time

_NULL = msgspec.Raw(b"null")


class Party(msgspec.Struct):
    """A user, a workspace, an organization or a channel."""

    id: Spare[Code] = None
    name: Spare[str] = None
    username: Spare[str] = None
    team_id: Spare[Code] = None


class Container(msgspec.Struct):
    """Where the element is: in a message, or in a modal."""

    type: Spare[str] = None
    message_ts: Spare[Time] = None
    channel_id: Spare[Code] = None
    thread_ts: Spare[Time] = None


class Shown(msgspec.Struct):
    """The message with the element, or the one whose shortcut was used."""

    ts: Spare[Time] = None
    thread_ts: Spare[Time] = None
    text: Spare[str] = None
    blocks: msgspec.Raw = _NULL
    attachments: msgspec.Raw = _NULL
    files: msgspec.Raw = _NULL


class Choice(msgspec.Struct):
    """An option of a menu."""

    value: Spare[str] = None


class Element(msgspec.Struct):
    """An element of a block, with what was entered or chosen: its type decides which field has it.

    https://docs.slack.dev/reference/block-kit/block-elements
    """

    type: Spare[str] = None
    action_id: Spare[str] = None
    block_id: Spare[str] = None
    action_ts: Spare[Time] = None
    text: Spare[dict[str, Any]] = None
    url: Spare[str] = None
    value: Spare[str | int | float] = None
    rich_text_value: Spare[dict[str, Any]] = None
    selected_option: Spare[Choice] = None
    selected_options: Spare[list[Choice]] = None
    selected_user: Spare[str] = None
    selected_users: Spare[list[str]] = None
    selected_conversation: Spare[str] = None
    selected_conversations: Spare[list[str]] = None
    selected_channel: Spare[str] = None
    selected_channels: Spare[list[str]] = None
    selected_date: Spare[str] = None
    selected_time: Spare[str] = None
    selected_date_time: Spare[int] = None

    @property
    def entered(self) -> str | int | float | list[str] | dict[str, Any] | None:
        """What was entered or chosen: plain data; None if nothing was."""
        if self.selected_option is not None:
            return self.selected_option.value
        if self.selected_options is not None:
            return [choice.value for choice in self.selected_options if choice.value is not None]
        plain = (
            self.value, self.selected_user, self.selected_users, self.selected_conversation,
            self.selected_conversations, self.selected_channel, self.selected_channels, self.selected_date,
            self.selected_time, self.selected_date_time, self.rich_text_value,
        )  # fmt: skip
        return next((value for value in plain if value is not None), None)


class State(msgspec.Struct):
    """What was entered and chosen so far: block → element → its state."""

    values: Spare[dict[str, dict[str, Element]]] = None

    @property
    def by_name(self) -> dict[str, Any]:
        """What was entered, by the names of the elements; by block and name where two have the same."""
        found: dict[str, Any] = {}
        for block, elements in (self.values or {}).items():
            for name, element in elements.items():
                found[f"{block}.{name}" if name in found else name] = element.entered
        return found


class ResponseUrl(msgspec.Struct):
    """Where a modal's response goes: the channel that a person chose."""

    channel_id: Spare[Code] = None
    response_url: Spare[str] = None


class View(msgspec.Struct):
    """A modal, or the app's home."""

    id: Spare[Code] = None
    callback_id: Spare[str] = None
    private_metadata: Spare[str] = None
    app_installed_team_id: Spare[Code] = None
    title: Spare[dict[str, Any]] = None
    state: Spare[State] = None


class Interaction(msgspec.Struct):
    """A button, menu, modal or shortcut was used."""

    type: str = ""
    user: Spare[Party] = None
    team: Spare[Party] = None
    enterprise: Spare[Party] = None
    channel: Spare[Party] = None
    is_enterprise_install: Spare[bool] = None
    trigger_id: Spare[str] = None
    action_ts: Spare[Time] = None
    callback_id: Spare[str] = None
    response_url: Spare[str] = None
    response_urls: Spare[list[ResponseUrl]] = None
    container: Spare[Container] = None
    message: Spare[Shown] = None
    message_ts: Spare[Time] = None
    actions: Spare[list[Element]] = None
    action_id: Spare[str] = None
    block_id: Spare[str] = None
    value: Spare[str] = None
    state: Spare[State] = None
    view: Spare[View] = None

    @property
    def installation(self) -> str:
        """The workspace where our app is installed, or the organization for an organization-wide installation; "".

        Named as in events, so that a button belongs to the thread of its message.
        """
        organization = self.enterprise.id if self.enterprise else None
        if self.is_enterprise_install and organization:
            return organization
        for team in (
            self.view.app_installed_team_id if self.view else None,
            self.team.id if self.team else None,
            self.user.team_id if self.user else None,
            organization,
        ):
            if team:
                return team
        return ""


class Target(msgspec.Struct):
    """What the private metadata of a modal says about where its answer belongs; ours are JSON."""

    channel: Code
    thread_ts: Spare[Time] = None
    begun: Spare[Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9._-]{1,120}\Z")]] = None
    reply: Spare[Annotated[str, msgspec.Meta(max_length=200)]] = None
