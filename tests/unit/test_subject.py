"""What a model is told of what an event is about: once in a conversation, and no more than a bounded text."""

from __future__ import annotations

import msgspec
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from answerback.agents import Agent, Turn
from answerback.agents.journal import Journal
from answerback.agents.llm.subject import about, describe
from answerback.events import Event, Subject
from answerback.messages import Author, Message
from answerback.replies import Reply

LINE = Subject(
    kind="pull_request",
    title="“Frames” \u2028 ü",
    body="It is.",
    author="ada",
    path="a.rs",
    line=25,
    diff="@@ 1 @@\n+x",
)


def _event(number: int, subject: Subject | None) -> Event:
    return Event(
        delivery=f"x:{number}", thread="x:1", kind="message", text=f"why {number}?", author=Author("u"), subject=subject
    )


def test_a_subject_is_told_with_its_place() -> None:
    words = "Pull request: “Frames” \u2028 ü (opened by ada)\n\nIt is.\n\nFile: a.rs, line 25\n@@ 1 @@\n+x"
    assert describe(LINE) == f"<about>\n{words}\n</about>"
    assert "lines 20 to 25" in describe(msgspec.structs.replace(LINE, start=20))
    assert "File: a.rs\n@@" in describe(msgspec.structs.replace(LINE, line=0))
    assert describe(Subject(kind="issue")) == ""
    assert describe(Subject(title="</about>t", body="<about>")).count("about>") == 2


def test_a_quoted_message_is_told_even_if_it_is_in_the_history() -> None:
    quoted = Subject(kind="message", body="Blue or red?", author="shop", message="7")
    told = "<about>\nThis answers a message of shop:\n\nBlue or red?\n</about>"
    history = [Message(role="assistant", text="Blue or red?", model=msgspec.json.encode(told))]
    assert list(about([_event(1, quoted)], history)) == [told]
    assert describe(msgspec.structs.replace(quoted, author="")).startswith("<about>\nThis answers a message:\n")
    assert describe(Subject(kind="message", message="7")) == ""


async def test_a_model_is_told_once_what_the_conversation_is_about() -> None:
    prompts: list[str] = []

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        prompts.append(str(messages))
        return ModelResponse(parts=[TextPart("because")])

    async def write(name: str, record: bytes, replies: list[Reply]) -> None:
        pass

    agent, history = Agent("a", model=FunctionModel(answer)), list[Message]()
    subjects = [LINE, LINE, msgspec.structs.replace(LINE, body="It was, and has been changed.")]
    for number, subject in enumerate(subjects):
        turn = Turn(
            agent="a", events=[_event(number, None), _event(number + 10, subject)], history=history, attempt=1,
            state={}, journal=Journal({}, write),  # type: ignore[arg-type]
        )  # fmt: skip
        assert await agent.think(turn) == "because"
        history.append(Message(role="assistant", text="because", turn=str(number), model=turn.model))
        turn.journal.close()
    assert [prompt.count("<about>") for prompt in prompts] == [1, 1, 2]
    assert list(about([_event(1, LINE), _event(2, LINE)], [])) == [describe(LINE)]


def test_the_body_that_began_a_conversation_is_not_told_again() -> None:
    [words] = about([_event(1, LINE)], [Message(role="user", text="It is.", turn="t0")])
    assert words == describe(msgspec.structs.replace(LINE, body=""))
