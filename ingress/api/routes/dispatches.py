"""`/dispatch/{agent}`: submit an event to an agent, once; which `answerback.dispatch` uses over HTTP."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import Field, StringConstraints

from answerback.settings import Settings
from answerback.store.chats.dispatches import Dispatches, NewDispatch
from answerback.store.chats.sessions import LONGEST
from answerback.structured import encoded

from ..context import RequestContext
from ..conversations.agent_registry import TAG
from ..conversations.conversation import Conversation
from ..conversations.waits import raise_if_ended
from ..route import Model, Route, collect, route
from ..schemas.message_views import AnswerView, ReceiptView
from ..schemas.messages import Input, UserId

Name = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST)]


class DispatchBody(Model):
    """An event for an agent."""

    input: Input = Field(
        description="a text, or structured input, at most 64 KB: its member `text` is the message as people see it, "
        "`sender` its author, `type` the event's kind"
    )
    id: Name | None = Field(
        None,
        description="what the conversation is about: any text, or a thread's id; default: a new thread",
    )
    session: Name | None = Field(None, description="distinguishes several conversations about the same `id`")
    delivery: Name | None = Field(
        None, description="identifies the event in its conversation: sent again, it is a duplicate; default: a new one"
    )
    user_id: UserId | None = Field(
        None, description="your own id of the user whose thread it is; each user has conversations of their own"
    )
    wait: bool = Field(False, description="true: respond when the turn is done, with its answer")


class DispatchRoutes:
    """The route of dispatches."""

    def __init__(self, settings: Settings, conversation: Conversation) -> None:
        self._conversation = conversation
        self._dispatches = Dispatches(conversation.threads)
        self._wait = settings.api_wait

    def routes(self) -> list[Route]:
        """Return the route."""
        return collect(self, tag=TAG, parameters={"agent": "the agent's name"})

    @route(
        "POST",
        "/dispatch/{agent}",
        scope="chat:write",
        summary="Dispatch an event to an agent",
        description="Stores the event and returns its receipt. Events with the same agent, `id` and `session` are "
        "answered in order, in one thread. With `wait: true`, responds when the turn is done.",
        body=DispatchBody,
        returns=AnswerView,
        also={202: ReceiptView},
        repeated="handler",
        refusals={
            404: "no worker serves an agent of that name",
            409: "it does not accept chat messages, or is busy and drops them; the thread has ended; or the `delivery` "
            "was dispatched before, to another agent or for another user",
            502: "the turn failed permanently",
            504: "the turn took too long",
        },
    )
    async def dispatch(self, call: RequestContext) -> web.Response:
        """Store an event, and return its receipt or its answer."""
        body: DispatchBody = call.body
        new = NewDispatch(
            agent=call.path["agent"],
            delivery=body.delivery or call.idempotency,
            input_json=encoded(body.input),
            id=body.id or "",
            session=body.session or "",
            user=body.user_id or "",
        )
        id, message = await self._dispatches.open(call.caller.workspace, new)
        if not body.wait:
            receipt, after = await self._conversation.leave(call.caller, id, message)
            return call.answer(ReceiptView.of(id, receipt, after), 202)
        async with self._conversation.say(call.caller, id, message) as posted:
            answer = await posted.answer(self._wait)
        if answer is None:
            raise_if_ended(receipt=True)
            view = ReceiptView.of(id, posted.receipt, posted.after)
            reason = await self._conversation.why_waiting(call.caller)
            return call.answer(view.model_copy(update={"reason": reason}), 202)
        self._conversation.refuse_dropped(answer)
        return call.answer(AnswerView.of(id, posted.receipt.dispatch_id, answer, call.caller))
