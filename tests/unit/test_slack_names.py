"""What people and channels are called in Slack."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from answerback.errors import RateLimited, Rejected
from answerback.messages import Author
from answerback.platforms import Place, Response
from answerback.platforms.slack.api import Slack
from tests.fixtures.exchanges import run

NAMES = Slack("xoxb-secret", "https://slack.com/api", lambda: 1000.0).names
PLACE = Place(thread="slack:T1:C1:1.2", address={"team": "T1", "channel": "C1"})


def asked(id: str, body: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> tuple[str, Any]:
    done = run(NAMES.look_up(id, PLACE), Response(status=status, headers=headers or {}, body=msgspec.json.encode(body)))
    return done.requests[0].url.removeprefix("https://slack.com/api/"), done.value


@pytest.mark.parametrize(
    ("user", "name"),
    [
        ({"profile": {"display_name": "ada", "real_name": "Ada Lovelace"}, "name": "a.lovelace"}, "ada"),
        ({"profile": {"display_name": "", "real_name": "Ada Lovelace"}, "name": "a.lovelace"}, "Ada Lovelace"),
        ({"profile": {"display_name": " <!channel>\n"}, "real_name": "x"}, "!channel"),
        ({"profile": None, "name": "a" * 200}, "a" * 80),
        ({"profile": {"display_name": 7}, "name": None}, ""),
    ],
)
def test_a_person_has_the_name_that_others_see(user: dict[str, Any], name: str) -> None:
    assert asked("U012", {"ok": True, "user": user}) == ("users.info?user=U012", name)


def test_channels_have_names_and_what_does_not_exist_has_none() -> None:
    found = asked("C012", {"ok": True, "channel": {"name": "deploys"}})
    assert found == ("conversations.info?channel=C012", "deploys")
    assert asked("U012", {"ok": False, "error": "user_not_found"})[1] == ""
    assert asked("C012", {"ok": False, "error": "channel_not_found"})[1] == ""


def test_refusals_and_limits_apply_to_names_alone() -> None:
    with pytest.raises(Rejected, match="users:read"):
        asked("U012", {"ok": False, "error": "missing_scope", "needed": "users:read"})
    with pytest.raises(RateLimited) as limit:
        asked("U012", {"ok": False, "error": "ratelimited"}, 429, {"retry-after": "7"})
    assert (limit.value.scope, limit.value.seconds) == (NAMES.limit("U012", PLACE), 7)
    assert NAMES.limit("U012", PLACE) != NAMES.limit("C012", PLACE)


def test_ids_become_names_where_people_see_names() -> None:
    text = "<@U012> in <#C012> of <@U013>, not U014 or <@x> or [<@U012>](https://x)"
    assert [*NAMES.wanted(Author("U015"), text, "C013")] == ["U015", "U012", "C012", "U013", "U012", "C013"]
    named = NAMES.named(text, {"U012": "Ada", "C012": "deploys"})
    assert named == "@Ada in #deploys of <@U013>, not U014 or <@x> or [@Ada](https://x)"
    for author in (Author("B012"), Author("U012", kind="bot"), None):
        assert not NAMES.wanted(author, "no names", "D012")
