"""An agent that asks for it gets the platform's payload, in every attempt, until its turn has committed."""

from __future__ import annotations

from answerback.testing.standins.sender import GitHub
from tests.acceptance.system import System
from tests.standins.client import StandIns


async def test_an_agent_that_asks_gets_the_payload_of_a_webhook(system: System, standins: StandIns) -> None:
    # The worker first: ingress asks the workers when it starts, and every few seconds.
    await system.worker("tests.acceptance.dispatched:agents")
    await system.ingress()
    await system.deliver("github", GitHub().issue("It squeaks", title="Squeak", number=7))
    [comment] = await standins.wait_for_messages(1, "github")
    assert comment.body.splitlines()[0] == "Squeak was opened in acme/widgets (attempt 2)"
