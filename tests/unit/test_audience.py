"""Who sees what of threads, messages and the events of a stream."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from answerback.events import Event
from answerback.messages import Attachment, Author, Document, Message, Retrieval, ToolCall, Usage
from answerback.outgoing import Button, Select
from answerback.store.access.api_keys import Scope
from answerback.store.chats.chat import Chat
from answerback.store.stream.events import KINDS, EncodedEvent
from answerback.store.stream.stored_events import StoredEvent
from ingress.api.auth import audience
from ingress.api.auth.audience import reason
from ingress.api.context import Principal
from ingress.api.routes.sessions import SessionView
from ingress.api.schemas.message_views import MessageView
from ingress.api.schemas.threads import ThreadSummary

WHY = "OperationalError: postgresql://bot:hunter2@db refused"
SECRET = "canary-4711"


def caller(*scopes: Scope, kind: str = "live") -> Principal:
    """One with these scopes."""
    return Principal(workspace="acme", key="k", kind=kind, scopes=frozenset(scopes))


OPERATOR = caller("admin")
SERVER = caller("chat:read", "chat:write")
USER = Principal(
    workspace="acme", key="k", kind="user", scopes=frozenset[Scope](("chat:read", "chat:write")), user="ada"
)
# A kind of credential that nobody has thought of yet is a visitor's, whatever scopes it claims.
VISITORS = [
    caller("chat:read", "chat:write", kind="ses"),
    caller(kind="pub"),
    caller("admin", kind="link"),
    caller("chat:read", "chat:write", "admin", kind="user"),
]
STRANGERS = [SERVER, USER, *VISITORS]


def encoded(kind: str, turn: str, **fields: Any) -> EncodedEvent:
    """An event with any fields, also with those of later versions."""
    return kind, msgspec.json.encode({"turn": turn, **fields})


def seen(who: Principal, event: StoredEvent) -> Any:
    """An event as its reader gets it."""
    found = audience.stream_event(who, event)
    return None if found is None else msgspec.json.decode(found.data)


@pytest.mark.parametrize("stranger", STRANGERS)
def test_strangers_get_general_words_and_the_turn(stranger: Principal) -> None:
    assert reason(stranger, WHY, turn="t1") == "the agent failed; its operators can see why: turn t1"
    assert reason(stranger, WHY, code="unreachable").startswith("the agent could not be reached")
    assert reason(stranger, WHY, code="what is new").startswith("the agent failed")
    assert reason(stranger, "") == ""


@pytest.mark.parametrize("code", ["limit", "timeout"])
def test_limits_are_told_to_the_products_server_and_not_to_visitors(code: str) -> None:
    why = "the turn used more than 5000 tokens: 5210"
    assert reason(SERVER, why, code=code) == why
    assert not [visitor for visitor in VISITORS if "5" in reason(visitor, why, code=code)]


def test_an_operator_is_told_why() -> None:
    assert reason(OPERATOR, WHY) == WHY


def test_an_event_keeps_all_but_its_reason_for_a_server() -> None:
    for kind, fields in (
        ("retry", {"reason": WHY, "code": "agent_failed", "attempt": 2, "seconds": 0.5}),
        ("error", {"events": ["t1"], "reason": WHY, "code": "agent_failed"}),
    ):
        event = StoredEvent("1-0", *encoded(kind, "t1", **fields))
        assert audience.stream_event(OPERATOR, event) is event
        expected = {"turn": "t1", **fields, "reason": "the agent failed; its operators can see why: turn t1"}
        assert seen(SERVER, event) == expected


def test_what_is_zero_in_a_turns_usage_is_told_as_zero() -> None:
    ended = {"events": ["t1"], "status": "completed", "message": "", "messages": []}
    event = StoredEvent("1-0", *encoded("done", "t1", **ended, usage=Usage(requests=1)))
    for who in (OPERATOR, SERVER):
        assert seen(who, event)["usage"] == {"input_tokens": 0, "output_tokens": 0, "requests": 1}
    unasked = StoredEvent("1-0", *encoded("done", "t1", **ended, usage=None))
    assert seen(SERVER, unasked)["usage"] is None


@pytest.mark.parametrize("visitor", [*VISITORS, USER])
@pytest.mark.parametrize("kind", [*KINDS, "a kind of later"])
def test_no_event_brings_a_visitor_what_is_internal(kind: str, visitor: Principal) -> None:
    internal: dict[str, Any] = {
        "agent": "helper" if visitor is USER else SECRET, "args": {"q": SECRET}, "result": SECRET,
        "attempt": 4711, "state": SECRET, "url": SECRET, "usage": {"input_tokens": 4711},
        "reason": f"ValueError: {SECRET}" if kind != "gone" else "it was deleted",
        "outcome": "done", "what is new": SECRET, "query": SECRET,
        "documents": [{"source": SECRET, "text": SECRET, "score": 1.5}],
        "messages": [{"id": "m", "text": "hi", "author": {"id": SECRET}}] if kind == "turn" else ["t1.0"],
    }  # fmt: skip
    public = {"id": "c1", "name": "search", "events": ["t1"], "code": "agent_failed", "status": "completed",
              "message": "t1.0", "at": 0, "text": "hi", "seconds": 1.5, "actions": []}  # fmt: skip
    found = seen(visitor, StoredEvent("1-0", *encoded(kind, "t1", **public, **internal)))
    assert "4711" not in str(found)
    if kind in ("reply", "retrieval", "a kind of later"):
        assert found is None
    else:
        assert found["turn"] == "t1"


@pytest.mark.parametrize("visitor", [*VISITORS, USER])
def test_a_public_tools_call_is_shown_and_its_failure_is_not(visitor: Principal) -> None:
    call = {"id": "c1", "name": "search", "public": True}
    assert seen(visitor, StoredEvent("", *encoded("tool_call", "t1", **call, args={"q": "shoes"})))["args"] == {
        "q": "shoes"
    }
    for outcome, result in (("done", "shoes"), ("failed", None), ("unknown", None)):
        event = StoredEvent("", *encoded("tool_result", "t1", **call, result="shoes", outcome=outcome))
        assert (seen(visitor, event)["outcome"], seen(visitor, event)["result"]) == (outcome, result)
        tool = ToolCall(id="c1", name="search", args={"q": "shoes"}, result="shoes", outcome=outcome, public=True)  # type: ignore[arg-type]
        view = MessageView.of(Message(role="assistant", text="", tools=(tool,)), visitor)
        assert (view.tool_calls[0].outcome, view.tool_calls[0].result) == (outcome, result)


def test_a_message_shows_a_visitor_what_was_said_and_the_names_of_tools() -> None:
    answer = Message(
        role="assistant", text="hello", id="t1.0", turn="t1", agent=SECRET, model=SECRET.encode(), reply=SECRET,
        author=Author(SECRET), usage=Usage(input_tokens=4711),
        tools=(ToolCall(id="c1", name="search", args={"q": SECRET}, result=SECRET, outcome="failed"),),
        attachments=(Attachment(name=SECRET, content_type="text/plain", text=SECRET),),
    )  # fmt: skip
    for visitor in VISITORS:
        view = MessageView.of(answer, visitor)
        assert (view.content, [call.name for call in view.tool_calls]) == ("hello", ["search"])
        assert "4711" not in view.model_dump_json()
    assert MessageView.of(answer, SERVER).tool_calls[0].args == {"q": SECRET}


def test_a_visitor_sees_their_own_attachments_and_nobody_elses() -> None:
    brought = (Attachment(name="a.txt", content_type="text/plain", text="mine"),)
    for visitor in VISITORS:
        own = Message(role="user", text="look", attachments=brought, visitor=True)
        assert MessageView.of(own, visitor).attachments[0].text == "mine"
        assert MessageView.of(msgspec.structs.replace(own, visitor=False), visitor).attachments == []
    waiting = Event(
        delivery="d", thread="t", kind="message", text="look", author=Author("u"), attachments=brought, visitor=True
    )
    assert MessageView.waiting(waiting, VISITORS[0]).attachments[0].text == "mine"


def test_a_thread_shows_a_visitor_how_it_stands() -> None:
    chat = Chat(
        id="th_1", thread="chat:acme:th_1", workspace="acme", agent=SECRET, system=SECRET, metadata={"lead": SECRET},
        user=SECRET, title=SECRET, url=SECRET, error=f"ValueError: {SECRET}", state="retrying",
    )  # fmt: skip
    for visitor in VISITORS:
        for view in (ThreadSummary.of(chat, visitor), SessionView(**SessionView.fields_of(chat, visitor))):
            assert view.state == "retrying"
            assert SECRET not in view.model_dump_json()
        asked = msgspec.structs.replace(chat, agent="support", wanted="support")
        assert SessionView(**SessionView.fields_of(asked, visitor)).agentId == "support"
        reassigned = msgspec.structs.replace(chat, agent=SECRET, wanted=SECRET, reassigned=True)
        assert SessionView(**SessionView.fields_of(reassigned, visitor)).agentId is None
    assert SessionView(**SessionView.fields_of(chat, SERVER)).agentId == SECRET


def test_a_user_sees_titles_and_agents_and_nothing_else_that_is_internal() -> None:
    chat = Chat(
        id="th_1", thread="chat:acme:th_1", workspace="acme", user="ada", title="Lunch", agent="helper", pinned=True,
        system=SECRET, metadata={"lead": SECRET}, url=SECRET, error=f"ValueError: {SECRET}", state="retrying",
    )  # fmt: skip
    summary = ThreadSummary.of(chat, USER)
    assert (summary.title, summary.user_id, summary.agent, summary.pinned) == ("Lunch", "ada", "helper", True)
    assert SECRET not in summary.model_dump_json()
    answer = Message(
        role="assistant", text="hello", id="t1.0", turn="t1", agent="helper", model=SECRET.encode(), reply=SECRET,
        author=Author(SECRET), usage=Usage(input_tokens=4711),
        tools=(ToolCall(id="c1", name="search", args={"q": SECRET}, result=SECRET, outcome="failed"),),
        attachments=(Attachment(name=SECRET, content_type="text/plain", text=SECRET),),
    )  # fmt: skip
    view = MessageView.of(answer, USER)
    assert (view.content, view.agent, [call.name for call in view.tool_calls]) == ("hello", "helper", ["search"])
    assert "4711" not in view.model_dump_json()
    turn = {"attempt": 4711, "agent": "helper", "events": ["t1"], "messages": []}
    event = StoredEvent("1-0", *encoded("turn", "t1", **turn))
    assert seen(USER, event) == {"turn": "t1", "agent": "helper", "events": ["t1"], "messages": []}


def test_a_thread_that_was_deleted_is_told_as_it_is() -> None:
    event = StoredEvent("", *encoded("gone", "", reason="the thread was deleted"))
    for who in (OPERATOR, SERVER, USER, *VISITORS):
        assert seen(who, event) == {"turn": "", "reason": "the thread was deleted"}


def test_a_retrieval_is_shown_to_end_users_only_if_it_is_public() -> None:
    documents = [{"source": "a.md", "text": SECRET, "score": 1.5}]
    event = {"id": "t1.r1", "query": "a", "documents": documents}
    message = Message(
        role="assistant",
        text="",
        retrievals=(
            Retrieval(query="hidden", documents=(Document("a.md", SECRET),)),
            Retrieval(query="shown", documents=(Document("a.md", "b"),), public=True),
        ),
    )
    for who in (USER, *VISITORS):
        assert seen(who, StoredEvent("1-0", *encoded("retrieval", "t1", **event))) is None
        shown = seen(who, StoredEvent("1-0", *encoded("retrieval", "t1", **event, public=True)))
        assert shown == {"turn": "t1", **event}
        assert [each.query for each in MessageView.of(message, who).retrievals] == ["shown"]
    for trusted in (SERVER, OPERATOR):
        assert seen(trusted, StoredEvent("1-0", *encoded("retrieval", "t1", **event))) == {"turn": "t1", **event}
        assert len(MessageView.of(message, trusted).retrievals) == 2


def test_a_visitor_sees_the_buttons_and_files_that_an_agent_sends() -> None:
    sent = Message(
        role="assistant",
        text="Well?",
        attachments=(Attachment(name="plan.txt", content_type="text/plain", file="t.f", size=3),),
        actions=(Button("Yes", value="1", name="yes"), Select("size", (("Small", "s"),), placeholder="Size")),
    )
    for caller in VISITORS:
        shown = MessageView.of(sent, caller)
        assert [(each.name, each.file, each.size) for each in shown.attachments] == [("plan.txt", "t.f", 3)]
        yes, size = shown.actions
        assert (yes.type, yes.name, yes.label, yes.value) == ("button", "yes", "Yes", "1")
        assert (size.type, size.label, [option.value for option in size.options]) == ("select", "Size", ["s"])
