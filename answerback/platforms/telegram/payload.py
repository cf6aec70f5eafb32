"""The fields that we read from Telegram's updates; everything else is skipped.

https://core.telegram.org/bots/api#available-types
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from answerback.platforms.decoding import Spare

Id = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]
"""Telegram's ids have at most 52 significant bits."""
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Code = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_-]{1,200}\Z")]
Seconds = Annotated[int, msgspec.Meta(ge=0, le=10**11)]

NULL = msgspec.Raw(b"null")


class User(msgspec.Struct):
    """https://core.telegram.org/bots/api#user"""

    id: Id
    is_bot: Spare[bool] = None
    first_name: Spare[str] = None
    last_name: Spare[str] = None
    username: Spare[str] = None

    @property
    def name(self) -> str:
        """The name that people see."""
        return " ".join(part for part in (self.first_name, self.last_name) if part) or self.username or ""


class Chat(msgspec.Struct):
    """https://core.telegram.org/bots/api#chat"""

    id: Id
    type: Spare[str] = None
    title: Spare[str] = None

    @property
    def private(self) -> bool:
        """Whether it is a chat with one person, whose id it has."""
        return self.type == "private"


class Entity(msgspec.Struct):
    """https://core.telegram.org/bots/api#messageentity: offset and length count UTF-16 units."""

    type: Spare[str] = None
    offset: Spare[Count] = None
    length: Spare[Count] = None
    user: Spare[User] = None


class FileObject(msgspec.Struct):
    """A file of a message: a document, photo, voice message, …"""

    file_id: Spare[Code] = None
    file_name: Spare[str] = None
    mime_type: Spare[str] = None
    file_size: Spare[Count] = None
    emoji: Spare[str] = None


class Message(msgspec.Struct):
    """https://core.telegram.org/bots/api#message"""

    message_id: Count
    chat: Chat
    date: Spare[Seconds] = None
    edit_date: Spare[Seconds] = None
    author: Spare[User] = msgspec.field(default=None, name="from")
    sender_chat: Spare[Chat] = None
    sender_business_bot: Spare[User] = None
    business_connection_id: Spare[Code] = None
    message_thread_id: Spare[Count] = None
    is_topic_message: Spare[bool] = None
    reply_to_message: Spare[Message] = None
    forum_topic_created: msgspec.Raw = NULL
    media_group_id: Spare[str] = None
    migrate_to_chat_id: Spare[Id] = None
    migrate_from_chat_id: Spare[Id] = None
    text: Spare[str] = None
    entities: Spare[list[Entity]] = None
    caption: Spare[str] = None
    caption_entities: Spare[list[Entity]] = None
    photo: Spare[list[FileObject]] = None
    document: Spare[FileObject] = None
    spoken: Spare[FileObject] = msgspec.field(default=None, name="voice")
    audio: Spare[FileObject] = None
    video: Spare[FileObject] = None
    video_note: Spare[FileObject] = None
    animation: Spare[FileObject] = None
    sticker: Spare[FileObject] = None
    location: msgspec.Raw = NULL
    venue: msgspec.Raw = NULL
    contact: msgspec.Raw = NULL
    poll: msgspec.Raw = NULL
    dice: msgspec.Raw = NULL
    reply_markup: msgspec.Raw = NULL

    @property
    def topic(self) -> int:
        """The topic of a forum; 0 without one. Elsewhere, `message_thread_id` is of a chain of replies."""
        return (self.message_thread_id or 0) if self.is_topic_message else 0


class CallbackQuery(msgspec.Struct):
    """https://core.telegram.org/bots/api#callbackquery"""

    id: Code
    author: User = msgspec.field(name="from")
    message: Spare[Message] = None
    data: Spare[str] = None


class ReactionType(msgspec.Struct):
    """https://core.telegram.org/bots/api#reactiontype"""

    type: Spare[str] = None
    emoji: Spare[str] = None
    custom_emoji_id: Spare[str] = None


class Reacted(msgspec.Struct):
    """https://core.telegram.org/bots/api#messagereactionupdated"""

    chat: Chat
    message_id: Count
    date: Spare[Seconds] = None
    user: Spare[User] = None
    actor_chat: Spare[Chat] = None
    old_reaction: Spare[list[ReactionType]] = None
    new_reaction: Spare[list[ReactionType]] = None


class Member(msgspec.Struct):
    status: Spare[str] = None


class MemberUpdated(msgspec.Struct):
    """https://core.telegram.org/bots/api#chatmemberupdated"""

    chat: Chat
    author: Spare[User] = msgspec.field(default=None, name="from")
    date: Spare[Seconds] = None
    new_chat_member: Spare[Member] = None


class BusinessConnection(msgspec.Struct):
    """https://core.telegram.org/bots/api#businessconnection"""

    id: Code
    user: Spare[User] = None
    is_enabled: Spare[bool] = None


class BusinessDeleted(msgspec.Struct):
    """https://core.telegram.org/bots/api#businessmessagesdeleted"""

    business_connection_id: Code
    chat: Chat
    message_ids: list[Count]


class Update(msgspec.Struct):
    """https://core.telegram.org/bots/api#update: at most one of the optional fields is present."""

    update_id: Count
    message: msgspec.Raw = NULL
    edited_message: msgspec.Raw = NULL
    channel_post: msgspec.Raw = NULL
    edited_channel_post: msgspec.Raw = NULL
    business_message: msgspec.Raw = NULL
    edited_business_message: msgspec.Raw = NULL
    deleted_business_messages: msgspec.Raw = NULL
    business_connection: msgspec.Raw = NULL
    callback_query: msgspec.Raw = NULL
    message_reaction: msgspec.Raw = NULL
    my_chat_member: msgspec.Raw = NULL


HANDLED = tuple(field.name for field in msgspec.structs.fields(Update) if field.name != "update_id")
"""The kinds of updates that we read: `allowed_updates`."""
