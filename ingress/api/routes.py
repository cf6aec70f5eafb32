"""Every route of the API. The router, the OpenAPI document and its page are made from this list."""

from __future__ import annotations

from answerback.settings import Settings
from answerback.store import Remotes
from answerback.store.directory import Directory

from .admin.letter_actions import LetterActions
from .admin.letters import AdminLetters
from .admin.overview import Overviews
from .admin.signing import Signing
from .admin.threads import AdminThreads
from .agent_messages import AgentMessages
from .agents import AgentRoutes
from .agents_known import Agents
from .asking import Asking
from .chat_threads import ChatThreads
from .conversation import Conversation
from .description import Description
from .dialog import Dialog
from .me import Me
from .messages import Talk
from .openai.completions import Completions
from .route import Route
from .sessions import Sessions
from .sse import Streams


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
