"""`POST /chat/completions` and `GET /models`: agents as models."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

from aiohttp import web

from answerback.messages import Attachment, Author
from answerback.store.chats.chat import NewChat
from answerback.store.fleet.agents import AgentInfo

from ..context import RequestContext
from ..conversations.agent_requests import AgentRequests, text_of
from ..route import Route, collect, route
from ..schemas.messages import BODY, uploaded
from ..sse import TYPE, Streams
from .answer import AnswerMessage, Choice, Chunk, Completion, CompletionUsage, ModelEntry, ModelList, finish_reason
from .chunks import chunks, refused
from .prompt import prompt, wrong
from .refusal import ErrorAnswer, refuse
from .request import CompletionRequest

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Completions:
    """The OpenAI-compatible routes."""

    def __init__(self, requests: AgentRequests, streams: Streams) -> None:
        self._requests = requests
        self._streams = streams

    def routes(self) -> list[Route]:
        """Return the routes, for the base URLs …/api/v1 and …/v1."""
        return collect(self, tag="OpenAI-compatible", parameters={"model": "an agent's name"})

    @route(
        "POST",
        "/chat/completions",
        aliases=("/v1/chat/completions",),
        scope="chat:write",
        summary="Create a chat completion",
        description="`model` is an agent's name. Nothing is remembered unless `metadata.thread_id`, or `user` "
        "with `store`, names a persistent thread. The agent decides on tools and sampling: such parameters "
        "are ignored. With `stream`, chunks are sent as server-sent events.",
        body=CompletionRequest,
        returns=Completion,
        streams=TYPE,
        refusals={
            404: "there is no such agent",
            409: "the agent does not accept chat messages, is busy and drops them, or its thread has ended",
            502: "the turn failed permanently",
            504: "the turn took too long",
        },
        limit=BODY,
        repeated="handler",
        refuse=refuse,
        refusal=ErrorAnswer,
    )
    async def complete(self, call: RequestContext) -> web.StreamResponse:
        """Run a turn on the last message, and return or stream its answer."""
        body: CompletionRequest = call.body
        thread = _thread_of(body, call.caller.workspace)
        message = prompt(body.messages, files=thread is not None)
        agent = await self._requests.agents.get(call.caller, body.model)
        attachments = await self._with_files(call, thread, message.attachments)
        fields: dict[str, Any] = {
            "author": Author(body.user or message.name, message.name),
            "attachments": attachments,
            "order": message.order,
            "system": message.system,
        }
        if thread is None:
            fields["context"] = message.context
            id = self._requests.once(call)
        else:
            id = await self._opened(call, thread, agent, body.user or "")
        async with self._requests.say(call, id, message.text, agent, **fields) as posted:
            name, created = f"chatcmpl-{posted.receipt.dispatch_id}", int(time.time())
            metadata = {"thread_id": thread} if thread else None
            if body.stream:
                first = Chunk(id=name, created=created, model=agent.name, metadata=metadata)
                usage = body.stream_options is not None and bool(body.stream_options.include_usage)
                async with self._requests.text(posted) as text:
                    return await self._streams.relay(call.request, chunks(text, first, usage=usage), last=refused)
            answer = await self._requests.answer(posted)
        last = answer.messages[-1] if answer.messages else None
        return call.answer(
            Completion(
                id=name,
                created=last.at // 1000 if last else created,
                model=agent.name,
                choices=[
                    Choice(message=AnswerMessage(content=text_of(answer)), finish_reason=finish_reason(answer.status))
                ],
                usage=CompletionUsage.of(answer.usage or (last.usage if last else None)),
                metadata=metadata,
            )
        )

    @route(
        "GET",
        "/models",
        aliases=("/v1/models",),
        scope="chat:read",
        summary="List the agents that accept chat messages, as models",
        returns=ModelList,
        refuse=refuse,
        refusal=ErrorAnswer,
    )
    async def models(self, call: RequestContext) -> web.Response:
        """Return the agents that accept chat messages."""
        agents = await self._requests.agents.directory.list(call.caller.workspace)
        return call.answer(ModelList(data=[ModelEntry(id=agent.name) for agent, _ in agents if agent.accepts_chat]))

    @route(
        "GET",
        "/models/{model}",
        aliases=("/v1/models/{model}",),
        scope="chat:read",
        summary="Get an agent as a model",
        returns=ModelEntry,
        refusals={409: "the agent does not accept chat messages"},
        refuse=refuse,
        refusal=ErrorAnswer,
    )
    async def model(self, call: RequestContext) -> web.Response:
        """Return one agent."""
        agent = await self._requests.agents.get(call.caller, call.path["model"])
        return call.answer(ModelEntry(id=agent.name))

    async def _with_files(
        self, call: RequestContext, thread: str | None, attachments: Sequence[Attachment]
    ) -> tuple[Attachment, ...]:
        """Return attachments, those that name an uploaded file with what is known of it. Raises `NoSuchFile`."""
        ids = [attachment.file for attachment in attachments if attachment.file]
        if thread is None or not ids:
            return tuple(attachments)
        files = {file.id: file for file in await self._requests.files_named(call.caller, thread, ids)}
        return tuple(uploaded(files[each.file]) if each.file else each for each in attachments)

    async def _opened(self, call: RequestContext, id: str, agent: AgentInfo, user: str) -> str:
        """Open the persistent thread with this id if it does not exist. Return the id."""
        if await self._requests.chats.get(call.caller.workspace, id) is None:
            await self._requests.chats.open(call.caller.workspace, id, NewChat(agent=agent.name, user=user))
        return id


def _thread_of(body: CompletionRequest, workspace: str) -> str | None:
    """Return the id of the persistent thread that a request names; None without one. Raises `Problem`: 422."""
    named = (body.metadata or {}).get("thread_id")
    if named is not None:
        if not isinstance(named, str) or not _ID.fullmatch(named):
            raise wrong("/metadata/thread_id", "must be 1 to 64 of A-Z, a-z, 0-9, _ and -")
        return named
    if body.user and body.store:
        return f"us_{blake2b(f'{workspace} {body.model} {body.user}'.encode(), digest_size=10).hexdigest()}"
    return None
