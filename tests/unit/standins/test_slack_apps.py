"""Slack's stand-in beyond messages: files, modals, installations, Socket Mode, by Slack's own client."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from slack_sdk.oauth import AuthorizeUrlGenerator
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.webhook.async_client import AsyncWebhookClient

from answerback.testing.standins.options import SLACK_SCOPES, Options
from tests.standins.bench import LOST, SLACK, Bench, serve
from tests.unit.standins.test_slack_sdk import THREAD, client, error

VIEW = {
    "type": "modal",
    "callback_id": "feedback",
    "private_metadata": "C1",
    "title": {"type": "plain_text", "text": "Feedback"},
    "blocks": [],
}


async def test_a_file_is_uploaded_and_read_with_the_token(bench: Bench) -> None:
    slack = client(bench)
    await slack.files_upload_v2(content=b"a,b\n1,2\n", filename="table.csv", initial_comment="Here", channel="C1")
    (posted,) = await bench.standins.messages("slack")
    assert posted.body == "Here"
    (shown,) = (await slack.conversations_history(channel="C1"))["messages"]
    file = shown["files"][0]
    async with bench.session.get(file["url_private_download"], headers=SLACK) as response:
        assert (response.content_type, await response.read()) == ("text/csv", b"a,b\n1,2\n")
    async with bench.session.get(file["url_private_download"]) as response:
        assert (response.status, response.content_type, response.history[0].status) == (200, "text/html", 302)
    assert (await slack.files_info(file=file["id"]))["file"]["name"] == "table.csv"
    assert await error(slack.files_completeUploadExternal(files=[{"id": "F0", "title": "x"}])) == "file_not_found"


async def test_a_person_uploads_a_file_that_is_hidden_in_a_shared_channel(bench: Bench) -> None:
    content = base64.b64encode(b"\x89PNG").decode()
    done = await bench.standins.act("slack", "upload", channel="C1", name="a.png", content=content, hidden=True)
    assert done["file"] == {"id": "F000000001", "mode": "file_access", "file_access": "check_file_info"}
    found = (await client(bench).files_info(file="F000000001"))["file"]
    assert (found["mimetype"], found["size"]) == ("image/png", 4)


async def test_without_the_scope_a_file_is_a_page_to_sign_in_on() -> None:
    scopes = ",".join(scope for scope in SLACK_SCOPES.split(",") if scope != "files:read")
    async with serve(Options(slack_scopes=scopes)) as bench:
        done = await bench.standins.act("slack", "upload", channel="C1", name="a.txt", content="aGk=")
        async with bench.session.get(done["file"]["url_private"], headers=SLACK) as response:
            assert "Sign in" in await response.text()


async def test_a_trigger_opens_one_modal_and_soon_none() -> None:
    async with serve(Options(slack_trigger_seconds=0.001)) as bench:
        late = (await bench.standins.act("slack", "shortcut", callback_id="new"))["id"]
        await asyncio.sleep(0.01)
        assert await error(client(bench).views_open(trigger_id=late, view=VIEW)) == "expired_trigger_id"
    async with serve(Options(slack_trigger_seconds=60)) as bench:
        slack = client(bench)
        offered = (await bench.standins.act("slack", "command", command="/deploy", channel="C1"))["id"]
        opened = (await slack.views_open(trigger_id=offered, view=VIEW))["view"]
        assert await error(slack.views_open(trigger_id=offered, view=VIEW)) == "exchanged_trigger_id"
        assert await error(slack.views_open(trigger_id="x", view=VIEW)) == "invalid_trigger_id"
        long = {**VIEW, "title": {"type": "plain_text", "text": "x" * 25}}
        assert await error(slack.views_update(view_id=opened["id"], view=long)) == "invalid_arguments"
        assert await error(slack.views_update(view_id=opened["id"], view=VIEW, hash="old")) == "hash_conflict"
        assert (await slack.views_update(view_id=opened["id"], view=VIEW))["view"]["id"] == opened["id"]
        await bench.standins.act("slack", "submit", view_id=opened["id"], values={"b": {"a": {"value": "x"}}})
        assert (await bench.standins.state("slack"))["views"] == []


async def test_a_response_url_may_be_used_five_times(bench: Bench) -> None:
    responses = AsyncWebhookClient(f"{bench.url}/slack/response/abc", session=bench.session)
    for number in range(5):
        found = await responses.send(text=f"n{number}")
        assert (found.status_code, found.body) == (200, "ok")
    assert (await responses.send(text="too often")).status_code == 404
    assert await bench.bodies("slack") == [f"n{number}" for number in range(5)]


async def test_an_installation_leads_to_a_token_that_rotates() -> None:
    async with serve(Options(slack_token_seconds=3600)) as bench:
        options = bench.standins.options
        secrets = {"client_id": options.slack_client_id, "client_secret": options.slack_client_secret}
        asked = AuthorizeUrlGenerator(
            client_id=options.slack_client_id,
            scopes=["chat:write"],
            redirect_uri="https://example.com/slack/oauth",
            authorization_url=f"{bench.url}/slack/oauth/v2/authorize",
        ).generate("s1")
        async with bench.session.get(asked) as page:
            assert "Allow" in await page.text()
        denied = await bench.standins.act("slack", "authorize", url=asked, denied=True)
        assert denied["location"] == "https://example.com/slack/oauth?error=access_denied&state=s1"
        allowed = await bench.standins.act("slack", "authorize", url=asked, team="T2", user="U5")
        query = parse_qs(urlsplit(allowed["location"]).query)
        assert query["state"] == ["s1"]
        slack = client(bench, "")
        wrong = slack.oauth_v2_access(**{**secrets, "client_secret": "x"}, code=query["code"][0])
        assert await error(wrong) == "bad_client_secret"
        found = await slack.oauth_v2_access(**secrets, code=query["code"][0])
        assert (found["team"]["id"], found["expires_in"], found["authed_user"]["id"]) == ("T2", 3600, "U5")
        assert await error(slack.oauth_v2_access(**secrets, code=query["code"][0])) == "invalid_code"
        there = client(bench, str(found["access_token"]))
        assert (await there.auth_test())["team_id"] == "T2"
        assert await error(there.reactions_add(channel="C1", timestamp="1.2", name="eyes")) == "missing_scope"
        again = {**secrets, "grant_type": "refresh_token", "refresh_token": found["refresh_token"]}
        fresh = await slack.oauth_v2_access(**again)
        assert fresh["access_token"] != found["access_token"]
        assert await error(slack.oauth_v2_access(**again)) == "invalid_refresh_token"
        await bench.standins.act("slack", "uninstall", team="T2")
        assert await error(client(bench, str(fresh["access_token"])).auth_test()) == "token_revoked"


async def test_an_organization_has_an_installation_without_a_workspace(bench: Bench) -> None:
    options = bench.standins.options
    asked = f"{bench.url}/slack/oauth/v2/authorize?client_id={options.slack_client_id}&scope=chat:write&redirect_uri=x"
    allowed = await bench.standins.act("slack", "authorize", url=asked, enterprise="E1")
    code = parse_qs(urlsplit(allowed["location"]).query)["code"][0]
    secrets = {"client_id": options.slack_client_id, "client_secret": options.slack_client_secret}
    found = await client(bench, "").oauth_v2_access(**secrets, code=code)
    assert (found["team"], found["enterprise"]["id"], found["is_enterprise_install"]) == (None, "E1", True)
    who = await client(bench, str(found["access_token"])).auth_test()
    assert (who["team_id"], who["enterprise_id"], who["is_enterprise_install"]) == ("E1", "E1", True)


@asynccontextmanager
async def connected(bench: Bench, *, mute: int = 0) -> AsyncIterator[list[SocketModeRequest]]:
    """Slack's own client of Socket Mode, which leaves the first `mute` envelopes unacknowledged."""
    got: list[SocketModeRequest] = []

    async def take(socket: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        got.append(request)
        if len(got) > mute:
            await socket.send_socket_mode_response(SocketModeResponse(request.envelope_id))

    web = client(bench)
    socket = SocketModeClient(bench.standins.options.slack_app_token, web_client=web, ping_interval=0.1)
    socket.socket_mode_request_listeners.append(take)
    await socket.connect()  # type: ignore[no-untyped-call]
    try:
        yield got
    finally:
        await socket.disconnect()  # type: ignore[no-untyped-call]
        await socket.close()  # type: ignore[no-untyped-call]


async def until(count: int, got: list[Any]) -> None:
    deadline = time.monotonic() + 15
    while len(got) < count:
        assert time.monotonic() < deadline, got
        await asyncio.sleep(0.01)


async def test_events_come_over_a_websocket_once_one_was_opened(bench: Bench) -> None:
    async with connected(bench) as got:
        await bench.standins.act("slack", "say", channel="C1", text="<@U0ANSWERBOT> hello")
        await bench.standins.act("slack", "command", command="/deploy", text="it", channel="C1")
        await bench.standins.act("slack", "shortcut", callback_id="new")
        await until(4, got)
        assert sorted(one.type for one in got) == ["events_api", "events_api", "interactive", "slash_commands"]
        found = await bench.standins.wait_for_deliveries(4)
        assert [one["status"] for one in found] == ["OK"] * 4


async def test_an_envelope_without_acknowledgement_comes_again_also_on_another_socket() -> None:
    options = Options(slack_ack_seconds=0.3, slack_retries="0,0.1,0.1")
    async with serve(options) as bench, connected(bench, mute=1) as first:
        await bench.standins.act("slack", "say", channel="C1", text="hello")
        await until(2, first)
        assert [(one.retry_attempt, one.retry_reason) for one in first] == [(0, ""), (1, "timeout")]
        assert first[0].payload == first[1].payload
        async with connected(bench) as second:
            for _ in range(4):
                await bench.standins.act("slack", "say", channel="C1", text="hello")
            await bench.standins.wait_for_deliveries(5)
            assert second
            assert len(first) + len(second) == 6


async def test_a_client_reconnects_when_its_socket_is_refreshed_or_breaks(bench: Bench) -> None:
    async with connected(bench) as got:
        for number, reason in enumerate(("refresh_requested", ""), 1):
            await bench.standins.act("slack", "disconnect", reason=reason)
            await bench.standins.act("slack", "say", channel="C1", text="hello")
            await until(number, got)
    refused = client(bench).apps_connections_open(app_token="xoxb-standin")
    assert await error(refused) == "not_allowed_token_type"


async def test_events_of_a_socket_wait_for_one_to_be_opened() -> None:
    async with serve(Options(slack_socket_mode=True)) as bench:
        await bench.standins.act("slack", "say", channel="C1", text="hello")
        async with connected(bench) as got:
            await until(1, got)


async def test_a_button_of_ours_is_pressed(bench: Bench) -> None:
    button = {"type": "button", "action_id": "ok", "text": {"type": "plain_text", "text": "OK"}, "value": "1"}
    blocks = [{"type": "actions", "block_id": "b", "elements": [button]}]
    async with connected(bench) as got:
        posted = await client(bench).chat_postMessage(**THREAD, text="Deploy?", blocks=blocks)
        await bench.standins.act("slack", "press", channel="C1", ts=posted["ts"], action_id="ok", user="U5")
        await until(2, got)
        pressed = next(one.payload for one in got if one.type == "interactive")
        assert pressed["actions"][0]["value"] == "1"
        assert (pressed["message"]["ts"], pressed["container"]["thread_ts"]) == (posted["ts"], THREAD["thread_ts"])
        await AsyncWebhookClient(pressed["response_url"], session=bench.session).send(
            text="Deployed", replace_original=True
        )
    (shown,) = await bench.standins.messages("slack")
    assert (shown.body, shown.blocks) == ("Deployed", [])


async def test_a_call_that_slack_did_not_answer_took_effect_all_the_same(bench: Bench) -> None:
    await bench.standins.add_fault(platform="slack", operation="chat.startStream", do="drop-after", times=1)
    with pytest.raises(LOST):
        await bench.ask("POST", "/slack/chat.startStream", json={"channel": "D1", "thread_ts": "1.2"}, headers=SLACK)
    assert len(await bench.standins.messages("slack")) == 1
