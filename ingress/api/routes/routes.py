"""Every route of the API. The router, the OpenAPI document and its page are made from this list."""

from __future__ import annotations

from answerback.settings import Settings
from answerback.store import Remotes
from answerback.store.fleet.agents import Directory

from ..admin.letter_actions import LetterActions
from ..admin.letters import AdminLetters
from ..admin.overview import Overviews
from ..admin.signing import Signing
from ..admin.threads import AdminThreads
from ..conversations.agent_registry import Agents
from ..conversations.agent_requests import Asking
from ..conversations.conversation import Conversation
from ..conversations.messages import Talk
from ..docs.routes import Description
from ..openai.completions import Completions
from ..route import Route
from ..sse import Streams
from .agent_messages import AgentMessages
from .agents import AgentRoutes
from .dialog import Dialog
from .me import Me
from .sessions import Sessions
from .threads import ChatThreads


def routes(settings: Settings, conversation: Conversation, streams: Streams) -> list[Route]:
    """All of them, in the order in which the page shows them."""
    threads = conversation.threads
    talk = Talk(settings, conversation, streams)
    directory = Directory(threads.database)
    agents = Agents(directory)
    asking = Asking(settings, conversation, agents)
    found = [
        *ChatThreads(conversation, talk, agents).routes(),
        *Sessions(conversation, talk, agents).routes(),
        *Completions(asking, streams).routes(),
        *AgentRoutes(directory, Remotes(threads.database), private=settings.allow_private_urls).routes(),
        *AgentMessages(asking).routes(),
        *Dialog(asking, streams).routes(),
        *Me().routes(),
        *Signing(threads.database).routes(),
        *Overviews(threads, streams).routes(),
        *AdminThreads(threads).routes(),
        *AdminLetters(threads).routes(),
        *LetterActions(threads).routes(),
    ]
    return [*found, *Description(found).routes()]
