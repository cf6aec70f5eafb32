"""The examples, each run as its first lines say, on real processes, offline."""

from __future__ import annotations

import base64
import sqlite3
from pathlib import Path

import aiohttp
import msgspec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from answerback.testing.standins.options import Options
from answerback.testing.standins.sender import GitHub, Slack, Telegram, Twilio, WhatsApp
from tests.acceptance.caller import calling
from tests.acceptance.chatting import client
from tests.acceptance.system import System, free_port, until
from tests.standins.bench import KEY
from tests.standins.client import StandIns


async def test_a_new_issue_gets_one_triage_comment_and_a_mention_an_answer(system: System, standins: StandIns) -> None:
    await system.ingress()
    await system.worker("examples.github_triage:agents")
    opened = GitHub().issue('It stumbles over tabs, use tool owner {"area": "parser"}', title="Tabs", number=7)
    for _ in range(2):
        await system.deliver("github", opened)
    await system.deliver("github", GitHub().issue_comment("Here, too.", number=7))
    await system.quiet(2)
    [comment] = await standins.messages("github")
    assert (comment.thread, comment.body.splitlines()[0]) == ("acme/widgets#7", "owner returned: @ada")
    [told, _] = await standins.requests("model", "chat.completions")
    assert "You triage issues of acme/widgets." in told.body
    assert "The issue's title: Tabs" in told.body
    await system.deliver("github", GitHub().issue_comment("@answerbot, and now?", number=7, title="Tabs"))
    _, answer = await standins.wait_for_messages(2, "github")
    assert answer.body.startswith(
        "You said: <about>\nIssue: Tabs (opened by hubot)\n</about>\noctocat: @answerbot, and now?"
    )
    # What it did not answer is known all the same.
    assert "Here, too." in (await standins.requests("model", "chat.completions"))[-1].body
    # An issue that mentions us gets one comment, too.
    await system.deliver("github", GitHub().issue("It squeaks, @answerbot", number=8))
    await system.quiet(4)
    assert [posted.thread for posted in (await standins.messages("github"))[2:]] == ["acme/widgets#8"]


async def test_a_requested_review_is_a_review_and_a_check_run_with_a_button(tmp_path: Path) -> None:
    key = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    async with (
        StandIns.start(tmp_path, app_key=key) as standins,
        System.running(tmp_path, standins.environment()) as system,
    ):
        await system.ingress()
        await system.worker("examples.github_triage:agents")
        ada = GitHub(installation=77, app_id=1234, login="ada", user_id=7)
        bot = ("answerbot-app[bot]", 90002, "Bot")
        await system.deliver("github", ada.pull_request_changed("review_requested", number=8, who=bot))
        await system.quiet(1)

        async def shown() -> bool:
            posted = await standins.messages("github")
            return len(posted) == 2 and len(posted[0].edits) == 1

        await until(shown)
        run, review = await standins.messages("github")
        assert run.body.startswith("triage: neutral\ntriage\nYou said: ")
        assert review.operation == "pulls/create-review"
        [made] = await standins.requests("github", "checks/create")
        ours = {"external_id": msgspec.json.decode(made.body)["external_id"]}
        button = ada.check_run(run=int(run.id), identifier="take", content=ours)
        for _ in range(2):
            await system.deliver("github", button)
        *_, taken = await standins.wait_for_messages(3, "github")
        await system.quiet(2)
        assert taken.body == "triage: success\ntriage\nada looks at it."
        assert len(await standins.messages("github")) == 3


async def test_a_mention_on_slack_gets_one_threaded_answer_and_one_ticket(system: System, standins: StandIns) -> None:
    tickets = system.folder / "tickets.db"
    await system.ingress()
    await system.worker("examples.slack_helpdesk:agents", TICKETS=str(tickets))
    text, ts = (
        '<@U0ANSWERBOT> my screen is broken, use tool open_ticket {"summary": "a broken screen"}',
        "1700000000.000100",
    )
    # Slack tells of a mention twice.
    await system.deliver("slack", Slack().mention(text, ts=ts))
    await system.deliver("slack", Slack().message(text, ts=ts))
    await standins.wait_for_messages(3, "slack")
    await system.quiet(1)
    [ticket, file, answer] = await standins.messages("slack")
    assert (file.body, file.thread) == ("", ticket.thread)
    [stored] = (await standins.state("slack"))["files"]
    assert (stored["title"], b"my screen is broken" in base64.b64decode(stored["content"])) == ("ticket-1.txt", True)
    assert (ticket.body, len(ticket.blocks[1]["elements"])) == ("Ticket 1: a broken screen", 1)
    assert (answer.thread, answer.body) == (f"C024BE91L/{ts}", "open_ticket returned: ticket 1 is open")
    with sqlite3.connect(tickets) as database:
        [(thread, summary)] = database.execute("SELECT thread, summary FROM tickets").fetchall()
    database.close()
    assert (thread, summary) == (f"slack:T0STANDIN:C024BE91L:{ts}", "a broken screen")


async def test_one_agent_is_on_every_platform(system: System, standins: StandIns) -> None:
    system.settings["PUBLIC_URL"] = Options.twilio_url
    await system.ingress()
    await system.worker("examples.everywhere:agents")
    size = "@answerbot a large one"
    written = {
        "github": [GitHub().issue_comment("@answerbot hello", number=7), GitHub().issue_comment(size, number=7)],
        "slack": [Slack(channel="D1", channel_type="im").message(text) for text in ("hello", size)],
        "telegram": [Telegram().message("hello"), Telegram().message(size)],
        "twilio": [Twilio().message("hello"), Twilio().message(size)],
        "whatsapp": [WhatsApp().text("hello"), WhatsApp().text(size)],
    }
    for platform, deliveries in written.items():
        for delivery in deliveries:
            await system.post(platform, delivery)

    async def sold() -> list[str]:
        texts = [(posted.platform, posted.body) for posted in await standins.messages()]
        asked = {platform for platform, text in texts if "Which widget would you like?" in text}
        return sorted(asked & {platform for platform, text in texts if "large" in text and "14 €" in text})

    await until(sold, lambda found: found == sorted(written), what="a widget being sold everywhere")
    pressed = next(posted for posted in await standins.messages("telegram") if posted.blocks)
    chat, message = map(int, pressed.id.split(":"))
    await standins.act("telegram", "press", chat=chat, message_id=message, label="Small")

    async def small() -> list[str]:
        return [posted.body for posted in await standins.messages("telegram") if "9 €" in posted.body]

    await until(small, what="the answer to the button")
    assert (
        base64.b64decode((await standins.state("telegram"))["files"][0]["content"]) == "1 large widget: 14 €\n".encode()
    )
    assert not [letter async for letter in system.letters.list()]


async def test_the_weather_is_told_and_a_follow_up_keeps_its_context(system: System, standins: StandIns) -> None:
    await system.ingress()
    worker = await system.worker("examples.weather_monitor:agents")
    lisbon = 'use tool get_weather {"city": "Lisbon"}'
    async with client(system) as ada:
        session = await ada.post("/sessions", {"agentId": "weather"}, 201)
        path = f"/sessions/{session['id']}/messages"

        async def ask(question: str) -> str:
            return str((await ada.post(path, {"content": question}))["message"]["content"])

        assert await ask(lisbon) == "get_weather returned: now: Sunny, +15°C, →11km/h, 60%"
        await worker.kill()
        await system.worker("examples.weather_monitor:agents")
        assert await ask("Is that warm?") == "You said: Is that warm?"
        asked = (await standins.requests("model", "chat.completions"))[-1].body
        assert "Lisbon" in asked
        assert "now: Sunny, +15°C" in asked
        later = "get_weather returned: now: Sunny, +16°C, →11km/h, 60%; before: Sunny, +15°C, →11km/h, 60%"
        assert await ask(lisbon) == later
        unknown = 'use tool get_weather {"city": "Atlantis"}'
        assert await ask(unknown) == "get_weather returned: There is no weather for Atlantis."
    async with calling(system) as caller:
        _, found = await caller.get("/v1/agents/weather")
        assert (found["lifecycle"], found["supportsChat"]) == ("long-lived", True)


async def test_an_agent_in_another_process_is_registered_and_talked_to(plain: System) -> None:
    plain.settings["ALLOW_PRIVATE_URLS"] = "true"
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    await plain.start("examples.remote_agent.notes", PORT=str(port))
    await plain.ingress()
    await plain.worker()
    spec = {"lifecycle": "long-lived", "supportsChat": True}
    async with calling(plain, "admin", "chat:read", "chat:write") as caller:
        status, found = await caller.post("/v1/agents", {"id": "notes", "url": url, "runtimeSpec": spec})
        assert (status, found["url"], found["supportsChat"]) == (201, url, True)

        async def say(message: str, session: str) -> str:
            status, answer = await caller.post(f"/agents/notes/{session}", {"message": message})
            assert status == 200, answer
            return str(answer["result"]["response"])

        # Asked before it listens, it is asked again.
        assert (await say("buy oil", "s1")).startswith("Noted. That makes 1;")
        assert (await say("oil the widgets", "s1")).startswith("Noted. That makes 2;")
        assert await say("notes", "s2") == "There are no notes."
        assert await say("notes", "s1") == "1. buy oil\n2. oil the widgets"


async def test_the_remote_agent_answers_a_question_that_is_asked_again_as_before(plain: System) -> None:
    url = f"http://127.0.0.1:{(port := free_port())}/agents/chat/s1"
    process = await plain.start("examples.remote_agent.notes", PORT=str(port))
    async with aiohttp.ClientSession() as session:

        async def ask(message: str, key: str) -> dict[str, str]:
            question, headers = {"message": message, "sessionId": "s1"}, {"Idempotency-Key": key}
            async with session.post(url, json=question, headers=headers) as answer:
                found: dict[str, str] = await answer.json()
                return found

        async def listens() -> dict[str, str]:
            assert process.alive, process.words()
            try:
                return await ask("buy oil", "k1")
            except aiohttp.ClientError:
                return {}

        first = await until(listens, what="the remote agent listening")
        assert await ask("buy oil", "k1") == first
        assert await ask("notes", "k2") == {"response": "1. buy oil"}


async def test_a_fastapi_application_dispatches_and_the_agent_comments_on_that_issue_alone(
    system: System, standins: StandIns
) -> None:
    port = free_port()
    app = await system.start(f"uvicorn examples.chat.app:app --port {port}")
    await system.worker("examples.chat.agents:agents")
    asked = GitHub().issue_comment('use tool comment {"text": "Oil it."}', number=7)
    async with aiohttp.ClientSession() as session:

        async def post(**headers: str) -> tuple[int, dict[str, str]]:
            assert app.alive, app.words()
            try:
                url = f"http://127.0.0.1:{port}/github"
                async with session.post(url, data=asked.body, headers={**asked.headers, **headers}) as answer:
                    return answer.status, await answer.json()
            except aiohttp.ClientConnectionError:
                return 0, {}

        status, first = await until(post, lambda answer: answer[0] > 0, what="the application listening")
        assert (status, first["status"]) == (202, "accepted")
        again = await post()
        assert again == (202, first | {"status": "duplicate"})
        assert (await post(**{"X-Hub-Signature-256": "sha256=é"}))[0] == 401
    [comment] = await standins.wait_for_messages(1, "github")
    assert (comment.thread, comment.body) == ("acme/widgets#7", "Oil it.")
    await system.quiet(1)
    assert len(await standins.messages("github")) == 1
