"""All routes of the API. The router, the OpenAPI document and the HTML page are made from this list."""

from __future__ import annotations

from answerback.settings import Settings
from answerback.store.fleet.agents import AgentDirectory
from answerback.store.fleet.remote_agents import RemoteAgents

from ..admin.accounts import AccountRoutes
from ..admin.agent_templates import AgentTemplateRoutes
from ..admin.dead_letter_actions import DeadLetterActions
from ..admin.dead_letters import DeadLetterRoutes
from ..admin.overview import Overviews
from ..admin.signing import Signing
from ..admin.threads import AdminThreads
from ..conversations.agent_registry import Agents
from ..conversations.agent_requests import AgentRequests
from ..conversations.conversation import Conversation
from ..conversations.messages import MessageRoutes
from ..docs.routes import Description
from ..openai.completions import Completions
from ..route import Route
from ..sse import Streams
from .agent_messages import AgentMessages
from .agents import AgentRoutes
from .dialog import Dialog
from .dispatches import DispatchRoutes
from .files import FileRoutes
from .me import Me
from .sessions import Sessions
from .threads import ChatThreads
from .user_tokens import UserTokenRoutes


def routes(settings: Settings, conversation: Conversation, streams: Streams) -> list[Route]:
    """Return all routes, in the order of the documentation page."""
    threads = conversation.threads
    messages = MessageRoutes(settings, conversation, streams)
    directory = AgentDirectory(threads.database)
    agents = Agents(directory)
    requests = AgentRequests(settings, conversation, agents)
    documented = [
        *ChatThreads(conversation, messages, agents).routes(),
        *Sessions(conversation, messages, agents).routes(),
        *FileRoutes(settings, conversation).routes(),
        *Completions(requests, streams).routes(),
        *AgentRoutes(directory, RemoteAgents(threads.database), private=settings.allow_private_urls).routes(),
        *AgentMessages(requests).routes(),
        *DispatchRoutes(settings, conversation).routes(),
        *Dialog(requests, streams).routes(),
        *Me().routes(),
        *UserTokenRoutes(threads.database).routes(),
        *Signing(threads.database).routes(),
        *Overviews(threads, streams).routes(),
        *AccountRoutes(threads.database).routes(),
        *AgentTemplateRoutes(settings).routes(),
        *AdminThreads(threads).routes(),
        *DeadLetterRoutes(threads).routes(),
        *DeadLetterActions(threads).routes(),
    ]
    return [*documented, *Description(documented).routes()]
