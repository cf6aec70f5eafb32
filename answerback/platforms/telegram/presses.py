"""Parse pressed buttons: https://core.telegram.org/bots/api#callbackquery"""

from __future__ import annotations

import msgspec

from answerback.events import Action, Event
from answerback.platforms import Answer, Answered, Ignored, Parsed
from answerback.platforms.telegram.keyboard import label_of, pressed
from answerback.platforms.telegram.messages import author_of
from answerback.platforms.telegram.payload import CallbackQuery
from answerback.platforms.telegram.place import Room


def press(bot: str, query: CallbackQuery) -> Parsed:
    """Return the event of a pressed button. The answer ends the button's progress bar.

    A method in the response to a webhook is executed, and its result is not reported: here, none is needed.
    https://core.telegram.org/bots/api#making-requests-when-getting-updates
    """
    answer = Answer(msgspec.json.encode({"method": "answerCallbackQuery", "callback_query_id": query.id}))
    message = query.message
    if message is None or query.data is None:
        return Ignored("a button outside of our chats", answer=answer)
    given, label = pressed(query.data), label_of(message.reply_markup, query.data)
    name = given.name or label
    room, chat = Room.of(bot, message), message.chat
    words = f"{'chose' if given.menu else 'pressed'} {label or name}"
    event = Event(
        delivery=f"{room.id}:press:{query.id}",
        thread=room.thread(message.topic),
        kind="callback_query",
        text=f"{words} (value: {given.value})" if given.value and given.value != label else words,
        author=author_of(query.author),
        channel=str(chat.id),
        direct=chat.private,
        identities=(f"user:{query.author.id}",),
        address=room.address(chat, message.topic, message.message_id),
        reply=given.reply,
        action=Action(
            type="select" if given.menu else "button", name=name, value=given.value, message=str(message.message_id)
        ),
        account=bot,
    )
    return Answered([event], answer)
