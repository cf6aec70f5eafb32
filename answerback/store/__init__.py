"""The only code that knows Redis: how threads, outboxes, dead letters and workers lie in it.

`threads` is where to begin; every atomic step is a file in `lua/`, every key a function in `keys`.
"""

from answerback.store.archives import Archives, Purged
from answerback.store.chat import Chat, Opening
from answerback.store.chats import Chats
from answerback.store.claim import Claim, Commit, Step
from answerback.store.connection import Database
from answerback.store.flows import Flows
from answerback.store.letters import Letters
from answerback.store.outbox import Outbox, Outgoing
from answerback.store.receipt import Receipt
from answerback.store.redeliveries import Redeliveries
from answerback.store.remotes import Remote, Remotes
from answerback.store.roster import AgentReport, Roster, WorkerReport
from answerback.store.threads import Threads

__all__ = [
    "AgentReport",
    "Archives",
    "Chat",
    "Chats",
    "Claim",
    "Commit",
    "Database",
    "Flows",
    "Letters",
    "Opening",
    "Outbox",
    "Outgoing",
    "Purged",
    "Receipt",
    "Redeliveries",
    "Remote",
    "Remotes",
    "Roster",
    "Step",
    "Threads",
    "WorkerReport",
]
