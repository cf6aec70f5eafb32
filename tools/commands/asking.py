"""Ask an agent by name in a chat, whatever it listens to; and list what the agents listen to."""

from __future__ import annotations

from uuid import uuid4

from answerback.events import Event
from answerback.messages import Author
from answerback.store.chats.chats import Chats
from answerback.store.chats.sessions import open_session
from answerback.store.fleet.workers import AgentReport
from answerback.store.thread_ids import DEFAULT_WORKSPACE
from answerback.store.threads.receipt import Receipt

from ..exits import Failure
from ..rendering import visible
from ..store import Store


async def running_agents(store: Store) -> list[AgentReport]:
    """Return the agents in code that living workers run, in the order of their lists."""
    reports = [report for report, silent in await store.workers.workers() if silent <= report.lease]
    agents = {agent.name: agent for report in reports for agent in report.agents if not agent.workspace}
    return list(agents.values())


async def ask(store: Store, agent: str, text: str, *, thread: str, author: str, delivery: str | None) -> Receipt:
    """Store a message for an agent, in its chat of this name. Raises `Failure` if the agent takes no chat messages."""
    agents = await running_agents(store)
    info = next((each for each in agents if each.name == agent), None)
    if info is None:
        names = ", ".join(visible(each.name) for each in agents) or "none"
        raise Failure(f'no running worker has an agent "{visible(agent)}"; running: {names}.')
    if not info.chat:
        raise Failure(f'the agent "{visible(agent)}" takes no chat messages: it is declared with chat=False.')
    chats = Chats(store.threads)
    chat = await open_session(chats, DEFAULT_WORKSPACE, agent, thread)
    event = Event(
        delivery="",
        thread="",
        kind="message",
        text=text,
        author=Author(f"cli:{author}", author),
        message=delivery or f"m_{uuid4().hex[:24]}",
        agent=agent,
    )
    return await chats.say(DEFAULT_WORKSPACE, chat.id, event)


def listening(agents: list[AgentReport]) -> list[str]:
    """Return a line for each agent: what it listens to."""
    return [f"  {visible(agent.name)} listens to {visible('; '.join(agent.listens)) or 'nothing'}" for agent in agents]
