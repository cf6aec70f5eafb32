"""WhatsApp's inbound half: verified, confirmed, and understood."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
import pytest

from answerback.events import Amendment, Event, Subject
from answerback.messages import Attachment
from answerback.notifications import Handover, Moved, ReplyStatus, Stop
from answerback.platforms import Answer, Delivery, Ignored, Refusal, whatsapp
from answerback.platforms.whatsapp.place import WhatsAppPlace
from answerback.settings import Settings
from answerback.testing.standins.whatsapp.webhooks import WhatsApp
from tests.fixtures.deliveries import load, parsed

parse = partial(parsed, whatsapp)
NUMBER, ADA, PHONE = "106540352242922", "US.13491208655302741918", "16505551234"
THREAD = f"whatsapp:{NUMBER}:{ADA}"


def every(name: str) -> Any:
    found = whatsapp.parse(load("whatsapp", name))
    assert isinstance(found, list), found
    return found


def event(name: str) -> Event:
    found = parse(name)
    assert isinstance(found, Event), found
    return found


def query(delivery: str, **settings: str) -> Answer | Refusal | None:
    own = {"WHATSAPP_APP_SECRET": "s", "WHATSAPP_VERIFY_TOKEN": "old,new", **settings}
    told = Delivery({}, b"", "GET" if delivery else "POST", "/webhooks/whatsapp", delivery)
    assert whatsapp.HANDSHAKE
    return whatsapp.HANDSHAKE(Settings.load(own), told)


@pytest.mark.parametrize("token", ["old", "new"])
def test_a_webhook_is_confirmed_with_each_of_our_verify_tokens(token: str) -> None:
    told = query(f"hub.mode=subscribe&hub.verify_token={token}&hub.challenge=11584%3C")
    assert told == Answer(b"11584<", "text/plain")


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ("hub.mode=subscribe&hub.verify_token=other&hub.challenge=1", "mismatch"),
        ("hub.mode=subscribe&hub.verify_token=&hub.challenge=1", "unsigned"),
        ("hub.verify_token=old&hub.challenge=1", "unsigned"),
        ("x=1", "unsigned"),
        ("&".join(["a=1"] * 40), "malformed"),
    ],
)
def test_any_other_get_is_refused(asked: str, reason: str) -> None:
    told = query(asked)
    assert isinstance(told, Refusal)
    assert told.reason == reason


def test_the_app_secret_confirms_nothing_and_a_verify_token_signs_nothing() -> None:
    unset = query("hub.mode=subscribe&hub.verify_token=s&hub.challenge=1", WHATSAPP_VERIFY_TOKEN="")
    assert isinstance(unset, Refusal)
    assert unset.reason == "unconfigured"
    assert query("") is None
    delivery = WhatsApp(secret="verify").text()
    headers = {name.lower(): value for name, value in delivery.headers.items()}
    assert whatsapp.verify(["secret"], Delivery(headers, delivery.body), 0.0) is not None
    assert whatsapp.verify(["secret", "verify"], Delivery(headers, delivery.body), 0.0) is None


def test_a_text_is_an_event_of_the_user_with_both_of_their_ids() -> None:
    found, link = every("text")
    assert (found.thread, found.text, found.direct, found.channel) == (
        THREAD, "Does it come in another color?", True, NUMBER,
    )  # fmt: skip
    assert (found.author.id, found.author.name) == (ADA, "Ada Lovelace")
    assert found.identities == (f"user:{ADA}", f"phone:{PHONE}")
    assert (found.at, found.delivery) == (1764547200000, f"whatsapp:{found.message}")
    assert WhatsAppPlace.of(found.address).recipient == {"recipient_type": "individual", "to": PHONE}
    assert (link.thread, link.to) == (THREAD, f"whatsapp:{NUMBER}:{PHONE}")


def test_people_who_hide_their_number_and_older_webhooks_have_one_id() -> None:
    (hidden,) = every("text.username")
    assert hidden.thread == f"whatsapp:{NUMBER}:US.88001208655302741777"
    assert WhatsAppPlace.of(hidden.address).recipient == {
        "recipient_type": "individual", "recipient": "US.88001208655302741777",
    }  # fmt: skip
    (old,) = every("text.phone_only")
    assert old.thread == f"whatsapp:{NUMBER}:{PHONE}"


def test_a_group_is_a_conversation_of_several_people() -> None:
    found = event("text.group")
    assert (found.direct, found.author.id) == (False, ADA)
    assert WhatsAppPlace.of(found.address).recipient == {
        "recipient_type": "group", "to": found.thread.rpartition(":")[2],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("location", "Location: Meta HQ, 1 Hacker Way, Menlo Park, CA (37.484748, -122.147337)"),
        ("contacts", "Contact: Barbara J. Johnson, +1 (650) 555-4321, barbara@example.com"),
        ("order", "Order:\n- 2 × di9ozbzfi4, 30.0 USD\n- 1 × nqryix03ez, 25.0 USD\nLove these!"),
        ("unsupported", "(sent something that cannot be shown here: poll)"),
        ("text.advert", "Tell me more"),
        ("text.quoting", "That one, please"),
    ],
)
def test_whatever_people_send_is_a_text(name: str, text: str) -> None:
    assert event(name).text == text


def test_an_advertisement_and_a_quoted_message_are_what_it_is_about() -> None:
    about = event("text.advert").subject
    assert about == Subject(kind="advertisement", title="Chat with us", body="Summer succulents are here!")
    quoted = load("whatsapp", "text.quoting").body
    of = msgspec.json.decode(quoted)["entry"][0]["changes"][0]["value"]["messages"][0]["context"]["id"]
    assert event("text.quoting").subject == Subject(kind="message", message=of)
    assert event("text").subject is event("interactive.button_reply").subject is None


@pytest.mark.parametrize(
    ("name", "text", "file", "kind"),
    [
        ("image", "Is this the right one?", "image.jpg", "image/jpeg"),
        ("document", "", "order.pdf", "application/pdf"),
        ("sticker", "", "sticker.webp", "image/webp"),
    ],
)
def test_files_are_attachments(name: str, text: str, file: str, kind: str) -> None:
    found = event(name)
    (attachment,) = found.attachments
    assert (found.text, attachment.name, attachment.content_type) == (text, file, kind)
    assert NUMBER in attachment.remote


def test_a_file_without_an_id_says_so() -> None:
    body = WhatsApp().message("image", {"mime_type": "image/png"}).body
    found = whatsapp.parse(Delivery({}, body))
    assert isinstance(found, list)
    assert isinstance(found[0], Event)
    assert found[0].attachments == (
        Attachment(name="image.png", content_type="image/png", problem="WhatsApp does not say where it is"),
    )


@pytest.mark.parametrize(
    ("name", "text", "action"),
    [
        ("interactive.button_reply", "pressed Deploy (value: 1.4)", ("button", "deploy", "1.4")),
        ("interactive.list_reply", "chose Small (value: s)", ("select", "size", "s")),
        ("button.template", "pressed Unsubscribe", ("button", "Unsubscribe", "Unsubscribe")),
        ("interactive.nfm_reply", "sent a form\nflow_token: t1\nday: Monday\nguests: 2", ("form", "flow", "")),
        ("reaction", "reacted with 👍", ("reaction", "👍", "")),
        ("reaction.removed", "took back the reaction", ("reaction", "", "")),
    ],
)
def test_what_people_do_is_an_action(name: str, text: str, action: tuple[str, str, str]) -> None:
    found = event(name)
    assert found.action
    assert (found.text, found.message) == (text, "")
    assert (found.action.type, found.action.name, found.action.value) == action
    assert found.action.message.startswith("wamid.")
    assert (found.reply != "") == (name.startswith("interactive") and "nfm" not in name)


def test_a_stop_sign_stops() -> None:
    (found,) = every("reaction.stop")
    assert isinstance(found, Stop)
    assert found.thread == THREAD


def test_edits_and_deletions_amend_the_message() -> None:
    first = event("text")
    (edit,), (gone,) = every("edit"), every("revoke")
    assert isinstance(edit, Amendment)
    assert (edit.message, edit.text, gone.message, gone.text) == (
        first.message, "Does it come in green?", first.message, None,
    )  # fmt: skip
    assert edit.edit is not None
    assert (edit.edit.edited, edit.edit.message, edit.edit.thread) == ("text", first.message, THREAD)


@pytest.mark.parametrize(
    ("name", "new"),
    [
        ("system.user_changed_number", "12195555358"),
        ("system.user_changed_user_id", "US.90000000000000000001"),
        ("user_id_update", "US.90000000000000000001"),
    ],
)
def test_a_user_with_a_new_id_stays_in_the_thread(name: str, new: str) -> None:
    (found,) = every(name)
    assert isinstance(found, Moved)
    assert (found.thread, found.to) == (THREAD, f"whatsapp:{NUMBER}:{new}")


def test_a_person_in_the_business_app_takes_over_and_hands_back() -> None:
    written, taken = every("smb_message_echoes")
    assert (written.answered, written.identities, written.text[:6]) == (True, (), "Hi Ada")
    assert (taken.thread, taken.to) == (f"whatsapp:{NUMBER}:{PHONE}", "people")
    (back,) = every("smb_message_echoes.back")
    assert isinstance(back, Handover)
    assert (back.thread, back.to) == (taken.thread, "agents")
    (reacted,) = every_of(WhatsApp().echo("reaction", {"message_id": "wamid.x", "emoji": "👍"}).body)
    assert reacted.to == "people"


def every_of(body: bytes) -> Any:
    return whatsapp.parse(Delivery({}, body))


@pytest.mark.parametrize("name", ["status.sent", "status.delivered", "status.read"])
def test_any_status_proves_that_a_reply_is_there(name: str) -> None:
    (found,) = every(name)
    assert isinstance(found, ReplyStatus)
    assert (found.thread, found.reply, found.state) == (THREAD, "2f1c8cb080c42e5d5a8c.0", "sent")


def test_a_failed_reply_says_what_to_do() -> None:
    (found,) = every("status.failed")
    assert (found.state, found.reply) == ("failed", "2f1c8cb080c42e5d5a8c.0")
    assert "131047" in found.error
    assert "WHATSAPP_TEMPLATE" in found.error


def test_one_delivery_reports_many_things() -> None:
    found = every("several")
    assert [one.text for one in found if isinstance(one, Event)] == ["first", "of Bob", "to another number"]
    assert {one.author.name for one in found if isinstance(one, Event)} == {"Ada Lovelace", "Bob"}
    assert len({one.thread for one in found if isinstance(one, Event)}) == 3
    assert [one.state for one in found if isinstance(one, ReplyStatus)] == ["sent"]


def test_what_cannot_be_read_does_not_take_the_rest_with_it() -> None:
    person = WhatsApp()
    messages = [7, {"type": "text"}, person.said("text", {"body": "hello"}), None]
    found = every_of(person.change({"contacts": [person.contact], "messages": messages}).body)
    assert [one.text for one in found if isinstance(one, Event)] == ["hello"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("account_update", "'account_update' is not about messages"),
        ("status.of_another_program", "a status of a message that another program sent"),
        ("errors", "Meta reports an error: 130429"),
    ],
)
def test_what_is_for_no_agent_is_ignored_with_a_reason(name: str, reason: str) -> None:
    found = parse(name)
    assert isinstance(found, Ignored)
    assert found.reason.startswith(reason)
    assert (found.warning == "not handled") == (name == "errors")
