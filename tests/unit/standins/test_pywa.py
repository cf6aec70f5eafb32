"""pywa, a client and framework of others, agrees with the stand-in of WhatsApp: its answers, errors and webhooks."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from pywa import errors, utils
from pywa.client import WhatsApp
from pywa.types import callback, message, message_status

from answerback.testing.standins.options import Options
from tests.standins.bench import Bench, Receiver

NUMBER, PHONE = Options.whatsapp_number, "16505551234"


@pytest.fixture
async def pywa(bench: Bench) -> Any:
    return client(bench)


def client(bench: Bench, token: str = Options.whatsapp_token) -> Any:
    found = WhatsApp(NUMBER, token, app_secret=Options.whatsapp_secret, verify_token="v", server=None)
    found.api._session.base_url = f"{bench.url}/whatsapp/v25.0"
    return found


async def ask(work: Callable[..., Any], *told: Any, **more: Any) -> Any:
    return await asyncio.to_thread(work, *told, **more)


async def test_messages_are_posted_and_what_is_wrong_is_refused(bench: Bench, pywa: Any) -> None:
    sent = await ask(pywa.send_message, PHONE, "*Hello*", tracker="key")
    (posted,) = await bench.standins.messages("whatsapp")
    assert (posted.id, posted.thread, posted.body, posted.key) == (sent.id, f"{NUMBER}/{PHONE}", "*Hello*", "key")
    buttons = [callback.Button(title="Yes", callback_data="1"), callback.Button(title="No", callback_data="0")]
    await ask(pywa.send_message, PHONE, "Sure?", buttons=buttons)
    rows = [callback.SectionRow(title="Small", callback_data="s")]
    menu = callback.SectionList(button_title="Choose", sections=[callback.Section(title="", rows=rows)])
    await ask(pywa.send_message, PHONE, "Which?", buttons=menu)
    await ask(pywa.send_message, PHONE, "Look", buttons=callback.URLButton(title="Open", url="https://example.com"))
    await ask(pywa.send_reaction, PHONE, "👀", sent.id)
    assert (await bench.standins.state("whatsapp"))["reactions"] == {sent.id: "👀"}
    await ask(pywa.indicate_typing, sent.id)
    assert (await bench.standins.state("whatsapp"))["typing"] == [sent.id]
    assert [one.body for one in await bench.standins.messages()] == ["*Hello*", "Sure?", "Which?", "Look"]
    four = [callback.Button(title=str(each), callback_data=str(each)) for each in range(4)]
    with pytest.raises(errors.InvalidParameter):
        await ask(pywa.send_message, PHONE, "Sure?", buttons=four)
    with pytest.raises(errors.WhatsAppError, match="4096"):
        await ask(pywa.send_message, PHONE, "x" * 4097)
    with pytest.raises(errors.ExpiredAccessToken):
        await ask(client(bench, "EAAother").send_message, PHONE, "hello")
    await bench.standins.act("whatsapp", "lapse", phone=PHONE, how="refused")
    with pytest.raises(errors.ReEngagementMessage):
        await ask(pywa.send_message, PHONE, "hello")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"do": "rate-limit"}, errors.TooManyMessages),
        ({"do": "rate-limit", "limit": "primary"}, errors.RateLimitHit),
        ({"do": "refuse"}, errors.ServiceUnavailable),
        ({"do": "status", "status": 500}, errors.UnknownError),
    ],
)
async def test_faults_are_errors_of_its_own(bench: Bench, pywa: Any, fault: Any, error: type[Exception]) -> None:
    await bench.standins.add_fault(platform="whatsapp", operation="messages", times=1, **fault)
    with pytest.raises(error):
        await ask(pywa.send_message, PHONE, "hello")
    assert await bench.standins.messages() == []


async def test_files_go_both_ways(bench: Bench, pywa: Any) -> None:
    uploaded = await ask(pywa.upload_media, b"%PDF", mime_type="application/pdf", filename="a.pdf")
    await ask(pywa.send_document, PHONE, uploaded, filename="a.pdf", caption="Here")
    (posted,) = await bench.standins.messages("whatsapp")
    assert (posted.body, posted.blocks[0]["filename"]) == ("Here", "a.pdf")
    found = await ask(pywa.get_media_url, uploaded.id)
    assert (found.file_size, found.sha256) == (4, hashlib.sha256(b"%PDF").hexdigest())
    assert await ask(pywa.get_media_bytes, found.url) == b"%PDF"
    await bench.standins.act("whatsapp", "forget", id=uploaded.id)
    with pytest.raises(errors.WhatsAppError):
        await ask(pywa.get_media_url, uploaded.id)


def seen(pywa: Any) -> list[Any]:
    found: list[Any] = []
    for decorate in (
        pywa.on_message, pywa.on_edited_message, pywa.on_deleted_message, pywa.on_callback_button,
        pywa.on_callback_selection, pywa.on_message_status, pywa.on_phone_number_change, pywa.on_outgoing_message,
    ):  # fmt: skip

        def keep(_: Any, update: Any) -> None:
            found.append(update)

        decorate()(keep)
    return found


async def test_it_verifies_and_parses_what_is_sent(bench: Bench, receiver: Receiver, pywa: Any) -> None:
    act, found = bench.standins.act, seen(pywa)
    said = await act("whatsapp", "say", phone=PHONE, text="Grüße 👋")
    id = said["entry"][0]["changes"][0]["value"]["messages"][0]["id"]
    await act("whatsapp", "edit", phone=PHONE, text="Hi", of=id)
    await act("whatsapp", "revoke", phone=PHONE, of=id)
    await act("whatsapp", "press", phone=PHONE, id="1", title="Yes", of=id)
    await act("whatsapp", "press", phone=PHONE, id="s", title="Small", of=id, row=True)
    await act("whatsapp", "react", phone=PHONE, emoji="👍", of=id)
    await act("whatsapp", "upload", phone=PHONE, file="a.png", content="iVBORw==", caption="this")
    await act("whatsapp", "new_number", phone=PHONE, to="12195555358")
    await act("whatsapp", "echo", phone=PHONE)
    await ask(pywa.send_message, PHONE, "Hello", tracker="key")
    sent = (await bench.standins.messages("whatsapp"))[0]
    await act("whatsapp", "fail", of=sent.id, code=131026)
    async with asyncio.timeout(15):
        while len(receiver.got) < 12:
            await asyncio.sleep(0.01)
    for _, headers, body in receiver.got:
        signature = headers["x-hub-signature-256"]
        assert utils.webhook_updates_validator(
            app_secret=Options.whatsapp_secret, request_body=body, x_hub_signature=signature
        )
        assert body.isascii()
        assert pywa.webhook_update_handler(body)[1] == 200
    texts = [one.text for one in found if type(one) is message.Message and one.text]
    assert "Grüße 👋" in texts
    statuses = [one for one in found if isinstance(one, message_status.MessageStatus)]
    assert {one.status.value for one in statuses} == {"sent", "delivered", "failed"}
    assert {one.tracker for one in statuses} == {"key"}
    assert [one.error.code for one in statuses if one.error] == [131026]
    assert {type(one).__name__ for one in found} >= {
        "Message", "EditedMessage", "DeletedMessage", "CallbackButton", "CallbackSelection", "MessageStatus",
        "PhoneNumberChange", "OutgoingMessage",
    }  # fmt: skip
    whose = {one.from_user.wa_id for one in found if isinstance(one, callback.CallbackButton)}
    assert whose == {PHONE}
