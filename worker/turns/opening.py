"""Opens a turn: its events and history, its journal, its stream and its replies."""

from __future__ import annotations

from collections.abc import Sequence

from answerback.agents import Agent, Turn
from answerback.agents.composer import Composer
from answerback.agents.journal import Journal
from answerback.agents.limits import TurnLimits
from answerback.agents.opening import open_turn
from answerback.agents.turn_record import Command
from answerback.events import Event
from answerback.outgoing import File
from answerback.platforms import Place
from answerback.replies import Reply
from answerback.store.threads.files import FileLimits, Files
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.records import Claim, Step
from answerback.store.threads.threads import Threads

from ..claiming.leases import Leases
from ..replies.clients import Clients
from ..retry import retry_while_unavailable
from .quotes import Quotes
from .show_requests import ShowRequests
from .showing import Showing
from .showing_stream import ShowingStream
from .shown_replies import concluded
from .stream_writer import NULL_STREAM, StreamWriter, TurnStream


class TurnOpener:
    """Opens the turns that agents are given."""

    def __init__(
        self,
        threads: Threads,
        leases: Leases,
        clients: Clients,
        limits: TurnLimits,
        file_limits: FileLimits,
        requests: ShowRequests,
    ) -> None:
        self._threads = threads
        self._leases = leases
        self._clients = clients
        self._limits = limits
        self._file_limits = file_limits
        self._requests = requests
        self._files = Files(threads)
        self._quotes = Quotes(Outbox(threads))

    async def open(self, claim: Claim, agent: Agent, command: Command | None) -> Turn:
        """Return the turn that answers a claim's events. `command`: a command to all agents in the event, such as mute.

        Raises:
            msgspec.MsgspecError: the journal or the agent's state was written by a newer version.
        """
        events = await self._quotes.filled(claim)
        event = events[-1]
        client = await self._clients.of(event.platform, event.account)
        showing: Showing | None = None
        if client and client.streaming and agent.shows(default=client.streaming.default) and not command:
            showing = Showing(claim, event.id, Place.of(event), client, client.streaming, self._requests)

        # None of these refers to the turn, which refers to them: what nothing refers to in a circle is freed at once,
        # and not by the garbage collector, which stops all turns meanwhile.
        async def write(name: str, record: bytes, replies: Sequence[Reply]) -> None:
            concludes = any(reply.kind == "message" for reply in replies)
            if concludes:
                if showing is not None:
                    await showing.close()
                replies = concluded(claim, replies)
            step = Step(claim.thread, claim.fence, claim.owner, claim.position, name, record, replies, concludes)
            await retry_while_unavailable(self._threads.step, step)
            if concludes:
                claim.streamed = None
                if showing is not None:
                    showing.reopen()

        async def read_file(id: str) -> bytes:
            return await retry_while_unavailable(self._files.content, claim.thread, id)

        async def write_file(file: File) -> None:
            await retry_while_unavailable(self._files.put, claim.thread, file, limits=self._file_limits)

        records = claim.journal
        for entry in reversed(claim.entries):
            records = entry.journal | records if entry.journal else records
        stream: TurnStream = StreamWriter(self._threads, claim, event.id) if claim.live else NULL_STREAM
        if showing is not None:
            stream = ShowingStream(showing, stream)
        return open_turn(
            agent,
            events,
            history=claim.history,
            attempt=claim.attempt,
            state=claim.state,
            system=claim.system,
            journal=Journal(records, write, self._leases.ensure_held, agent.limited(self._limits)),
            compose=Composer(client, event, stored=claim.entries[0].stored),
            stream=stream,
            attention=claim.attention,
            command=command,
            read_file=read_file,
            write_file=write_file,
        )

    async def say(self, claim: Claim, event: Event, text: str) -> Sequence[Reply]:
        """Return a reply to an event that no agent answers."""
        client = await self._clients.of(event.platform, event.account)
        return Composer(client, event, stored=claim.entries[0].stored).message(f"{event.id}.0", text)
