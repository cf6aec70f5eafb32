"""Storage in Redis: threads, outboxes, dead letters, workers. No other code accesses Redis.

Start with `threads`. Every atomic operation is a script in `lua/`, and every key is a function in `keys`.
"""

from answerback.store.chats.chat import Chat, NewChat
from answerback.store.chats.chats import Chats
from answerback.store.fleet.flows import Flows
from answerback.store.fleet.redeliveries import Redeliveries
from answerback.store.fleet.remote_agents import RemoteAgent, RemoteAgents
from answerback.store.fleet.workers import AgentReport, WorkerRegistry, WorkerReport
from answerback.store.redis import Database
from answerback.store.threads.archives import Archives, Purged
from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.outbox import Outbox, Outgoing
from answerback.store.threads.receipt import Receipt
from answerback.store.threads.records import Claim, Commit, Step
from answerback.store.threads.threads import Threads

__all__ = [
    "AgentReport",
    "Archives",
    "Chat",
    "Chats",
    "Claim",
    "Commit",
    "Database",
    "DeadLetters",
    "Flows",
    "NewChat",
    "Outbox",
    "Outgoing",
    "Purged",
    "Receipt",
    "Redeliveries",
    "RemoteAgent",
    "RemoteAgents",
    "Step",
    "Threads",
    "WorkerRegistry",
    "WorkerReport",
]
