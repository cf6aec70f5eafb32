"""The message routes of threads and sessions: post, read, follow and cancel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from aiohttp import web
from pydantic import AfterValidator, Field

from answerback.errors import NoSuchThread
from answerback.events import Event
from answerback.settings import Settings
from answerback.store.stream.stored_events import place
from answerback.store.thread_ids import DEFAULT_WORKSPACE

from ...problems import FieldError, Problem
from ..auth.audience import trusted
from ..context import Principal, RequestContext
from ..route import Model, Route, collect, route
from ..schemas.message_views import AnswerView, MessagePage, MessageView, ReceiptView
from ..schemas.messages import BODY, NewMessage
from ..sse import TYPE, Encode, Streams, enveloped, event, wanted
from .conversation import Conversation
from .waits import raise_if_ended

SEND = """Responds when the turn is done; with `stream: true` or `Accept: text/event-stream`, streams its events; with \
`wait: false`, returns a receipt at once. A client that disconnects cancels nothing: the answer is in the thread."""
READ = """In pages, oldest first. The last page ends with the messages that are not answered yet: `waiting`."""
FOLLOW = """Each event has an id. A reader that reconnects with it, in `Last-Event-ID` or `?after=`, continues after \
that event, on any process, while the turn runs and for an hour after. Without an id, all stored events are sent."""


def _id(value: str) -> str:
    place(value)
    return value


class StreamFormat(Model):
    """The format of the events, if the response is a stream."""

    format: Literal["events", "envelope"] = Field(
        "events", description="envelope: all events have one shape, and no name, only a `type`"
    )

    @property
    def encode(self) -> Encode:
        """Returns an event as it is sent."""
        return enveloped if self.format == "envelope" else event


class StreamQuery(StreamFormat):
    """The position in the stream, and the format of its events."""

    after: Annotated[str, AfterValidator(_id)] | None = Field(None, description="the id of the last event received")


class MessageQuery(Model):
    """Paging of the message list."""

    cursor: str = Field("", max_length=500, description="the `next_cursor` of the previous page")
    limit: int = Field(100, ge=1, le=500)


class Cancelled(Model):
    """Whether there was a turn to cancel."""

    cancelled: bool


class MessageRoutes:
    """The message routes of one ingress process."""

    def __init__(self, settings: Settings, conversation: Conversation, streams: Streams) -> None:
        self._conversation = conversation
        self._streams = streams
        self._wait = settings.api_wait

    def routes(self, base: str, tag: str, parameters: Mapping[str, str], *, session: str = "") -> list[Route]:
        """Return the routes below "{base}/{id}". They accept session tokens if `session` is "id"."""
        return collect(self, tag=tag, base=f"{base}/{{id}}", parameters=parameters, session=session)

    @route(
        "GET",
        "/messages",
        scope="chat:read",
        user="thread",
        summary="Read messages",
        description=READ,
        query=MessageQuery,
        returns=MessagePage,
    )
    async def read(self, call: RequestContext) -> web.Response:
        """Return a page of messages."""
        chats, id = self._conversation.chats, call.path["id"]
        page = await chats.messages(
            call.caller.workspace,
            id,
            cursor=call.query.cursor,
            limit=call.query.limit,
            platforms=platforms(call.caller),
        )
        messages = [MessageView.of(message, call.caller) for message in page.messages]
        messages += [MessageView.waiting(event, call.caller) for event in page.waiting]
        return call.answer(MessagePage(messages=messages, next_cursor=page.cursor))

    @route(
        "POST",
        "/messages",
        scope="chat:write",
        user="thread",
        summary="Send a message",
        description=SEND,
        body=NewMessage,
        query=StreamFormat,
        returns=AnswerView,
        also={202: ReceiptView},
        streams=TYPE,
        events=True,
        repeated="handler",
        limit=BODY,
        refusals={
            404: "there is no such thread, or no such file or button in it",
            409: "it has ended, or the agent is busy and drops messages",
            502: "the turn failed permanently",
            504: "the turn took too long",
        },
    )
    async def post(self, call: RequestContext) -> web.StreamResponse:
        """Store a message, and return its answer, a stream or a receipt."""
        id, new = call.path["id"], call.body
        await self.writable(call)
        message = await self._message(call, new)
        if not new.wait:
            receipt, after = await self._conversation.leave(call.caller, id, message)
            return call.answer(ReceiptView.of(id, receipt, after), 202)
        async with self._conversation.say(call.caller, id, message) as posted:
            view = ReceiptView.of(id, posted.receipt, posted.after)
            if new.stream or wanted(call.request):
                async with posted.events() as events:
                    encode = call.query.encode
                    first = encode("accepted", view.model_dump_json().encode(), "")
                    return await self._streams.send(call.request, events, first=first, encode=encode)
            answer = await posted.answer(self._wait)
        if answer is None:
            raise_if_ended(receipt=True)
            reason = await self._conversation.why_waiting(call.caller)
            return call.answer(view.model_copy(update={"reason": reason}), 202)
        self._conversation.refuse_dropped(answer)
        return call.answer(AnswerView.of(id, view.id, answer, call.caller))

    async def _message(self, call: RequestContext, new: NewMessage) -> Event:
        """Return what is to be stored."""
        id, name, visitor = call.path["id"], f"m_{call.idempotency[:24]}", not trusted(call.caller)
        if new.action:
            pressed = await self._conversation.pressed(call.caller, id, new.action)
            return msgspec.structs.replace(pressed, message=name, visitor=visitor, arrival=new.arrival or "")
        files = await self._conversation.files_named(call.caller, id, new.files)
        message = new.event(name, files, visitor=visitor)
        await self._conversation.check_input(call.caller, id, message)
        return message

    @route(
        "GET",
        "/stream",
        scope="chat:read",
        user="thread",
        summary="Follow the event stream",
        description=FOLLOW,
        query=StreamQuery,
        streams=TYPE,
        events=True,
    )
    async def follow(self, call: RequestContext) -> web.StreamResponse:
        """Stream the events of a thread until the reader disconnects."""
        chat = await self._conversation.chats.get(
            call.caller.workspace, call.path["id"], platforms=platforms(call.caller)
        )
        if chat is None:
            raise NoSuchThread
        after = call.query.after or call.request.headers.get("Last-Event-ID", "").strip() or "0"
        try:
            place(after)
        except ValueError:
            where = [FieldError(where="header", at="Last-Event-ID", detail="is not an event id of this API")]
            raise Problem(400, "Last-Event-ID is not an event id of this API", code="invalid", errors=where) from None
        async with self._conversation.follow(call.caller, chat.thread, after) as events:
            return await self._streams.send(call.request, events, encode=call.query.encode)

    @route(
        "POST",
        "/cancel",
        scope="chat:write",
        user="thread",
        summary="Cancel the running turn",
        returns=Cancelled,
        refusals={409: "the thread belongs to a platform"},
    )
    async def cancel(self, call: RequestContext) -> web.Response:
        """Cancel the running turn, or the next one."""
        await self.writable(call)
        id = call.path["id"]
        if await self._conversation.chats.get(call.caller.workspace, id) is None:
            raise NoSuchThread
        return call.answer(Cancelled(cancelled=await self._conversation.chats.cancel(call.caller.workspace, id)))

    async def writable(self, call: RequestContext) -> None:
        """Refuse to write to a platform's thread. Raises `Problem` (409)."""
        id, caller = call.path["id"], call.caller
        if ":" in id and platforms(caller) and await self._conversation.chats.get(caller.workspace, id, platforms=True):
            raise Problem(409, "the thread belongs to a platform and is read-only here", code="read-only")


def platforms(caller: Principal) -> bool:
    """Return whether a caller can see the threads of the platforms."""
    return caller.workspace == DEFAULT_WORKSPACE and caller.may("admin")
