"""What people do in Slack besides writing reaches the agent once, in the thread where they did it."""

from __future__ import annotations

from tests.acceptance.system import System, until
from tests.standins.client import StandIns

AGENTS = "tests.acceptance.slack_agents:agents"
ROOT = "1700000000.000100"
THREAD = f"slack:T0STANDIN:C1:{ROOT}"
ASK = {"channel": "C1", "ts": ROOT, "text": "<@U0ANSWERBOT> deploy it"}


async def test_buttons_commands_and_reactions_are_answered_where_they_are_used(
    system: System, standins: StandIns
) -> None:
    await system.ingress()
    await system.worker(AGENTS)
    await standins.act("slack", "say", **ASK)
    (asked,) = await standins.wait_for_messages(1, "slack")
    assert (asked.thread, asked.body) == (f"C1/{ROOT}", "Deploy?")
    # Our own message has come back before anybody reacts to it.
    await standins.wait_for_deliveries(3)
    here = {"channel": "C1", "ts": asked.id}
    await standins.act("slack", "press", **here, action_id="approve")
    *_, pressed = await standins.wait_for_messages(2, "slack")
    assert (pressed.thread, pressed.body) == (f"C1/{ROOT}", "pressed Yes (value: 42) (button approve: 42)")
    await standins.act("slack", "react", **here, reaction="tada")
    *_, thanked = await standins.wait_for_messages(3, "slack")
    assert (thanked.thread, thanked.body) == (f"C1/{ROOT}", "reacted with :tada: (reaction tada: )")
    await standins.act("slack", "command", channel="C1", command="/deploy", text="frames")
    *_, commanded = await standins.wait_for_messages(4, "slack")
    assert (commanded.thread, commanded.body) == ("C1", "/deploy frames (command /deploy: frames)")
    await standins.act("slack", "shortcut", **here, callback_id="again")
    *_, used = await standins.wait_for_messages(5, "slack")
    assert used.thread == f"C1/{ROOT}"
    shown = [one for one in await standins.deliveries() if one["answer"] and one["event"] != "event_callback"]
    assert not shown, "Slack shows it to the person"
    assert all(one["status"] == "OK" for one in await standins.deliveries())


async def test_the_stop_button_and_a_reaction_cancel_the_turn(system: System, standins: StandIns) -> None:
    await system.ingress()
    await system.worker(AGENTS)
    await standins.act("slack", "say", **{**ASK, "text": "<@U0ANSWERBOT> wait"})

    async def processing() -> list[str]:
        return [one["status"] for one in (await standins.state("slack"))["sessions"]]

    await until(processing, lambda found: found == ["processing"], what="the stop button")
    await standins.act("slack", "stop", channel="C1", thread_ts=ROOT)
    await system.quiet(1)
    await until(processing, lambda found: found == ["active"], what="the end of the session")
    # In the thread: the reaction names the message only.
    later = await standins.act("slack", "say", channel="C1", thread_ts=ROOT, text="<@U0ANSWERBOT> wait again")
    await until(processing, lambda found: found == ["processing"], what="the second turn")
    await standins.act("slack", "react", channel="C1", ts=later["ts"], reaction="octagonal_sign")
    await system.quiet(2)
    system.release()
    assert await standins.messages("slack") == []
    assert await system.answers(THREAD) == []
