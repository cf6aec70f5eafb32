"""Uploaded files in the prompts of a model: read from the store for each turn, never stored a second time."""

from __future__ import annotations

import base64
from typing import Any

from pydantic_ai.messages import BinaryContent, ModelMessage, ModelResponse, TextPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from answerback.agents import Agent, Turn
from answerback.agents.journal import Journal
from answerback.agents.llm import files as prompt_files
from answerback.agents.outcome import turn_messages
from answerback.errors import NoSuchFile
from answerback.events import Event
from answerback.messages import Attachment, Author, Message

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8
STORED = {"th.1": PNG, "th.2": "grüße".encode()}
IMAGE = Attachment(name="a.png", content_type="image/png", file="th.1", size=len(PNG))
NOTES = Attachment(name="notes.md", content_type="text/markdown", file="th.2", size=7)
SHOWN = BinaryContent(PNG, media_type="image/png", identifier="th.1")
TEXT = "notes.md (text/markdown):\n\ngrüße"


class Chat:
    """A chat with a model that notes what it is sent."""

    def __init__(self, stored: dict[str, bytes]) -> None:
        self.stored = stored
        self.history: list[Message] = []
        self.sent: list[Any] = []
        self._agent = Agent("m", model=FunctionModel(self._answer))

    def _answer(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        contents: list[Any] = [getattr(part, "content", "") for message in messages for part in message.parts]
        self.sent = [each for content in contents for each in ([content] if isinstance(content, str) else content)]
        return ModelResponse(parts=[TextPart("yes")])

    async def say(self, text: str, *attachments: Attachment) -> list[Any]:
        """Return what the model is sent for a message."""
        number = len(self.history)
        event = Event(
            delivery=f"chat:{number}", thread="chat:acme:th", kind="message", text=text, author=Author("u"),
            direct=True, attachments=attachments,
        )  # fmt: skip

        async def write(*step: Any) -> None:
            """Nothing is kept."""

        async def read_file(id: str) -> bytes:
            if id not in self.stored:
                raise NoSuchFile
            return self.stored[id]

        turn = Turn(
            agent="m", events=[event], history=[*self.history], attempt=1, state={}, journal=Journal({}, write),
            read_file=read_file,
        )  # fmt: skip
        turn.conclude(await self._agent.think(turn) or "")
        self.history += turn_messages(turn, 1, status="completed")
        return self.sent


async def test_a_file_is_shown_in_its_turn_and_again_in_the_next() -> None:
    chat = Chat(dict(STORED))
    assert await chat.say("look", IMAGE, NOTES) == ["look", SHOWN, TEXT]
    assert await chat.say("again?") == ["look", SHOWN, TEXT, "yes", "again?"]


async def test_a_models_own_record_has_no_contents_of_files() -> None:
    chat = Chat(dict(STORED))
    await chat.say("look", IMAGE, NOTES)
    record = next(message.model for message in chat.history if message.model)
    assert base64.b64encode(PNG)[:40] not in record
    assert base64.urlsafe_b64encode(PNG)[:40] not in record
    assert "grüße".encode() not in record
    assert not any(attachment.data for message in chat.history for attachment in message.attachments)


async def test_a_model_is_told_that_a_file_was_deleted() -> None:
    chat = Chat(dict(STORED))
    await chat.say("look", IMAGE)
    chat.stored.clear()
    gone = "a.png (image/png): not shown, it was deleted or is too large to be shown again"
    assert await chat.say("again?") == ["look", gone, "yes", "again?"]
    assert await chat.say("and this?", NOTES) == [
        *("look", gone, "yes", "again?", "yes"),
        *("and this?", "notes.md (text/markdown): not shown, it was deleted or is too large to be shown again"),
    ]


async def test_only_the_newest_of_many_large_files_are_shown_again(monkeypatch: Any) -> None:
    monkeypatch.setattr(prompt_files, "EARLIER", len(PNG) + 1)
    chat = Chat(dict(STORED))
    await chat.say("first", NOTES)
    await chat.say("second", IMAGE)
    sent = await chat.say("third")
    assert SHOWN in sent
    assert TEXT not in sent
