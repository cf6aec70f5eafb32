"""Slack's own framework and verifier take what the stand-in sends."""

from __future__ import annotations

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.signature import SignatureVerifier

from answerback.testing.standins.hooks import Attempt
from answerback.testing.standins.options import Options
from answerback.testing.standins.signatures import Delivery
from answerback.testing.standins.slack.webhooks import Slack
from answerback.testing.standins.values import Json
from tests.standins.bench import Bench
from tests.unit.standins.test_slack_sdk import client

SENDER = Slack(channel="C1", user="U1")
TS = "1700000000.000100"


def events() -> dict[str, Delivery]:
    """Events, signed now: a signature is good for five minutes, and a test may run later than it is read."""
    return {
        "message": SENDER.message("hello", thread_ts=TS),
        "app_mention": SENDER.mention(),
        "message changed": SENDER.changed("hello", ts=TS),
        "message deleted": SENDER.deleted(ts=TS),
        "message with a file": SENDER.message("", subtype="file_share", files=[{"id": "F1"}]),
        "bot_message": Slack(bot_id="B1", channel="C1").message("hello", subtype="bot_message"),
        "reaction_added": SENDER.reaction("eyes", ts=TS),
        "reaction_removed": SENDER.reaction("eyes", ts=TS, removed=True),
        "agent_session_stopped": SENDER.session_stopped(TS),
        "assistant_thread_started": SENDER.assistant_opened(TS),
        "assistant_thread_context_changed": SENDER.assistant_opened(TS, changed=True),
        "app_context_changed": SENDER.context_changed(),
        "app_uninstalled": SENDER.uninstalled(),
        "tokens_revoked": SENDER.revoked(),
    }


def interactions() -> dict[str, Delivery]:
    """What people press, send and choose, signed now."""
    return {
        "button": SENDER.button("approve", "42", ts=TS),
        "select": SENDER.select("size", "xl", ts=TS),
        "view_submission": SENDER.submission({"b1": {"a1": {"type": "plain_text_input", "value": "fine"}}}),
        "view_closed": SENDER.submission({}, closed=True),
        "shortcut": SENDER.shortcut("new_ticket"),
        "message_action": SENDER.message_shortcut("summarize", ts=TS),
        "command": SENDER.command("/deploy", "it now"),
        "organization": Slack(enterprise="E1", channel="C1", user="U1").button("approve", "42", ts=TS),
    }


def app(bench: Bench, seen: list[str]) -> AsyncApp:
    found = AsyncApp(signing_secret=Options.slack_secret, client=client(bench), process_before_response=True)

    async def on_event(event: Json, context: AsyncBoltContext) -> None:
        seen.append(f"{event['type']} {context.team_id}")

    for kind in {name(event) for event in events().values()}:
        found.event(kind)(on_event)

    async def on_action(ack: object, context: AsyncBoltContext) -> None:
        seen.append(f"{context.team_id} {context.channel_id} {context.user_id} {bool(context.response_url)}")
        await ack()  # type: ignore[operator]

    found.action("approve")(on_action)
    found.action("size")(on_action)
    found.view("feedback")(on_action)
    found.view_closed("feedback")(on_action)
    found.shortcut("new_ticket")(on_action)
    found.shortcut("summarize")(on_action)
    found.command("/deploy")(on_action)
    return found


def request(delivery: Delivery) -> AsyncBoltRequest:
    return AsyncBoltRequest(body=delivery.body.decode(), headers={**delivery.headers})


def name(event: Delivery) -> str:
    return str(Attempt(0, "slack", event, 0).payload["event"]["type"])


async def test_bolt_takes_every_event(bench: Bench) -> None:
    seen: list[str] = []
    theirs = app(bench, seen)
    for event, delivery in events().items():
        seen.clear()
        found = await theirs.async_dispatch(request(delivery))
        assert (found.status, seen) == (200, [f"{name(delivery)} T0STANDIN"]), event


async def test_bolt_takes_every_interaction(bench: Bench) -> None:
    seen: list[str] = []
    theirs = app(bench, seen)
    for interaction, delivery in interactions().items():
        seen.clear()
        found = await theirs.async_dispatch(request(delivery))
        there = interaction not in ("view_submission", "view_closed", "shortcut")
        assert (found.status, seen) == (200, [f"T0STANDIN {'C1' if there else None} U1 {there}"]), interaction


def test_slacks_verifier_takes_every_signature() -> None:
    verifier = SignatureVerifier(Options.slack_secret)
    for delivery in (*events().values(), *interactions().values(), SENDER.again(events()["message"])):
        assert verifier.is_valid_request(delivery.body, delivery.headers)
        assert not verifier.is_valid_request(delivery.body + b" ", delivery.headers)
