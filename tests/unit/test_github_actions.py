"""What people do on GitHub besides writing, as events."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerback.errors import MalformedBody
from answerback.events import Action, Address, Event
from answerback.notifications import Installed, Moved, Uninstalled
from answerback.platforms import Delivery, Ignored, github
from answerback.platforms.github.attachments import MOST, Remote, attached_files
from answerback.platforms.github.checks import identifier, parse_external_id, parse_identifier
from answerback.testing.standins.sender import GitHub
from answerback.testing.standins.signatures import Delivery as Sent
from tests.fixtures.deliveries import parsed

PEOPLE = GitHub(installation=77, app_id=1234)
REPO = PEOPLE.repository
parse = partial(parsed, github)


def all_of(delivery: Sent) -> Any:
    headers = {name.lower(): value for name, value in delivery.headers.items()}
    return github.parse(Delivery(headers, delivery.body))


def event_of(delivery: Sent) -> Event:
    (event,) = all_of(delivery)
    assert isinstance(event, Event)
    return event


@pytest.mark.parametrize(
    ("delivery", "action", "text"),
    [
        (
            PEOPLE.issue_changed("assigned", who=("answerbot-app[bot]", 90002, "Bot")),
            Action(type="assigned", name="answerbot-app"),
            "assigned @answerbot-app",
        ),
        (PEOPLE.issue_changed("unassigned"), Action(type="unassigned", name="answerbot"), "unassigned @answerbot"),
        (PEOPLE.issue_changed("labeled"), Action(type="labeled", name="bug"), "added the label bug"),
        (PEOPLE.issue_changed("unlabeled"), Action(type="unlabeled", name="bug"), "removed the label bug"),
        (PEOPLE.issue_changed("closed"), Action(type="state", name="closed"), "closed this issue"),
        (PEOPLE.issue_changed("reopened"), Action(type="state", name="reopened"), "reopened this issue"),
        (PEOPLE.issue_changed("locked"), Action(type="state", name="locked"), "locked this conversation"),
        (
            PEOPLE.pull_request_changed("review_requested"),
            Action(type="review_requested", name="answerbot"),
            "requested a review from @answerbot",
        ),
        (
            PEOPLE.pull_request_changed("review_requested", team="oilers"),
            Action(type="review_requested", name="acme/oilers"),
            "requested a review from @acme/oilers",
        ),
        (
            PEOPLE.pull_request_changed("closed", merged=True),
            Action(type="state", name="merged"),
            "merged this pull request",
        ),
        (PEOPLE.pull_request_changed("closed"), Action(type="state", name="closed"), "closed this pull request"),
        (
            PEOPLE.pull_request_changed("synchronize"),
            Action(type="state", name="synchronize", value="c" * 40),
            "pushed commits to this pull request",
        ),
        (PEOPLE.discussion_changed("labeled"), Action(type="labeled", name="bug"), "added the label bug"),
        (PEOPLE.review("", state="approved"), Action(type="state", name="approved"), "approved this pull request"),
    ],
)
def test_what_is_done_is_an_event_that_says_so(delivery: Sent, action: Action, text: str) -> None:
    event = event_of(delivery)
    assert (event.action, event.text, event.mentions) == (action, text, ())
    assert event.author.name == "octocat"
    assert event.address["repo"] == "acme/widgets"
    assert (event.address["installation"], event.account) == (77, "77")
    assert event.subject is not None
    assert event.subject.title
    assert event.thread == f"github:{REPO}:{event.address['number']}"


def test_an_assigned_issue_comes_with_its_text() -> None:
    subject = event_of(PEOPLE.issue_changed("assigned", body="It squeaks.")).subject
    assert subject is not None
    assert (subject.kind, subject.body) == ("issue", "It squeaks.")


def test_the_same_deed_has_one_id_on_every_hook_and_another_one_when_it_is_repeated() -> None:
    hooks = PEOPLE, GitHub()
    first, second = [event_of(hook.issue_changed("labeled", at=1_700_000_000)).delivery for hook in hooks]
    assert first == second
    assert event_of(PEOPLE.issue_changed("labeled", at=1_700_000_060)).delivery != first
    assert event_of(PEOPLE.issue_changed("labeled", label="ui", at=1_700_000_000)).delivery != first


def test_a_transferred_issue_keeps_its_thread_whichever_webhook_comes_first() -> None:
    left = PEOPLE.issue_changed("transferred", number=7, to=("acme/gadgets", 1))
    (moved,) = all_of(left)
    there = GitHub(repo="acme/gadgets")
    assert isinstance(moved, Moved)
    assert (moved.thread, moved.to) == (f"github:{REPO}:7", f"github:{there.repository}:1")
    opened = json.loads(there.issue(number=1).body)
    opened["changes"] = {"old_issue": {"number": 7}, "old_repository": {"id": REPO, "full_name": "acme/widgets"}}
    (again,) = all_of(there.signed("issues", opened, None))
    assert (again.thread, again.to) == (moved.thread, moved.to)
    discussion = json.loads(PEOPLE.discussion_changed("locked", number=9).body) | {"action": "transferred"}
    discussion["changes"] = {"new_discussion": {"number": 4}, "new_repository": {"id": 5, "full_name": "acme/gadgets"}}
    (moved,) = all_of(PEOPLE.signed("discussion", discussion, None))
    assert (moved.thread, moved.to) == (f"github:{REPO}:9", "github:5:4")


def test_a_button_of_a_check_run_is_an_event_of_the_thread_that_made_it() -> None:
    event = parse("check_run.requested_action")
    assert event.thread == "github:681234907:1350"
    button = Action(type="button", name="fix", value="typo", message="check_run:6000000")
    assert event.action == button
    assert event.address == {"repo": "acme/widgets", "number": 1350, "installation": 48210377, "pull": 1}
    pull = event_of(PEOPLE.check_run(identifier="fix", number=8))
    assert pull.thread == f"github:{REPO}:8"
    lines = event_of(PEOPLE.check_run(content={"external_id": "answerback:ab.check0@8:review:123"}, identifier="fix"))
    assert (lines.thread, lines.address["root"]) == (f"github:{REPO}:8:review:123", 123)


def test_a_check_run_of_nobodys_is_ignored() -> None:
    for delivery in (PEOPLE.check_run(identifier="fix"), PEOPLE.check_run("created"), PEOPLE.check_run("completed")):
        assert isinstance(all_of(delivery), Ignored)


def test_a_button_pressed_twice_is_one_event_until_its_run_changes() -> None:
    def press(completed: str) -> str:
        return event_of(PEOPLE.check_run(identifier="fix", number=8, content={"completed_at": completed})).delivery

    assert press("2026-01-01T00:00:00Z") == press("2026-01-01T00:00:00Z") != press("2026-01-01T00:01:00Z")


def test_a_resolved_review_thread_is_an_event_of_it() -> None:
    event = event_of(PEOPLE.review_thread("resolved", root=123))
    assert (event.thread, event.action) == (f"github:{REPO}:8:review:123", Action(type="state", name="resolved"))
    assert event.address["root"] == 123


def test_an_installation_comes_and_goes_with_its_name_and_what_it_may_do() -> None:
    for action, suspended in (("deleted", False), ("suspend", True)):
        (gone,) = all_of(PEOPLE.installed(action))  # type: ignore[arg-type]
        assert isinstance(gone, Uninstalled)
        assert (gone.account, gone.name, gone.suspended, gone.at > 0) == ("77", "acme", suspended, suspended)
    for action in ("created", "unsuspend"):
        (there,) = all_of(PEOPLE.installed(action))  # type: ignore[arg-type]
        assert isinstance(there, Installed)
        assert (there.account.title, there.account.removed, there.at) == ("acme (77)", 0, 0)
        assert {"issues:read", "issues:write", "event issues"} <= set(there.account.scopes)
    # New permissions of an installation that is suspended do not make it usable.
    body = json.loads(PEOPLE.installed("suspend").body) | {"action": "new_permissions_accepted"}
    (still,) = all_of(PEOPLE.signed("installation", body, None))
    assert isinstance(still, Uninstalled)
    for other in ("opened", "\x1b[2J", 3):
        body["action"] = other
        assert isinstance(all_of(PEOPLE.signed("installation", body, None)), Ignored)
    with pytest.raises(MalformedBody):
        all_of(PEOPLE.signed("installation", {"action": "deleted"}, None))
    owner = {"account": {"slug": "big-corp"}, "updated_at": 1_700_000_000, "permissions": "none"}
    body |= {"action": "created", "installation": {"id": 5, **owner}}
    (enterprise,) = all_of(PEOPLE.signed("installation", body, None))
    assert (enterprise.account.name, enterprise.account.scopes) == ("big-corp", ())


def test_files_in_a_text_are_attachments_that_are_fetched_later() -> None:
    image, log = parse("issue_comment.created.attachments").attachments
    assert (image.name, image.content_type) == ("screenshot", "image/*")
    assert (log.name, log.content_type.partition("/")[0]) == ("trace.log", "text" if log.content_type else "")
    remote = msgspec.json.decode(image.remote, type=Remote)
    assert remote.url == "https://github.com/user-attachments/assets/0f3c0007-f5b7-41ef-8d2a-6a1b2c3d4e5f"
    assert (remote.repo, remote.number, remote.message) == ("acme/widgets", 1347, "issue_comment:2691234501")
    assert remote.installation == 48210377


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("see https://github.com/user-attachments/files/1/a.pdf.", ["a.pdf"]),
        ('<img width="3" alt="a b" src="https://github.com/user-attachments/assets/12-34">', ["a b"]),
        ("![](https://user-images.githubusercontent.com/1/2-3.png)", ["2-3.png"]),
        ("[x](https://github.com/acme/widgets/files/123/log.txt)", ["log.txt"]),
        (
            "![a](https://github.com/user-attachments/assets/1) again ![b](https://github.com/user-attachments/assets/1)",
            ["a"],
        ),
        ("[../../x](https://github.com/user-attachments/assets/1)", ["....x"]),
        ("https://example.com/a.png and https://github.com/acme/widgets/files", []),
        ("https://[/user-attachments/assets/1", []),
        (" ".join(f"https://github.com/user-attachments/files/{n}/a.pdf" for n in range(30)), ["a.pdf"] * MOST),
    ],
)
def test_a_link_to_a_file_of_githubs_is_one(text: str, names: list[str]) -> None:
    assert [one.name for one in event_of(PEOPLE.issue_comment(text)).attachments] == names


def test_the_comments_of_a_review_are_fetched_with_it() -> None:
    (comments,) = event_of(PEOPLE.review_with_comments([(4, "Why?")], "Two things.", review=5)[0]).attachments
    assert comments.name == "review-comments.md"
    assert msgspec.json.decode(comments.remote, type=Remote).review == 5


@given(st.text() | st.text("![]()<img src=\"https://user-attachments/files/1'>", max_size=400))
def test_any_text_has_files_or_none(text: str) -> None:
    address: Address = {"repo": "acme/widgets", "number": 1}
    for one in attached_files(f"{text} /files/", address, "issue_comment:1"):
        assert one.name
        assert msgspec.json.decode(one.remote, type=Remote).url


@pytest.mark.parametrize("piece", ["[", "![", "<img ", "![a](", "https://", "<img src='", "[]("])
def test_hostile_texts_take_linear_time(piece: str) -> None:
    address: Address = {"repo": "acme/widgets", "number": 1}
    assert attached_files(piece * 20_000 + "/user-attachments/", address, "issue_comment:1") == ()


@given(st.text(), st.text())
def test_any_external_id_and_identifier_is_understood(id: str, text: str) -> None:
    assert parse_external_id(id) == ""
    name, value = parse_identifier(text)
    assert identifier(name, value) == text.removesuffix("=") or value
