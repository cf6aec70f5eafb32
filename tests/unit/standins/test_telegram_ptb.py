"""python-telegram-bot agrees with the stand-in, and reads the deliveries."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, ReactionTypeEmoji, Update
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, RetryAfter

from answerback.testing.standins.options import Options
from tests.fixtures.deliveries import content, names
from tests.standins.bench import Bench, serve

TOKEN = Options.telegram_token
GROUP, SUPERGROUP = -5012345678, -1002345678999


@pytest.fixture
async def polled() -> AsyncIterator[Bench]:
    async with serve(Options(telegram_group_per_minute=3)) as one:
        yield one


def bot_of(bench: Bench, token: str = TOKEN) -> Bot:
    return Bot(token, base_url=f"{bench.url}/telegram/bot", base_file_url=f"{bench.url}/telegram/file/bot")


@pytest.mark.parametrize("name", names("telegram"))
def test_it_reads_every_delivery(name: str) -> None:
    body: Any = content("telegram", name)
    update = Update.de_json(body, None)
    kind = next(key for key in body if key != "update_id")
    assert getattr(update, kind) is not None
    assert set(update.to_dict()) == set(body)


async def test_a_bot_writes_changes_and_is_refused(polled: Bench) -> None:
    async with bot_of(polled) as bot:
        assert (await bot.get_me()).username == "answerbot"
        button = InlineKeyboardMarkup([[InlineKeyboardButton("Yes", callback_data="yes")]])
        sent = await bot.send_message(7, "👋 <b>bold</b> &amp;", parse_mode="HTML", reply_markup=button)
        assert sent.text == "👋 bold &"
        assert [(each.type, each.offset, each.length) for each in sent.entities] == [("bold", 3, 4)]
        edited = await sent.edit_text("plain")
        assert not isinstance(edited, bool)
        assert (edited.text, edited.reply_markup) == ("plain", None)
        with pytest.raises(BadRequest, match="not modified"):
            await sent.edit_text("plain")
        await bot.set_message_reaction(7, sent.message_id, [ReactionTypeEmoji("👀")])
        document = await bot.send_document(7, b"content", filename="a.txt")
        assert document.document is not None
        assert bytes(await (await document.document.get_file()).download_as_bytearray()) == b"content"
        assert await sent.delete()
        for text, words in (("<x>", "unsupported start tag"), ("<b>", "end tag"), (" ", "empty"), ("x" * 4097, "long")):
            with pytest.raises(BadRequest, match=words):
                await bot.send_message(7, text, parse_mode="HTML")
        for _ in range(3):
            await bot.send_message(GROUP, "hello")
        with pytest.raises(RetryAfter):
            await bot.send_message(GROUP, "hello")
        await polled.standins.act("telegram", "migrate", chat=GROUP, to=SUPERGROUP)
        with pytest.raises(ChatMigrated) as caught:
            await bot.send_message(GROUP, "hello")
        assert caught.value.new_chat_id == SUPERGROUP
        await polled.standins.act("telegram", "block", chat=7)
        with pytest.raises(Forbidden, match="blocked"):
            await bot.send_message(7, "hello")
    with pytest.raises(InvalidToken):
        await bot_of(polled, "1:wrong").initialize()


async def test_a_bot_asks_for_updates(polled: Bench) -> None:
    async with bot_of(polled) as bot:
        said = await polled.standins.act("telegram", "say", chat=7, text="/start now", name="Ada")
        await polled.standins.act("telegram", "react", chat=7, message_id=said["message_id"])
        (update,) = await bot.get_updates(timeout=1)
        assert update.message is not None
        assert update.message.parse_entities() == {update.message.entities[0]: "/start"}
        assert not await bot.get_updates(offset=update.update_id + 1, allowed_updates=["message", "message_reaction"])
        await polled.standins.act("telegram", "react", chat=7, message_id=said["message_id"], emoji=[])
        (update,) = await bot.get_updates(offset=update.update_id + 1)
        assert update.message_reaction is not None
        await bot.set_webhook("https://bot.example/webhooks/telegram", secret_token="s")
        with pytest.raises(Conflict, match="webhook is active"):
            await bot.get_updates()
        assert (await bot.get_webhook_info()).url == "https://bot.example/webhooks/telegram"
        assert await bot.delete_webhook()
        await bot.set_my_commands([("deploy", "Deploy it")])
        assert [each.command for each in await bot.get_my_commands()] == ["deploy"]
