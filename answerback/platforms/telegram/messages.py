"""Parse what was written in Telegram: a message, an edit of one, what the owner of a business account writes."""

from __future__ import annotations

from typing import Literal

import msgspec

from answerback.errors import MalformedBody
from answerback.events import Action, Amendment, Event, Subject
from answerback.messages import Author, AuthorKind
from answerback.notifications import BACK, Handover, Moved
from answerback.platforms import Ignored, Parsed
from answerback.platforms.subject import BODY, shortened
from answerback.platforms.telegram.attachments import attached_files
from answerback.platforms.telegram.payload import Message, User
from answerback.platforms.telegram.place import Room
from answerback.platforms.telegram.words import command_of, mentions, text_of

_TELEGRAM = 777000
"""The account that repeats a channel's posts in its group of comments."""


def written(bot: str, message: Message, kind: str) -> Parsed:
    """Return what a new message means."""
    room = Room.of(bot, message)
    if message.migrate_to_chat_id:
        # The last message of a group, and the first one of the supergroup that it has become: either says it.
        moved = Room(bot, message.migrate_to_chat_id)
        return [Moved(delivery=room.message(message.message_id), thread=room.thread(), to=moved.thread())]
    if message.migrate_from_chat_id:
        former = Room(bot, message.migrate_from_chat_id)
        return [Moved(delivery=room.message(message.message_id), thread=former.thread(), to=room.thread())]
    if room.business and (parsed := _of_the_owner(room, message)) is not None:
        return parsed
    event = event_of(bot, message, kind)
    return Ignored("a message without an author") if event is None else [event]


def edited(bot: str, message: Message, kind: str, update: int) -> Parsed:
    """Return what the edit of a message amends.

    Telegram does not say what the message was before. That an edit has added a mention is recognised by the gesture:
    it is that of the message, if this had the same mentions.
    """
    room, event = Room.of(bot, message), event_of(bot, message, kind)
    if event is None:
        return Ignored("an edit of a message without an author")
    if room.business and _is_owner(message):
        return Ignored("an edit of what the owner of the business account wrote")
    delivery = f"{event.delivery}:e{update}"
    changed = msgspec.structs.replace(event, delivery=delivery, action=None, arrival="queue", gesture="", edited="text")
    added = None
    if event.mentions and not event.direct:
        added = msgspec.structs.replace(changed, delivery=event.gesture, edited="mention", arrival="")
    return [
        Amendment(
            delivery=delivery,
            thread=event.thread,
            message=str(message.message_id),
            text=event.text,
            mentions=event.mentions,
            event=added,
            edit=None if added else changed,
            at=(message.edit_date or message.date or 0) * 1000,
        )
    ]


def event_of(bot: str, message: Message, kind: str) -> Event | None:
    """Return the event of a message; None if it has no author."""
    text, room, chat = text_of(message), Room.of(bot, message), message.chat
    if not text.strip():
        return None
    who, author = _author(message)
    named, command, id = mentions(message), command_of(message), str(message.message_id)
    delivery = room.message(message.message_id)
    return Event(
        delivery=delivery,
        thread=room.thread(message.topic),
        kind=kind,
        text=text,
        author=author,
        # A command is not amended, but it is a message to which one can react.
        message="" if command else id,
        channel=str(chat.id),
        mentions=named,
        direct=chat.private,
        identities=(who,),
        address=room.address(chat, message.topic, message.message_id),
        title=chat.title or "",
        at=(message.date or 0) * 1000,
        attachments=attached_files(message, bot),
        subject=_quoted(message),
        # The files of an album come as messages of their own, at once: they are answered together.
        arrival="debounce" if message.media_group_id else "",
        action=command and Action(type="command", name=command.name, value=command.rest, to=command.to, message=id),
        account=bot,
        gesture=f"{delivery}:{','.join(sorted(named))}" if named and not chat.private else "",
    )


def _quoted(message: Message) -> Subject | None:
    """Return the message that is answered. The message that began a topic does not count as answered."""
    answered = message.reply_to_message
    if answered is None or bytes(answered.forum_topic_created) != b"null":
        return None
    author = answered.author.name if answered.author else ""
    body = shortened(text_of(answered), BODY)
    return Subject(kind="message", body=body, author=author, message=str(answered.message_id)) if body else None


def _author(message: Message) -> tuple[str, Author]:
    """Return the mark of the author, and who it is: a channel or a group, if a person writes in its name."""
    sender, user = message.sender_chat, message.author
    if sender is not None and (user is None or user.is_bot or user.id == _TELEGRAM):
        return f"chat:{sender.id}", Author(str(sender.id), sender.title or "", "app")
    if user is None:
        raise MalformedBody("the message has no author")
    return f"user:{user.id}", author_of(user)


def author_of(user: User) -> Author:
    """Return a user as the author of an event."""
    kind: AuthorKind = "bot" if user.is_bot else "person"
    return Author(str(user.id), user.name, kind)


def _is_owner(message: Message) -> bool:
    """Return whether the owner of a business account wrote this, or a bot of theirs: not the customer."""
    return message.author is None or message.author.id != message.chat.id


def _of_the_owner(room: Room, message: Message) -> Parsed | None:
    """Return what a message of the business account itself means; None for one of a customer.

    With `BACK` its owner hands the conversation back to the agents.

    https://core.telegram.org/bots/features#bots-for-business
    """
    if not _is_owner(message):
        return None
    if message.sender_business_bot:
        return Ignored("a bot wrote this for the business account")
    to: Literal["agents", "people"] = "agents" if text_of(message).strip() == BACK else "people"
    return [Handover(delivery=room.message(message.message_id), thread=room.thread(message.topic), to=to)]
