"""Reviews, check runs, edits and reactions on GitHub: each takes effect once, whoever dies after its request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from answerback.store.fleet.accounts import Accounts
from answerback.testing.standins.sender import GitHub
from tests.acceptance.system import System, until
from tests.standins.bench import KEY
from tests.standins.client import StandIns

REVIEWS = "tests.acceptance.agents:reviews"
REQUESTS = (
    "reactions/create-for-issue-comment", "checks/create", "issues/create-comment", "issues/update-comment",
    "issues/delete-comment", "pulls/create-review", "checks/update", "reactions/delete-for-issue-comment",
)  # fmt: skip
"""The requests of a turn, in the order in which they are made."""


@pytest.mark.parametrize("echoes", [True, False], ids=["with echoes", "without"])
async def test_each_is_there_once_when_workers_die_after_the_request(tmp_path: Path, echoes: bool) -> None:
    key = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    async with (
        StandIns.start(tmp_path, app_key=key) as standins,
        System.running(tmp_path, standins.environment()) as system,
    ):
        await system.ingress()
        if echoes:
            await standins.send_webhooks_to(f"http://127.0.0.1:{system.port}/webhooks/{{platform}}")
        people = {method: f"pull-{number}" for number, method in enumerate(REQUESTS)}
        rules = []
        for method, repo in people.items():
            fault: dict[str, Any] = {"operation": method, "contains": repo, "do": "stall-after", "seconds": 60}
            rules.append(await standins.add_fault(platform="github", times=1, **fault))
        doomed = await system.worker(REVIEWS)
        for repo in people.values():
            asked = GitHub(repo=f"acme/{repo}", installation=77).issue_comment(repo, number=8, pull_request=True)
            await standins.knows(asked)
            await system.deliver("github", asked)
        for rule in rules:
            await standins.wait_until_fired(rule)
        await doomed.kill()
        for rule in rules:
            await standins.remove_fault(rule)
        await system.worker(REVIEWS)
        await system.quiet(len(people))
        letters = [letter async for letter in system.letters.list()]
        assert not letters
        messages = await standins.messages("github")
        for repo in people.values():
            shown = [
                message.body.partition("\n")[0]
                for message in messages
                if message.thread.startswith(f"acme/{repo}#") and not message.deleted
            ]
            assert shown == ["Looked at it.", "Almost.", f"reviewed: {repo}"], repo
        for method in ("checks/create", "pulls/create-review", "issues/create-comment"):
            asked_for = [request.path for request in await standins.requests("github", method)]
            # A comment that is edited, one that is deleted, and the answer.
            each = 3 if method == "issues/create-comment" else 1
            assert len(asked_for) == each * len(people), method
        if echoes:
            await _is_suspended_and_comes_back(system, standins)


async def _is_suspended_and_comes_back(system: System, standins: StandIns) -> None:
    """What an app may no longer answer waits as a dead letter, and is answered when it may."""
    accounts = Accounts(system.database, None)

    async def states() -> list[tuple[str, bool]]:
        return [(account.title, account.suspended) for account in await accounts.list("github")]

    async def answered() -> bool:
        return any(message.body.startswith("reviewed: late") for message in await standins.messages("github"))

    await until(states, lambda found: found == [("acme (77)", False)])  # the worker listed it: no webhook said so
    await standins.change_installation("suspended")
    await until(states, lambda found: found == [("acme (77)", True)])
    asked = GitHub(repo="acme/late", installation=77).issue_comment("late", number=8, pull_request=True)
    await standins.knows(asked)
    await system.deliver("github", asked)
    await system.quiet(len(REQUESTS) + 1)
    letters = [letter async for letter in system.letters.list()]
    assert letters
    assert all("suspended" in letter.reason or "was not posted" in letter.reason for letter in letters)
    await standins.change_installation("active")
    await until(states, lambda found: found == [("acme (77)", False)])
    for letter in reversed(letters):
        await system.letters.replay(letter.id)
    await until(answered)
