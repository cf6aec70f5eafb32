"""Edits and deletions in any order: what is gone is not answered, and a mention is heard when it is added."""

from __future__ import annotations

import time

from answerback.testing.standins.signatures import Delivery
from tests.acceptance.system import System
from tests.fixtures.deliveries import load, signed
from tests.standins.client import StandIns

ADDRESSED = "tests.acceptance.agents:addressed"


def _delivery(system: System, name: str) -> Delivery:
    found = signed("github", load("github", name), system.settings["GITHUB_WEBHOOK_SECRET"], time.time())
    return Delivery(dict(found.headers), found.body, found.headers["x-github-delivery"])


async def test_a_mention_that_an_edit_adds_is_answered_once(system: System, standins: StandIns) -> None:
    await system.ingress()
    await system.worker(ADDRESSED)
    await system.deliver("github", _delivery(system, "issue_comment.created.mention_added"))
    await system.quiet(1)
    assert not await standins.messages("github")
    edit = _delivery(system, "issue_comment.edited.mention_added")
    receipt = await system.deliver("github", edit)
    assert (receipt["status"], receipt["reason"]) == ("accepted", "an edit added a mention")
    await standins.wait_for_messages(1, "github")
    assert (await system.deliver("github", edit))["status"] == "duplicate"
    await system.quiet(2)
    [answer] = await standins.messages("github")
    assert answer.body.startswith("echo: @answerbot please look at this")


async def test_a_comment_that_was_deleted_before_it_came_is_not_answered(system: System, standins: StandIns) -> None:
    await system.ingress()
    await system.worker(ADDRESSED)
    await system.deliver("github", _delivery(system, "issue_comment.deleted.before_its_message"))
    receipt = await system.deliver("github", _delivery(system, "issue_comment.created.before_its_message"))
    assert (receipt["status"], receipt["reason"]) == ("ignored", "its message was deleted before it arrived")
    await system.deliver("github", _delivery(system, "issue_comment.created.mention_added"))
    assert (await system.quiet(1)).accepted == 1
    assert not await standins.messages("github")
