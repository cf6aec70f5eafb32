"""What people and channels are called, of which Slack's events have the ids only."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from answerback.messages import Author
from answerback.platforms import Exchange, Names, Place, Response
from answerback.platforms.answer import read
from answerback.platforms.attempt import LAST, Attempt
from answerback.platforms.decoding import Spare

_USER = re.compile(r"[UW][A-Z0-9]{1,31}", re.ASCII)
_CHANNEL = re.compile(r"[CG][A-Z0-9]{1,31}", re.ASCII)
_NAMED = re.compile(r"<([@#])([A-Z0-9]{1,32})>", re.ASCII)
_LONGEST = 80
"""Characters of a name: https://docs.slack.dev/reference/objects/user-object"""
_ABSENT = {"channel_not_found", "user_not_found", "user_not_visible", "users_not_found"}


class Call(Protocol):
    """Calls a method of Slack's Web API: see `Slack`."""

    def __call__(
        self, method: Literal["GET"], name: str, content: Mapping[str, object], doing: str, attempt: Attempt,
        /, *, scope: str, accepted: Collection[str],
    ) -> Exchange[Response]: ...  # fmt: skip


class _Profile(msgspec.Struct):
    display_name: Spare[str] = None
    real_name: Spare[str] = None


class _User(msgspec.Struct):
    name: Spare[str] = None
    real_name: Spare[str] = None
    profile: Spare[_Profile] = None


class _Channel(msgspec.Struct):
    name: Spare[str] = None


class _Found(msgspec.Struct):
    user: Spare[_User] = None
    channel: Spare[_Channel] = None


_found = msgspec.json.Decoder(_Found)


class SlackNames(Names):
    """See `Names`. Needs the scopes users:read, and channels:read or groups:read for the kind of channel."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def wanted(self, author: Author | None, text: str, channel: str = "") -> Sequence[str]:
        ids = [author.id] if author and author.kind != "bot" and _USER.fullmatch(author.id) else []
        if "<@" in text or "<#" in text:
            ids += [id for _, id in _NAMED.findall(text) if _USER.fullmatch(id) or _CHANNEL.fullmatch(id)]
        return [*ids, channel] if _CHANNEL.fullmatch(channel) else ids

    def named(self, text: str, names: Mapping[str, str]) -> str:
        if "<@" not in text and "<#" not in text:
            return text
        return _NAMED.sub(lambda found: f"{found[1]}{name}" if (name := names.get(found[2])) else found[0], text)

    def look_up(self, id: str, place: Place) -> Exchange[str]:
        """https://docs.slack.dev/reference/methods/users.info, https://docs.slack.dev/reference/methods/conversations.info"""
        method, argument = _method(id)
        doing = f"asking for the name of {id}"
        response = yield from self._call(
            "GET", method, {argument: id}, doing, LAST, scope=self.limit(id, place), accepted=_ABSENT
        )
        found = read(response, _found, "Slack", unknown=False)
        if found.channel:
            return _clean(found.channel.name)
        user = found.user or _User()
        profile = user.profile or _Profile()
        return next(filter(None, map(_clean, (profile.display_name, profile.real_name, user.real_name, user.name))), "")

    def limit(self, id: str, place: Place) -> str:
        return f"{_method(id)[0]}:{place.address.get('team', '')}"


def _method(id: str) -> tuple[str, str]:
    return ("users.info", "user") if _USER.fullmatch(id) else ("conversations.info", "channel")


def _clean(name: str | None) -> str:
    """Return a name as one line without markup: people choose theirs freely."""
    return " ".join(re.sub(r"[<>\x00-\x1f\x7f]", " ", name or "").split())[:_LONGEST]
