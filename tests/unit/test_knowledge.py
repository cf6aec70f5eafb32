"""Knowledge: what is read, how it is divided and found, and what a turn, a model and their readers get of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from answerback import Agent, Document, Turn
from answerback.agents.knowledge.chunks import SIZE, chunks
from answerback.agents.knowledge.index import LexicalIndex
from answerback.agents.knowledge.knowledge import MOST, SHOWN, Knowledge
from answerback.agents.memory import MemoryThread
from answerback.errors import ConfigurationError, TurnFailed
from answerback.store.stream.events import RetrievalEvent

GUIDE = """Our shop.

# Refunds #
You get your money back.

## How long it takes
Five working days.

```sh
# not a heading
refund --now
```

# Shipping
Parcels leave every morning.
"""
DOCUMENTS = [
    Document(source="refunds", text="You get your money back within five days."),
    Document(source="shipping", text="Parcels leave every morning. Geöffnet: täglich."),
    Document(source="returns", text="Returning a parcel is free. Parcels must be closed."),
]


def test_markdown_is_divided_at_its_headings() -> None:
    assert list(chunks(Document(source="a.md", text=GUIDE), markdown=True)) == [
        Document(source="a.md", text="Our shop."),
        Document(source="a.md#Refunds", text="Refunds\n\nYou get your money back."),
        Document(
            source="a.md#How long it takes",
            text="Refunds › How long it takes\n\nFive working days.\n\n```sh\n# not a heading\nrefund --now\n```",
        ),
        Document(source="a.md#Shipping", text="Shipping\n\nParcels leave every morning."),
    ]
    (whole,) = chunks(Document(source="a.txt", text=GUIDE), markdown=False)
    assert whole.source == "a.txt"
    assert "# Refunds #" in whole.text


@pytest.mark.parametrize(
    "text", ["One sentence. " * 500, "word " * 1000, "x" * 5000, "A paragraph.\n\n" * 300, "line\n" * 1000]
)
def test_a_long_text_is_divided_and_nothing_is_lost(text: str) -> None:
    pieces = [piece.text for piece in chunks(Document(source="a", text=text), markdown=True)]
    assert len(pieces) > 1
    assert max(map(len, pieces)) <= SIZE
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_documents_are_found_by_their_words_whatever_their_forms() -> None:
    index = LexicalIndex(DOCUMENTS)

    def sources(query: str, limit: int = 5) -> list[str]:
        return [document.source for document in index.search(query, limit)]

    assert sources("RETURN parcels?") == ["returns", "shipping"]
    assert sources("geoffnet taglich") == ["shipping"]
    assert sources("refunds") == ["refunds"], "the source counts, too"
    assert sources("parcels", limit=1) == ["returns"]
    assert sources("nothing of this") == sources("") == sources("?!") == []
    scores = [document.score for document in index.search("return parcels", 5)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 0


@pytest.mark.parametrize("query", ['"', "a OR", "NOT b", "source:x", "(", "*", "x' --", "a\x00b", "NEAR(a b)", "🙂"])
def test_nothing_in_a_query_is_an_operator(query: str) -> None:
    LexicalIndex(DOCUMENTS).search(query, 5)


async def test_a_folder_is_read_with_its_subfolders(tmp_path: Path) -> None:
    (tmp_path / "more/.git").mkdir(parents=True)
    (tmp_path / "guide.md").write_text(GUIDE)
    (tmp_path / "more/hours.txt").write_text("\ufeffWe open at nine.", encoding="utf-8")
    (tmp_path / "more/.git/notes.txt").write_text("nine secrets")
    (tmp_path / "image.png").write_bytes(b"\x89PNG nine")
    (document,) = await Knowledge("a", tmp_path).retrieve("nine", 5)
    assert (document.source, document.text) == ("more/hours.txt", "We open at nine.")
    (document,) = await Knowledge("a", tmp_path / "guide.md").retrieve("working days", 5)
    assert document.source == "guide.md#How long it takes"


async def _not_documents(query: str, limit: int) -> Sequence[Any]:
    return [query]


def _blocking(query: str, limit: int) -> list[Document]:
    return []


@pytest.mark.parametrize(
    ("knowledge", "words"),
    [
        ("none", "does not exist"),
        ("empty", "has no text in files ending in"),
        ("broken", "cannot be read: bad.txt"),
        ([], "has no text"),
        ([Document(source="a", text=" \n")], "has no text"),
        (["a text"], "must be a folder, a list of Document"),
        (7, "must be a folder, a list of Document"),
        (_blocking, "its retriever is not async"),
    ],
)
def test_knowledge_that_cannot_be_used_is_named_before_the_first_message(
    tmp_path: Path, knowledge: Any, words: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/bad.txt").write_bytes(b"\xff\xfe\xfa")
    source = tmp_path / knowledge if isinstance(knowledge, str) else knowledge
    with pytest.raises(ConfigurationError, match='agent "a": ') as raised:
        Agent("a", _answer, knowledge=source).prepare()
    assert words in str(raised.value)


def test_knowledge_is_for_functions_and_models() -> None:
    for kind in ({"flow": "kyc.json"}, {"remote": "https://agent.example.com"}):
        with pytest.raises(ConfigurationError, match="knowledge needs a function or a model"):
            Agent("a", knowledge=DOCUMENTS, **kind)  # type: ignore[arg-type]


def _events(thread: MemoryThread) -> list[RetrievalEvent]:
    return [event for event in thread.stream if isinstance(event, RetrievalEvent)]


async def _answer(turn: Turn) -> str:
    documents = await turn.retrieve(turn.text, limit=1)
    return documents[0].text if documents else "I do not know."


async def test_a_function_retrieves_and_its_readers_see_what() -> None:
    thread = MemoryThread(Agent("a", _answer, knowledge=DOCUMENTS))
    await thread.say("refunds?")
    question, answer = thread.history
    assert answer.text == DOCUMENTS[0].text
    (retrieval,) = answer.retrievals
    assert (retrieval.query, retrieval.public) == ("refunds?", False)
    assert [document.source for document in retrieval.documents] == ["refunds"]
    assert question.retrievals == ()
    (event,) = _events(thread)
    assert (event.query, event.documents, event.public) == ("refunds?", retrieval.documents, UNSET)
    await thread.say("anything else?")
    assert thread.history[-1].text == "I do not know."
    assert thread.history[-1].retrievals[0].documents == ()


async def test_another_attempt_gets_what_the_first_one_retrieved() -> None:
    found: list[str] = []

    async def search(query: str, limit: int) -> list[Document]:
        found.append(query)
        return [Document(source=f"page {len(found)}", text="x" * (SHOWN + 1), score=2)] * (limit + 1)

    async def failing_once(turn: Turn) -> str:
        documents = await turn.retrieve("a", limit=2)
        if turn.attempt == 1:
            raise ValueError("once")
        return f"{len(documents)} from {documents[0].source}, {len(documents[0].text)} characters"

    thread = MemoryThread(Agent("a", failing_once, knowledge=search), attempts=2)
    with pytest.raises(ValueError, match="once"):
        await thread.say("?")
    await thread.resume()
    assert thread.history[-1].text == f"2 from page 1, {SHOWN} characters"
    assert found == ["a"]
    assert len(_events(thread)) == len(thread.history[-1].retrievals) == 1, "and nobody sees it twice"


async def test_a_retriever_is_asked_for_a_sensible_number_of_documents() -> None:
    limits: list[int] = []

    async def search(query: str, limit: int) -> list[Document]:
        limits.append(limit)
        return []

    knowledge = Knowledge("a", search)
    for limit in (-1, 5, 1000):
        await knowledge.retrieve("x", limit)
    assert limits == [1, 5, MOST]
    with pytest.raises(TurnFailed, match="must return a list of Document"):
        await Knowledge("a", _not_documents).retrieve("x", 1)


async def test_an_agent_without_knowledge_says_so() -> None:
    thread = MemoryThread(Agent("a", _answer), attempts=1)
    with pytest.raises(TurnFailed, match='agent "a" has no knowledge'):
        await thread.say("?")


def _model(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    returns = [part for part in messages[-1].parts if isinstance(part, ToolReturnPart)]
    if not returns:
        assert [tool.name for tool in info.function_tools] == ["reply", "search_knowledge"]
        return ModelResponse(parts=[ToolCallPart("search_knowledge", {"query": "parcels"}, "c1")])
    return ModelResponse(parts=[TextPart(str(returns[0].content))])


@pytest.mark.parametrize("public", [False, True, ["search_knowledge"]])
async def test_a_model_retrieves_with_a_tool(public: bool | list[str]) -> None:
    thread = MemoryThread(Agent("a", model=FunctionModel(_model), knowledge=DOCUMENTS, public=public))
    await thread.say("parcels?")
    answer = thread.history[-1]
    assert "Parcels leave every morning" in answer.text
    assert answer.tools == (), "a retrieval is shown as one, not as a tool call, too"
    (retrieval,) = answer.retrievals
    assert (retrieval.query, retrieval.public) == ("parcels", bool(public))
    assert [document.source for document in retrieval.documents] == ["returns", "shipping"]
    (event,) = _events(thread)
    assert event.public == (True if public else UNSET)


async def test_a_model_is_told_that_nothing_was_found() -> None:
    thread = MemoryThread(Agent("a", model=FunctionModel(_model), knowledge=DOCUMENTS[:1]))
    await thread.say("parcels?")
    assert thread.history[-1].text == "Nothing was found."
