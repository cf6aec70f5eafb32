"""Which agent an event is for."""

from __future__ import annotations

import msgspec
import pytest

from answerback.agents import Agent, Listen, Turn
from answerback.agents.routing import answered_before, overheard, route, why_unanswered
from answerback.events import Action, Amendment, Event
from answerback.messages import Author, Identity, Message
from answerback.platforms import Delivery, github
from tests.fixtures.deliveries import load

US = Identity(name="@answerbot", mentions=("answerbot",), marks=("login:answerbot",))
EVENT = Event(delivery="github:1", thread="github:1:2", kind="x", text="", author=Author("u1"), channel="Acme/Widgets")


async def _think(turn: Turn) -> str:
    return turn.text


def _agent(name: str, *listen: Listen) -> Agent:
    return Agent(name, _think, listen=listen or (Listen(),))


def _name(agents: list[Agent], event: Event, last: str = "") -> str | None:
    found = route(agents, event, identity=US, last=last)
    return found.name if found else None


def test_who_is_mentioned_is_asked_whatever_the_case_of_the_name() -> None:
    assert _name([_agent("a")], EVENT) is None
    assert _name([_agent("a")], msgspec.structs.replace(EVENT, mentions=("AnswerBot",))) == "a"


@pytest.mark.parametrize(
    ("action", "when", "answered"),
    [
        (Action(type="button", name="Approve"), Listen(), True),
        (Action(type="command", name="/deploy"), Listen(when=("mention", "every")), False),
        (Action(type="assigned", name="AnswerBot"), Listen(), True),
        (Action(type="assigned", name="ada"), Listen(), False),
        (Action(type="assigned", name="ada"), Listen(when=("assigned",)), True),
        (Action(type="unassigned", name="answerbot"), Listen(), False),
        (Action(type="review_requested", name="answerbot"), Listen(), True),
        (Action(type="labeled", name="bug"), Listen(when=("every",)), False),
        (Action(type="labeled", name="bug"), Listen(when=("labeled",)), True),
        (Action(type="reaction", name="eyes"), Listen(when=("reaction",)), True),
        (Action(type="state", name="closed"), Listen(), False),
        (Action(type="state", name="closed"), Listen("slack", when=("state",)), False),
    ],
)
def test_what_is_no_message_is_answered_by_who_listens_to_it(action: Action, when: Listen, answered: bool) -> None:
    agents, event = [_agent("a", when)], msgspec.structs.replace(EVENT, action=action)
    assert (_name(agents, event) == "a") is answered
    if not answered and when.platform != "slack":
        assert action.type in why_unanswered(agents, event, own=False)


def test_an_action_is_not_answered_because_its_thread_was() -> None:
    event = msgspec.structs.replace(EVENT, action=Action(type="labeled", name="bug"))
    assert _name([_agent("a")], event, last="a") is None


def test_a_conversation_of_two_is_for_us() -> None:
    assert _name([_agent("a")], msgspec.structs.replace(EVENT, direct=True)) == "a"


def test_a_thread_stays_with_the_agent_that_answered_in_it() -> None:
    agents = [_agent("a"), _agent("b")]
    assert _name(agents, EVENT, last="b") == "b"
    assert _name(agents, msgspec.structs.replace(EVENT, direct=True), last="b") == "b"
    assert _name([_agent("a", Listen(when=("mention",)))], EVENT, last="a") is None


def test_the_first_agent_that_hears_an_event_answers_it() -> None:
    agents = [_agent("a", Listen("slack")), _agent("b", Listen("github", "acme/*", when=("every",))), _agent("c")]
    assert _name(agents, EVENT) == "b"


@pytest.mark.parametrize(
    ("listen", "heard"),
    [
        (Listen(when=("every",)), True),
        (Listen("git*", "acme/widgets", when=("every",)), True),
        (Listen("github", "acme/gadgets", when=("every",)), False),
        (Listen("slack", when=("every",)), False),
    ],
)
def test_a_place_is_a_platform_and_a_pattern(listen: Listen, heard: bool) -> None:
    assert (_name([_agent("a", listen)], EVENT) == "a") is heard
    assert overheard([_agent("a", listen)], EVENT) is heard


def test_an_account_is_a_pattern_too() -> None:
    event = msgspec.structs.replace(EVENT, account="T1")
    for pattern, heard in (("T1", True), ("T2", False), ("T*", True), ("*", True)):
        listen = Listen(when=("every",), account=pattern)
        assert (_name([_agent("a", listen)], event) is not None) == heard
    assert str(Listen("slack", account="T1", when=("every",))) == "slack, account T1: every"


def test_without_knowing_who_we_are_no_mention_is_ours() -> None:
    mentioned = msgspec.structs.replace(EVENT, mentions=("answerbot",))
    assert route([_agent("a")], mentioned, identity=None, last="") is None


def test_what_is_said_to_an_agent_by_name_is_for_no_other() -> None:
    agents = [_agent("a"), _agent("b", Listen(platform="slack"))]
    direct = msgspec.structs.replace(EVENT, direct=True)
    assert _name(agents, msgspec.structs.replace(direct, agent="b"), last="a") == "b"
    assert _name(agents, msgspec.structs.replace(direct, agent="c"), last="a") is None


def test_a_mention_that_the_platform_tells_of_needs_no_identity() -> None:
    agent = Agent("a", _think, listen=Listen(when=("mention",)))
    event = msgspec.structs.replace(EVENT, mentions=("u0bot",))
    assert route([agent], event, identity=None, last="") is None
    assert route([agent], msgspec.structs.replace(event, mentioned=True), identity=None, last="") is agent


CHAT = msgspec.structs.replace(
    EVENT, delivery="chat:default:th_1:m", thread="chat:default:th_1", channel="default", direct=True
)


def test_a_chat_that_no_agent_listens_to_is_answered_by_the_first_that_accepts_chats() -> None:
    silent = Agent("silent", _think, chat=False)
    agents = [silent, _agent("a", Listen("slack")), _agent("b", Listen("github", "acme/*", when=("mention",)))]
    assert _name(agents, CHAT) == "a"
    assert _name(agents, CHAT, last="b") == "b"
    assert _name([*agents, _agent("c")], CHAT) == "c"
    assert _name([silent], CHAT) is None


def test_an_event_that_no_agent_answers_has_a_reason() -> None:
    agents = [Agent("a", _think, listen=Listen("github", "acme/*"), chat=False)]
    here = why_unanswered(agents, EVENT, own=False)
    assert here.startswith("the agents that listen to github Acme/Widgets answer only what is addressed to them")
    elsewhere = msgspec.structs.replace(EVENT, channel="other/place")
    assert why_unanswered(agents, elsewhere, own=False) == "no agent listens to github other/place"
    assert why_unanswered(agents, CHAT, own=False) == "no agent accepts chat messages"
    assert why_unanswered(agents, EVENT, own=False, muted=True).startswith("the thread is muted")
    assert why_unanswered(agents, EVENT, own=True) == "an agent wrote this message"
    edited = msgspec.structs.replace(EVENT, edited="mention")
    assert why_unanswered(agents, edited, own=False).startswith("an edit is answered if it adds a mention")


# Programs


def parsed(name: str) -> Event:
    """The event of a fixture, or the one that an edit becomes."""
    found = github.parse(Delivery(load("github", name).headers, load("github", name).body))
    assert isinstance(found, list)
    event = found[0].event if isinstance(found[0], Amendment) else found[0]
    assert isinstance(event, Event)
    return event


def test_another_bots_acknowledgement_of_our_reply_is_not_answered() -> None:
    event = parsed("issue_comment.created.acknowledged_by_bot")
    assert event.author.kind == "bot"
    assert _name([_agent("a")], event, last="a") is None
    assert _name([_agent("a", Listen(bots=True))], event, last="a") == "a"
    assert _name([_agent("a", Listen(when=("every",)))], event, last="a") == "a"
    person = msgspec.structs.replace(event, author=Author("1", "ada"))
    assert _name([_agent("a")], person, last="a") == "a"
    assert _name([_agent("a")], msgspec.structs.replace(event, mentions=("answerbot",)), last="a") == "a"


def test_what_we_said_ourselves_is_for_nobody() -> None:
    ours = msgspec.structs.replace(EVENT, identities=("login:answerbot",), mentions=("answerbot",), direct=True)
    assert _name([_agent("a", Listen(when=("every",)))], ours, last="a") is None


# Edits


def test_an_edit_is_heard_for_the_mention_that_it_adds_and_for_nothing_else() -> None:
    event = parsed("issue_comment.edited.mention_added")
    assert _name([_agent("a")], event) == "a"
    other = msgspec.structs.replace(event, mentions=("somebody",))
    for agent in (_agent("a"), _agent("a", Listen(when=("every",)))):
        assert _name([agent], other, last="a") is None


def test_a_message_is_answered_once_however_it_comes_back() -> None:
    event = parsed("issue_comment.edited.mention_added")
    said = Message(role="user", text="hi", turn="1", message=event.message)
    answer = Message(role="assistant", text="yes", turn="1")
    assert answered_before([said, answer], event)
    assert not answered_before([said], event)
    assert not answered_before([msgspec.structs.replace(said, message="other"), answer], event)
