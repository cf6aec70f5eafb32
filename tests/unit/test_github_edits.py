"""GitHub's webhooks of edits and deletions: what they amend, and the mentions that an edit adds."""

from __future__ import annotations

from functools import partial

import msgspec
import pytest

from answerback.events import Amendment
from answerback.platforms import Ignored, github
from tests.fixtures.deliveries import parsed

parse = partial(parsed, github)


def test_two_edits_are_two_and_one_edit_told_twice_is_one() -> None:
    first, again = parse("issue_comment.edited"), parse("issue_comment.edited", sender=None)
    assert first.delivery == again.delivery
    later = parse("issue_comment.edited", comment__updated_at="2026-01-01T00:00:00Z")
    other = parse("issue_comment.edited", comment__body="something else")
    deleted = parse("issue_comment.deleted")
    assert len({each.delivery for each in (first, later, other, deleted, parse("issue_comment.created"))}) == 5


def test_an_edit_amends_the_message_it_edits() -> None:
    created, edited = parse("issue_comment.created"), parse("issue_comment.edited")
    assert isinstance(edited, Amendment)
    assert (edited.thread, edited.message) == (created.thread, created.message)
    assert (edited.text, edited.mentions) == ("Same here on Firefox 136, @answerbot", ("answerbot",))
    assert parse("issues.edited").message == parse("issues.opened").message


def test_an_edit_of_something_else_than_the_text_is_ignored() -> None:
    assert isinstance(parse("issues.edited", changes={"milestone": {"from": None}}), Ignored)


def test_a_deletion_amends_with_nothing() -> None:
    deleted = parse("issue_comment.deleted")
    assert isinstance(deleted, Amendment)
    assert deleted.text is None
    assert deleted.message == parse("issue_comment.created").message


def edited(before: str | None, after: str) -> Amendment:
    changes = {} if before is None else {"body": {"from": before}}
    found = parse("issue_comment.edited", comment__body=after, changes=changes or {"title": {"from": "x"}})
    assert isinstance(found, Amendment)
    return found


def test_an_edit_that_adds_a_mention_carries_its_event() -> None:
    amendment = edited("please look, @ada", "@Answerbot please look, @ada")
    heard = amendment.event
    assert heard is not None
    assert (heard.mentions, heard.edited, heard.text) == (("answerbot",), "mention", "@Answerbot please look, @ada")
    assert (heard.message, heard.thread) == (amendment.message, amendment.thread)
    assert heard.address["repo"]
    # Once, however often it is edited afterwards; for another name again.
    assert edited("please look", "@answerbot please, please look").event is not None
    again = edited("please look", "@answerbot please, please look").event
    assert again is not None
    assert again.delivery == heard.delivery
    other = edited("please look", "@ravi-k please look").event
    assert other is not None
    assert other.delivery != heard.delivery


@pytest.mark.parametrize(
    ("before", "after"),
    [("@answerbot hi", "@answerbot hello"), ("hi", "hello"), ("hi", "`@answerbot` hello"), ("@answerbot hi", "hi")],
)
def test_an_edit_that_adds_none_is_no_event(before: str, after: str) -> None:
    assert edited(before, after).event is None


def test_an_edit_says_when_it_was_made() -> None:
    assert parse("issue_comment.edited", comment__updated_at="2025-03-01T12:00:00Z").at == 1_740_830_400_000
    assert parse("issue_comment.edited", comment__updated_at=None).at == 0
    assert parse("issue_comment.edited", comment__updated_at="soon").at == 0


def test_a_mention_that_a_program_or_we_add_to_a_persons_words_is_the_editors() -> None:
    reviewer = {"id": 136622811, "login": "coderabbitai[bot]", "type": "Bot"}
    by_person, by_bot = (
        parse("issue_comment.edited.mention_added"),
        parse("issue_comment.edited.mention_added", sender=reviewer),
    )
    assert by_person.event.author.kind == "person"
    assert by_bot.event.author == msgspec.structs.replace(by_person.event.author, kind="bot")
    assert {*by_person.event.identities} < {*by_bot.event.identities}
    assert "login:coderabbitai[bot]" in by_bot.event.identities


def test_an_edit_without_a_new_mention_is_an_event_for_who_is_told_of_edits() -> None:
    amendment = edited("please look", "please look again")
    assert amendment.event is None
    assert amendment.edit is not None
    assert (amendment.edit.delivery, amendment.edit.edited) == (amendment.delivery, "text")
    assert (amendment.edit.text, amendment.edit.arrival) == ("please look again", "queue")
    assert edited("please look", "  ").edit is None
