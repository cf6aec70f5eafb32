"""GitHub as people use it: files in their texts, edits of what was answered, and echoes that settle what was posted."""

from __future__ import annotations

import asyncio
from typing import Any

from answerback.testing.standins.sender import GitHub
from answerback.testing.standins.signatures import Delivery
from tests.acceptance.system import System
from tests.standins.client import StandIns

ADA = GitHub(login="ada", user_id=7)
LISTS = ("issues/list-comments", "pulls/list-review-comments", "graphql/node")
POSTS = ("issues/create-comment", "pulls/create-reply-for-review-comment", "graphql/addDiscussionComment")


async def test_files_in_a_text_are_read_and_what_cannot_be_had_is_said(system: System, standins: StandIns) -> None:
    await system.ingress()
    await system.worker("tests.acceptance.agents:files")
    image = await standins.attach("shot.png", b"\x89PNG and more", private=True)
    gone = f"{standins.url}/github/user-attachments/files/1/log.txt"
    lost = await standins.add_fault(platform="github", operation="attachments/download-signed", do="drop", times=1)
    asked = ADA.issue_comment(f"@answerbot look: ![shot]({image}) and [log.txt]({gone})")
    await standins.knows(asked)
    await system.deliver("github", asked)
    [comment] = await standins.wait_for_messages(1, "github")
    assert await standins.fired(lost) == 1
    first, second = comment.body.splitlines()[:2]
    assert first == "shot image/png 13"
    assert second.startswith("log.txt: log.txt could not be downloaded (404): it is gone, or GitHub gives it only to")


async def test_an_edited_question_is_answered_again(system: System, standins: StandIns) -> None:
    # The worker first: ingress asks the workers when it starts, and every few seconds.
    await system.worker("tests.acceptance.agents:again")
    await system.ingress()
    where: dict[str, Any] = {"comment": 5, "at": 1_700_000_000.0}
    await system.deliver("github", ADA.issue_comment("@answerbot one", **where))
    await standins.wait_for_messages(1, "github")
    edit = ADA.issue_comment("@answerbot two", action="edited", before="@answerbot one", **where)
    for _ in range(2):
        await system.deliver("github", edit)
    await standins.wait_for_messages(2, "github")
    await system.quiet(2)
    bodies = [message.body.partition("\n")[0] for message in await standins.messages("github")]
    assert bodies == ["0 before: @answerbot one", "0 before: @answerbot two"]


def _places() -> list[Delivery]:
    return [
        ADA.issue_comment("@answerbot issue", number=1),
        ADA.issue_comment("@answerbot pull", number=2, pull_request=True),
        ADA.review_comment("@answerbot lines", number=3, comment=31),
        ADA.review("@answerbot review", number=4),
        ADA.discussion("@answerbot discussion", number=5),
        ADA.discussion_comment("@answerbot below", number=6, comment=62, parent=61),
    ]


async def test_an_echo_settles_a_reply_that_cannot_be_looked_for(system: System, standins: StandIns) -> None:
    """The worker dies after its POSTs, and `find` is refused for ever: nothing is lost, nothing is doubled."""
    await system.ingress()
    await standins.send_webhooks_to(f"http://127.0.0.1:{system.port}/webhooks/{{platform}}")
    rules = [
        await standins.add_fault(platform="github", operation=operation, do="stall-after", seconds=60, times=2)
        for operation in POSTS
    ]
    doomed = await system.worker("tests.acceptance.agents:forgetful")
    places = _places()
    await standins.knows(*places)
    for delivery in places:
        await system.deliver("github", delivery)
    await standins.wait_for_messages(len(places), "github")
    await asyncio.gather(*[standins.wait_until_fired(rule) for rule in rules])
    for operation in LISTS:
        # Not the queries for a parent: those come before a post.
        contains = "comments(last" if operation == "graphql/node" else ""
        await standins.add_fault(
            platform="github", operation=operation, contains=contains, do="rate-limit", seconds=3600
        )
    await doomed.kill()
    await system.worker("tests.acceptance.agents:forgetful")
    await system.deliver("github", ADA.issue_comment("@answerbot at last", number=9))
    await standins.wait_for_messages(len(places) + 1, "github")
    await system.quiet(len(places) + 1)
    posted = await standins.messages("github")
    assert sorted(message.body.partition("\n")[0] for message in posted) == sorted(
        f"echo: @answerbot {word}" for word in ("issue", "pull", "lines", "review", "discussion", "below", "at last")
    )
