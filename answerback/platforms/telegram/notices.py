"""Parse what Telegram reports besides messages: reactions, a blocked bot, business accounts."""

from __future__ import annotations

from collections.abc import Sequence

from answerback.errors import MalformedBody
from answerback.events import Action, Amendment, Event
from answerback.messages import Author
from answerback.notifications import Stop
from answerback.platforms import Ignored, Inbound, Parsed
from answerback.platforms.telegram.emoji import name_of
from answerback.platforms.telegram.messages import author_of
from answerback.platforms.telegram.payload import (
    BusinessConnection,
    BusinessDeleted,
    MemberUpdated,
    Reacted,
    ReactionType,
)
from answerback.platforms.telegram.place import Room


def reactions(bot: str, reacted: Reacted, update: int) -> Parsed:
    """Return an event for each reaction that was added or taken back.

    Telegram does not say in which topic the message is: `of` is the message's delivery id.
    """
    room, chat = Room(bot, reacted.chat.id), reacted.chat
    if reacted.user:
        author, mark = author_of(reacted.user), f"user:{reacted.user.id}"
    elif reacted.actor_chat:
        author = Author(str(reacted.actor_chat.id), reacted.actor_chat.title or "", "app")
        mark = f"chat:{reacted.actor_chat.id}"
    else:
        raise MalformedBody("a reaction without its user")
    before, after = _names(reacted.old_reaction), _names(reacted.new_reaction)
    changes = [(name, True) for name in before if name not in after]
    changes += [(name, False) for name in after if name not in before]
    events: list[Inbound] = [
        Event(
            delivery=f"{room.id}:reaction:{update}:{number}",
            thread=room.thread(),
            kind="message_reaction",
            text=f"{'took back the reaction' if removed else 'reacted with'} {name}",
            author=author,
            channel=str(chat.id),
            direct=chat.private,
            identities=(mark,),
            address=room.address(chat, message=reacted.message_id),
            at=(reacted.date or 0) * 1000,
            action=Action(type="reaction", name=name, message=str(reacted.message_id), removed=removed),
            account=bot,
            of=room.message(reacted.message_id),
        )
        for number, (name, removed) in enumerate(changes)
    ]
    return events or Ignored("a reaction that changed nothing")


def membership(bot: str, changed: MemberUpdated, update: int) -> Parsed:
    """Return the stop that it means if the bot was blocked or removed: what it would say cannot be read."""
    status = changed.new_chat_member.status if changed.new_chat_member else None
    if status not in ("left", "kicked"):
        return Ignored(f"the bot may write in chat {changed.chat.id}")
    room = Room(bot, changed.chat.id)
    author = author_of(changed.author) if changed.author else Author("")
    at = (changed.date or 0) * 1000
    return [Stop(delivery=f"{room.id}:left:{update}", thread=room.thread(), author=author, at=at)]


def business(connection: BusinessConnection) -> Parsed:
    """Return what a change of a business connection means."""
    whose = connection.user.name if connection.user else "a person"
    if connection.is_enabled is False:
        return Ignored(f"the business account of {whose} has disconnected the bot", warning="access lost")
    return Ignored(f"the business account of {whose} has connected the bot")


def deleted(bot: str, removed: BusinessDeleted, update: int) -> Parsed:
    """Return the deletions of messages of a business account."""
    room = Room(bot, removed.chat.id, removed.business_connection_id)
    return [
        Amendment(delivery=f"{room.message(id)}:d{update}", thread=room.thread(), message=str(id), text=None)
        for id in removed.message_ids[:1000]
    ] or Ignored("a deletion of nothing")


def _names(found: Sequence[ReactionType] | None) -> list[str]:
    names = [name_of(each.emoji) if each.emoji else f"custom:{each.custom_emoji_id}" for each in found or ()]
    return list(dict.fromkeys(name[:100] for name in names if name != "custom:None"))
