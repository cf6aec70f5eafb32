"""Parse what people do on WhatsApp: messages, edits, deletions, reactions, pressed buttons, new numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from answerback.events import Action, Address, Amendment, Event, Subject
from answerback.messages import Author
from answerback.notifications import BACK, Handover, Moved, Stop
from answerback.platforms import Inbound
from answerback.platforms.subject import BODY, TITLE, shortened
from answerback.platforms.whatsapp.buttons import read_id
from answerback.platforms.whatsapp.content import said
from answerback.platforms.whatsapp.payload import Contact, Content, Message, UserIdUpdate, milliseconds
from answerback.platforms.whatsapp.place import User, digits, links, thread_of

STOPS = frozenset({"🛑", "⏹", "⏹️"})
"""The reactions that stop an agent."""

_LARGEST_FORM = 65_536
_fields = msgspec.json.Decoder(dict[str, Any])


class Incoming:
    """One message to one of our numbers. `user` and `name`: who wrote it."""

    def __init__(self, message: Message, number: str, contacts: Sequence[Contact]) -> None:
        self.message, self.number = message, number
        contact = _contact_of(message, contacts)
        self.user = User(message.from_user_id or contact.user_id or "", digits(message.from_) or digits(contact.wa_id))
        profile = contact.profile
        self.name = ((profile.name or profile.username) if profile else "") or ""
        self.at = milliseconds(message.timestamp)

    @property
    def delivery(self) -> str:
        """The id of what happened: `wamid.…` is unique everywhere."""
        return f"whatsapp:{self.message.id}"

    @property
    def thread(self) -> str:
        """The conversation: of a user, or of a group."""
        return thread_of(self.number, self.message.group_id or self.user.key)

    def parse(self) -> list[Inbound] | str:
        """Return what it is, or why it is nothing for an agent."""
        message = self.message
        if not message.id or not self.user.key:
            return "a message without an id or a sender"
        match message.type:
            case "reaction":
                return self._reaction()
            case "interactive" | "button":
                return self._pressed()
            case "edit" | "revoke":
                return self._amendment()
            case "system":
                return self._moved()
            case "request_welcome":
                return "a person opened the chat and has written nothing"
        content = said(message, self.number)
        if not content.text.strip() and not content.attachments:
            return "a message without a text"
        whole = self._event(content.text, attachments=content.attachments, message=message.id, subject=_about(message))
        return [whole, *links(self.number, self.user)]

    def _event(self, text: str, **more: Any) -> Event:
        message = self.message
        address: Address = {"number": self.number, "message": message.id or ""}
        named = (("user", self.user.id), ("phone", self.user.phone), ("group", message.group_id or ""))
        return Event(
            delivery=self.delivery,
            thread=self.thread,
            kind=message.type or "message",
            text=text,
            author=Author(self.user.key, shortened(self.name, 200)),
            channel=self.number,
            direct=not message.group_id,
            identities=self.user.identities,
            address=address | {name: value for name, value in named if value},
            at=self.at,
            **more,
        )

    def _reaction(self) -> list[Inbound] | str:
        reaction = self.message.reaction
        if reaction is None or not reaction.message_id:
            return "a reaction to nothing"
        emoji = shortened(reaction.emoji or "", 40)
        if emoji in STOPS:
            author = Author(self.user.key, shortened(self.name, 200))
            return [Stop(delivery=self.delivery, thread=self.thread, author=author, at=self.at)]
        done = Action(type="reaction", name=emoji, message=reaction.message_id, removed=not emoji)
        words = f"reacted with {emoji}" if emoji else "took back the reaction"
        return [self._event(words, action=done), *links(self.number, self.user)]

    def _pressed(self) -> list[Inbound] | str:
        message = self.message
        about = (message.context.id if message.context else None) or ""
        given = message.interactive
        reply, input_json = "", b""
        if given and given.nfm_reply:
            form = given.nfm_reply
            values = _form(form.response_json)
            fields = "\n".join(f"{name}: {value}" for name, value in values.items())
            done = Action(type="form", name=form.name or "", values=values, message=about)
            words, input_json = shortened(f"sent a form\n{fields}", 4000), msgspec.json.encode(values)
        else:
            pressed = (given.button_reply or given.list_reply) if given else None
            chosen = bool(given and given.list_reply)
            if pressed is not None:
                label, id = pressed.title or "", pressed.id or ""
            elif message.button is not None:
                label, id = message.button.text or "", message.button.payload or ""
            else:
                return "an interaction that is not known"
            ours = read_id(id)
            reply, name, value = ours or ("", label, id)
            done = Action(type="select" if chosen else "button", name=name, value=value, message=about)
            words = f"{'chose' if chosen else 'pressed'} {label or name}"
            words = f"{words} (value: {value})" if value and value != label else words
        pressed_event = self._event(words, action=done, reply=reply, input_json=input_json)
        return [pressed_event, *links(self.number, self.user)]

    def _amendment(self) -> list[Inbound] | str:
        """https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/edit"""
        message = self.message
        target = message.revoke if message.type == "revoke" else message.edit
        if target is None or not target.original_message_id:
            return f"a message of type {message.type} that names no other"
        original, text, edit = target.original_message_id, None, None
        if message.type == "edit":
            content = said(message.edit.message if message.edit and message.edit.message else Content(), self.number)
            text = content.text
            # It has the id of its message, so that it can be compared with what was answered.
            edit = self._event(text, attachments=content.attachments, message=original, edited="text", arrival="queue")
        return [
            Amendment(delivery=self.delivery, thread=self.thread, message=original, text=text, edit=edit, at=self.at)
        ]

    def _moved(self) -> list[Inbound] | str:
        """https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/system"""
        system = self.message.system
        if system is None:
            return "a system message without its content"
        known = [digits(key) for key in (system.user_id, system.wa_id, system.new_wa_id) if key]
        old = next((key for key in (self.user.id, self.user.phone) if key and key not in known), "")
        if not old or not known:
            return f"a system message: {shortened(system.type or 'unknown', 40)}"
        return [self._move(old, key) for key in dict.fromkeys(known)]

    def _move(self, old: str, new: str) -> Moved:
        return Moved(
            delivery=f"{self.delivery}:{new}", thread=thread_of(self.number, old), to=thread_of(self.number, new)
        )


def parse_echo(message: Message, number: str, display: str, contacts: Sequence[Contact]) -> list[Inbound] | str:
    """Return that a person answered in the WhatsApp Business app: what they wrote, and that they have taken over.

    With `BACK` they hand over to the agents again.
    https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/smb_message_echoes
    """
    beside = contacts[0] if len(contacts) == 1 else Contact()
    user = User(message.to_user_id or beside.user_id or "", digits(message.to) or digits(beside.wa_id))
    if not message.id or not user.key:
        return "an echo without an id or a recipient"
    thread, delivery = thread_of(number, message.group_id or user.key), f"whatsapp:{message.id}"
    content, emoji = said(message, number), message.reaction.emoji if message.reaction else ""
    if BACK in (content.text.strip(), emoji):
        return [Handover(delivery=f"{delivery}:handover", thread=thread, to="agents")]
    taken = Handover(delivery=f"{delivery}:handover", thread=thread, to="people")
    if message.type in ("reaction", "edit", "revoke") or not (content.text.strip() or content.attachments):
        return [taken]
    # The names of an event's author may be ours, which would make it a message of the agents.
    written = Event(
        delivery=delivery,
        thread=thread,
        kind="smb_message_echoes",
        text=content.text,
        author=Author(digits(message.from_) or display or number, "WhatsApp Business"),
        message=message.id,
        channel=number,
        address={"number": number, "phone": user.phone, "user": user.id},
        at=milliseconds(message.timestamp),
        attachments=content.attachments,
        answered=True,
    )
    return [written, taken, *links(number, user)]


def parse_user_id_update(update: UserIdUpdate, number: str) -> list[Inbound] | str:
    """Return that a user has a new id: https://developers.facebook.com/documentation/business-messaging/whatsapp."""
    ids = update.user_id
    if ids is None or not ids.previous or not ids.current or not number:
        return "an update of a user's id that does not name both"
    old, new = thread_of(number, ids.previous), thread_of(number, ids.current)
    return [Moved(delivery=f"{new}:{ids.previous}", thread=old, to=new)]


def _about(message: Message) -> Subject | None:
    """Return the advertisement from which the person came, or the message that they quote."""
    if (came := message.referral) and (came.headline or came.body or came.source_url):
        title, body = came.headline or came.source_url or "", came.body or ""
        return Subject(kind="advertisement", title=shortened(title, TITLE), body=shortened(body, BODY))
    quoted = message.context.id if message.context else None
    return Subject(kind="message", message=quoted) if quoted else None


def _contact_of(message: Message, contacts: Sequence[Contact]) -> Contact:
    """Return who wrote a message: a change may have messages of several people."""
    for contact in contacts:
        if message.from_user_id and contact.user_id == message.from_user_id:
            return contact
        if message.from_ and digits(contact.wa_id) == digits(message.from_):
            return contact
    # Neither id is certain to be there, but a contact that stands alone is the sender.
    return contacts[0] if len(contacts) == 1 and not (message.from_user_id or message.from_) else Contact()


def _form(response: str | None) -> dict[str, Any]:
    if not response or len(response) > _LARGEST_FORM:
        return {}
    try:
        return _fields.decode(response)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return {}
