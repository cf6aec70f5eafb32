"""`Dispatcher`: a client that dispatches events, over Redis or over HTTP."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any, Self
from uuid import uuid4

from answerback import structured
from answerback.dispatching.background import BackgroundLoop, refuse_in_event_loop, waited, waited_sync
from answerback.dispatching.receipt import Answer, DispatchReceipt
from answerback.dispatching.transports import Accepted, Place, Transport, opened
from answerback.store.chats.dispatches import NewDispatch


class Dispatcher:
    """Dispatches events to agents. Its connections are reused; any number of threads and event loops may share it.

    Args:
        redis_url: The Redis of Answerback. By default `REDIS_URL`, or the server that `answerback up` runs in this
            folder.
        url: The address of ingress, to dispatch over HTTP instead; by default `ANSWERBACK_URL`.
        api_key: An API key with the scope `chat:write`, for HTTP; by default `ANSWERBACK_API_KEY`.
        workspace: The workspace of the threads, over Redis; over HTTP it is the key's.

    Example:
        with Dispatcher(url="https://bots.example.com", api_key=key) as dispatcher:
            receipt = dispatcher.dispatch_sync("assistant", id="order-17", input={"text": "Where is it?"})
    """

    def __init__(
        self,
        *,
        redis_url: str | None = None,
        url: str | None = None,
        api_key: str | None = None,
        workspace: str = "default",
    ) -> None:
        self._place = Place(redis_url=redis_url, url=url, api_key=api_key, workspace=workspace)
        self._loop = BackgroundLoop()
        self._transport: Transport | None = None
        self._inherited: Transport | None = None

    async def dispatch(
        self,
        agent: str,
        *,
        input: object,
        id: str | int = "",
        session: str | int = "",
        delivery: str | int = "",
        user: str | int = "",
    ) -> DispatchReceipt:
        """Store an event for an agent. It is stored once this returns.

        Args:
            agent: The name of the agent that answers.
            input: A text, or structured input: plain data, a pydantic model, a dataclass. An object's `text` is the
                message as people see it, `sender` its author (an id, or `id` and `name`), `type` the event's kind.
            id: What the conversation is about: any text ("github:acme/widgets#7"), or a chat thread's id. Events with
                the same agent and id are answered in order, in one thread. Without it, each event gets a new thread.
            session: Distinguishes several conversations about the same `id`.
            delivery: Identifies the event: dispatched again in the same conversation, it is a duplicate, for
                `SEEN_DAYS`. Pass a webhook's delivery id, or in an agent `turn.key`.
            user: Your own id of the user whose thread it is, who may read it with a user token. Each user has
                conversations of their own: the same `id` and another user are another thread.

        Raises:
            UnknownAgent: no worker has reported an agent of this name.
            InvalidInput: the input is too large, is not plain data, or does not match the agent's schema.
            DispatchError: the API refused the request: a wrong key, a rate limit.
            ThreadEnded, Busy: the thread accepts no messages, or none now.
            ThreadDiffers: without an `id`, the same `delivery` was dispatched to another agent or for another user.
            ConfigurationError: neither Redis nor an ingress is configured.
            StoreUnavailable, StoreFull: the event may not be stored: dispatch it again with the same `delivery`.
        """
        return await waited(self._dispatched(agent, input, id, session, delivery, user))

    def dispatch_sync(
        self,
        agent: str,
        *,
        input: object,
        id: str | int = "",
        session: str | int = "",
        delivery: str | int = "",
        user: str | int = "",
    ) -> DispatchReceipt:
        """Store an event for an agent, as `dispatch` does, without an event loop.

        Raises what `dispatch` raises, and `RuntimeError` in async code, whose event loop it would block.
        """
        refuse_in_event_loop("dispatch_sync", "dispatch(…)")
        return waited_sync(self._dispatched(agent, input, id, session, delivery, user))

    async def aclose(self) -> None:
        """Close the connections. The dispatcher may be used again and then opens new ones."""
        if self._loop.running:
            await waited(self._loop.run(self._closed))
            self._loop.stop()

    def close(self) -> None:
        """Close the connections, as `aclose` does, without an event loop."""
        if self._loop.running:
            waited_sync(self._loop.run(self._closed))
            self._loop.stop()

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self.aclose()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    def _dispatched(
        self, agent: str, input: Any, id: str | int, session: str | int, delivery: str | int, user: str | int
    ) -> Future[DispatchReceipt]:
        new = NewDispatch(
            agent=agent,
            # Random if not given: a request that is repeated after a broken connection is still stored once.
            delivery=str(delivery) or uuid4().hex,
            input_json=structured.encoded(input),
            id=str(id),
            session=str(session),
            user=str(user),
        )
        return self._loop.run(lambda: self._accept(new))

    async def _accept(self, new: NewDispatch) -> DispatchReceipt:
        transport = await self._opened()
        accepted = await transport.accept(new)
        return DispatchReceipt(
            dispatch_id=accepted.dispatch_id,
            thread=accepted.thread,
            status=accepted.status,
            _loop=self._loop,
            _answer=lambda timeout: self._answer(new, accepted, timeout),
        )

    async def _answer(self, new: NewDispatch, accepted: Accepted, timeout: float) -> Answer:
        return await (await self._opened()).answer(new, accepted, timeout)

    async def _opened(self) -> Transport:
        if self._transport is None or not self._transport.usable:
            # A fork keeps an inherited one as it is: closing it would close it for the parent, too.
            self._inherited = self._transport
            self._transport = opened(self._place)
        return self._transport

    async def _closed(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None and transport.usable:
            await transport.close()
