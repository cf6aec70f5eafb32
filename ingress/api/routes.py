"""Every route of the API. The router, the OpenAPI document and its page are made from this list."""

from __future__ import annotations

from answerback.settings import Settings
from answerback.store import Remotes
from answerback.store.directory import Directory
from ingress.api.admin.letters import AdminLetters
from ingress.api.admin.overview import Overviews
from ingress.api.admin.signing import Signing
from ingress.api.admin.threads import AdminThreads
from ingress.api.agent_messages import AgentMessages
from ingress.api.agents import AgentRoutes
from ingress.api.agents_known import Agents
from ingress.api.asking import Asking
from ingress.api.chat_threads import ChatThreads
from ingress.api.conversation import Conversation
from ingress.api.description import Description
from ingress.api.dialog import Dialog
from ingress.api.me import Me
from ingress.api.messages import Talk
from ingress.api.openai.completions import Completions
from ingress.api.route import Route
from ingress.api.sessions import Sessions
from ingress.api.sse import Streams


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
    ]
    return [*found, *Description(found).routes()]
