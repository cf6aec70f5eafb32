"""What people do in Slack besides writing reaches the agent once, in the thread where they did it."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

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
    found = await standins.wait_for_deliveries(1)
    assert not [one for one in found if one["answer"] and one["event"] != "event_callback"], "people see it"


async def test_forms_are_opened_and_sent_in_the_thread_of_a_command_also_where_the_app_is_no_member(
    system: System, standins: StandIns
) -> None:
    async def views() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await standins.state("slack"))["views"]
        return found

    await system.ingress()
    await system.worker(AGENTS)
    await standins.act("slack", "command", channel="C1", command="/report")
    (view,) = await until(views, what="the form")
    await standins.act("slack", "suggest", view_id=view["id"], action_id="where", text="room 14")

    async def suggested() -> list[str]:
        deliveries = await standins.wait_for_deliveries(1)
        return [one["answer"] for one in deliveries if one["event"] == "block_suggestion" and one["answer"]]

    (options,) = await until(suggested, what="the options")
    labels = [option["text"]["text"] for option in json.loads(options)["options"]]
    assert labels == ["Room 14", *(f"Room {number}" for number in range(140, 150))]
    entered = {"what": {"what": {"type": "plain_text_input", "value": "the door"}}}
    await standins.act("slack", "submit", view_id=view["id"], values=entered)
    (answer,) = await standins.wait_for_messages(1, "slack")
    assert (answer.thread, answer.body) == ("C1", "sent Report\nwhat: the door (form report: )")
    await standins.wait_for_deliveries(3)
    late = {"ok": False, "error": "expired_trigger_id"}
    await standins.add_fault(platform="slack", operation="views.open", do="status", status=200, body=late)
    await standins.act("slack", "command", channel="C1", command="/report", user="UADA")
    *_, told = await standins.wait_for_messages(2, "slack")
    assert told.thread == "C1@UADA"
    assert "could not be opened in time" in told.body

    await standins.act("slack", "kick", channel="C9")
    await standins.act("slack", "command", channel="C9", command="/deploy", text="frames")
    *_, outside = await standins.wait_for_messages(3, "slack")
    assert (outside.operation, outside.thread) == ("response_url", "C9")
    assert outside.body == "/deploy frames (command /deploy: frames)"
    await system.quiet(4)
    assert [letter async for letter in system.letters.list()] == []

    # The answer began a thread for people. For the agent, the one of the command goes on, as ingress learns soon.
    later = answer
    for count in range(4, 100):
        await standins.act("slack", "say", channel="C1", thread_ts=answer.id, text="<@U0ANSWERBOT> who?")
        *_, later = await standins.wait_for_messages(count, "slack")
        assert later.thread == f"C1/{answer.id}"
        if later.body.startswith("ada: /report | ada: sent Report"):
            break
        await asyncio.sleep(0.2)
    else:
        raise AssertionError(later)


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


async def test_a_direct_chat_is_one_conversation_if_the_agent_has_it_so(system: System, standins: StandIns) -> None:
    await system.worker("tests.acceptance.slack_agents:chatting")
    await system.ingress()
    await standins.act("slack", "say", channel="D1", text="first")
    (asked,) = await standins.wait_for_messages(1, "slack")
    assert (asked.thread, asked.body) == ("D1", "Deploy?")
    await standins.wait_for_deliveries(2)
    await standins.act("slack", "say", channel="D1", text="second")
    *_, second = await standins.wait_for_messages(2, "slack")
    assert (second.thread, second.body) == ("D1", "after first: second")
    await standins.act("slack", "press", channel="D1", ts=asked.id, action_id="approve")
    *_, pressed = await standins.wait_for_messages(3, "slack")
    assert pressed.thread == "D1"
    await standins.act("slack", "say", channel="D1", thread_ts=asked.id, text="aside")
    *_, aside = await standins.wait_for_messages(4, "slack")
    assert aside.thread == f"D1/{asked.id}"
    assert len(await system.answers("slack:T0STANDIN:D1")) == 3

    # Without a thread there is no status: a reaction says that the message is being answered. What was said in the
    # chat before the app listened belongs to it.
    await standins.say("slack", text="earlier", user="UADA", channel="D2")

    async def reacted() -> list[str]:
        operations = [request.operation for request in await standins.requests("slack")]
        return [each for each in operations if each.startswith("reactions.")]

    await standins.act("slack", "say", channel="D2", text="wait")
    await until(reacted, lambda found: found == ["reactions.add"], what="the reaction")
    system.release()
    await until(reacted, lambda found: found == ["reactions.add", "reactions.remove"], what="the end of the reaction")
    await standins.act("slack", "say", channel="D2", text="now")
    *_, now = await standins.wait_for_messages(6, "slack")
    assert (now.thread, now.body) == ("D2", "after earlier: now")


async def test_files_are_read_also_those_of_another_organization_and_what_is_missing_is_said(
    system: System, standins: StandIns
) -> None:
    await system.ingress()
    await system.worker(AGENTS)
    png = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
    sent = {"channel": "D1", "name": "a.png", "content": png, "text": ""}
    await standins.act("slack", "upload", **sent)
    (read,) = await standins.wait_for_messages(1, "slack")
    assert read.body == "image/png: 8"
    await standins.act("slack", "upload", **sent, hidden=True)
    *_, shared = await standins.wait_for_messages(2, "slack")
    assert shared.body == "image/png: 8"
    away = {"Location": f"{standins.url}/slack/signin"}
    await standins.add_fault(
        platform="slack", operation="files.download", do="status", status=302, headers=away, body=""
    )
    await standins.act("slack", "upload", **sent)
    *_, missing = await standins.wait_for_messages(3, "slack")
    assert "files:read" in missing.body


async def test_people_and_channels_have_names_which_are_asked_for_once(system: System, standins: StandIns) -> None:
    async def asked() -> tuple[int, int]:
        counts = (await standins.counts())["slack"]
        return counts.get("users.info", 0), counts.get("conversations.info", 0)

    await system.ingress()
    await system.worker(AGENTS)
    for id, name in {"UADA": "Ada Lovelace", "UEVE": "Eve", "C1": "deploys", "C2": "night shift"}.items():
        await standins.act("slack", "name", id=id, name=name)
    here = {"channel": "C1", "thread_ts": ROOT}
    await standins.act("slack", "say", channel="C1", ts=ROOT, user="UEVE", text="ask <@UADA>")
    await system.quiet(1)
    await standins.act("slack", "say", **here, user="UADA", text="<@U0ANSWERBOT> who is <@UEVE> of <#C2>?")
    [first] = await standins.wait_for_messages(1, "slack")
    words = "Ada in deploys: @answerbot who is @Eve of #night shift?"
    assert first.body == f"Eve: ask @Ada | {words}"
    assert await asked() == (3, 2)
    await standins.act("slack", "say", **here, user="UEVE", text="<@U0ANSWERBOT> who else?")
    *_, second = await standins.wait_for_messages(2, "slack")
    *said, last = second.body.split(" | ")
    assert (said[-1], last) == (words.replace(" in deploys", ""), "Eve in deploys: @answerbot who else?")
    assert await asked() == (3, 2)

    # Without the scope, or in time: the ids stay, and Slack is left alone for a while.
    body = {"ok": False, "error": "missing_scope", "needed": "users:read"}
    await standins.add_fault(platform="slack", operation="users.info", do="status", status=200, body=body)
    await standins.add_fault(platform="slack", operation="conversations.info", do="stall", seconds=30)
    for number, user in enumerate(("UBOB", "UKIM"), 3):
        await standins.act("slack", "say", channel="C3", user=user, text="<@U0ANSWERBOT> who is <@UEVE>?")
        *_, answer = await standins.wait_for_messages(number, "slack")
        assert answer.body == " in : @answerbot who is @Eve?"
    assert await asked() == (4, 3)
    names = [key async for key in system.database.scan("ab:{names:*")]
    assert len(names) == 5
