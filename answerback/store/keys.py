"""Every key: a small function that builds it, its Redis type, its lifetime.

All keys of a partition carry one hash tag, `{p}`, so that a script touches one slot of a Redis
Cluster. A thread's partition is a hash of its id; how many there are must never change while
data lies there. What is no thread's has a tag of its own.
"""

from __future__ import annotations

from typing import Literal
from zlib import crc32

Queue = Literal["ready", "due"]


def partition(thread: str, partitions: int) -> int:
    """The partition, 0 to `partitions` - 1, in which all of a thread's keys lie."""
    return crc32(thread.encode(errors="surrogatepass")) % partitions if partitions > 1 else 0


# One a partition ---------------------------------------------------------------------------------


def queue(p: int, name: Queue) -> str:
    """ZSET: thread id → when it may be claimed (ms, by `clock`). A claimed thread's score is its lease's end.

    `ready` holds the threads with waiting events, `due` those with unsent replies. For ever.
    """
    return f"ab:{{{p}}}:{name}"


def clock(p: int) -> str:
    """HASH: a partition's lease clock, by which its queues are kept; see lua/with/clock.lua. For ever.

    wall (the server's time when a worker last kept it, ms), now (its own time then, ms), lease (ms); and of the steps
    of the server's clock: steps (how many were seen), step (the size of the last one, ms), stepped (when, by the
    server's clock after it, ms), noted (the same by the lease clock).
    """
    return f"ab:{{{p}}}:clock"


def wake(p: int, name: Queue) -> str:
    """LIST of at most 64 empty tokens that idle workers block on. For ever."""
    return f"ab:{{{p}}}:{name}:wake"


def retrying(p: int, name: Queue) -> str:
    """ZSET: thread id → next try (ms, by `clock`), of the members of a queue whose last try failed. For ever."""
    return f"ab:{{{p}}}:{name}:retrying"


def counters(p: int) -> str:
    """HASH of numbers: events accepted, waiting, handled, buried; turns failed; replies sent, "failed replies".

    And loops (threads that were taken for one of programs), dead letters restored from archives, and the highest fence
    of a thread that was purged. For ever.
    """
    return f"ab:{{{p}}}:counters"


def threads(p: int) -> str:
    """ZSET: thread id → when something last happened there (ms). Until retention drops the thread."""
    return f"ab:{{{p}}}:threads"


def marks(p: int) -> str:
    """SET of what messages of the living workers carry, "github:user:583231": see `Identity.marks`. For ever."""
    return f"ab:{{{p}}}:marks"


def chats(p: int, workspace: str, user: str | None = None) -> str:
    """ZSET: thread id → when something was last said there (ms), of a workspace's chats, or of one user's there.

    As long as the threads.
    """
    return f"ab:{{{p}}}:chats:{workspace}" + ("" if user is None else f":{user}")


def ephemeral(p: int) -> str:
    """ZSET: thread id → when it was opened (ms), of chats that no list shows and that upkeep takes away."""
    return f"ab:{{{p}}}:ephemeral"


def dead(p: int) -> str:
    """ZSET: dead letter id → when it was buried (ms). Until it is replayed or dropped."""
    return f"ab:{{{p}}}:dead"


def letters(p: int) -> str:
    """HASH: dead letter id → DeadLetter. As long as `dead`."""
    return f"ab:{{{p}}}:letters"


def graves(p: int) -> str:
    """HASH: dead letter id → the Entry or Reply to put back on a replay. As long as `dead`."""
    return f"ab:{{{p}}}:graves"


# One a delivery, one a thread --------------------------------------------------------------------


def seen(p: int, delivery: str) -> str:
    """STRING: "stored <thread>", or "dead <thread>" while the event lies in the dead letters. Lives SEEN_DAYS.

    Older versions wrote it without the thread.
    """
    return f"ab:{{{p}}}:seen:{delivery}"


def thread(p: int, id: str) -> str:
    """HASH: what is known of a thread, as long as the thread.

    platform, channel, title, url, created (ms), imported (ms); agent, state; position (events done with so far);
    a chat has, moreover: workspace, user, wanted (agent), system, metadata (JSON), pinned, archived, status
    ("open", "ended"), updated (ms), returned (when its client came back for the answer, ms),
    changes (how many), opened (digest of what it was opened with);
    and its locks: fence, attempts, crashes, owner ("" while nobody holds it), claimed (ms), reserved (the
    reservation that it was claimed from), taken (entries handed
    to the turn), committed ("turn:fence:owner"), error; sender (the outbox's fence), sending (its owner, "" while
    nobody does).
    What others ask of the turn: cancel (the position of the one that is cancelled), interruptible (the fence of
    one that a new event interrupts), live (till when (ms) somebody follows its deltas).
    Against loops of programs, by the lease clock: said (when our last reply was posted), posting (the last one that
    began to be), unreacted (how many nobody reacted to yet, two at most), stirred (when a message came last),
    streak (see `Claim`), loop (since when (ms, by the server's clock) nobody is answered).
    """
    return f"ab:{{{p}}}:thread:{id}"


def inbox(p: int, id: str) -> str:
    """LIST of Entry: events not yet handled, oldest first. As long as there are any."""
    return f"ab:{{{p}}}:inbox:{id}"


def history(p: int, id: str) -> str:
    """LIST of Message: what was committed, oldest first. As long as the thread."""
    return f"ab:{{{p}}}:history:{id}"


def amended(p: int, id: str) -> str:
    """HASH: message id → Amendment, or "deleted", of messages that may come later. Days after the last one."""
    return f"ab:{{{p}}}:amended:{id}"


def ends(p: int, id: str) -> str:
    """LIST of TurnEnd: how its last turns ended, oldest first; at least the last 200. As long as the thread."""
    return f"ab:{{{p}}}:ends:{id}"


def journal(p: int, id: str) -> str:
    """HASH: step name → its record, of the turn in flight. Until that turn is committed or buried."""
    return f"ab:{{{p}}}:journal:{id}"


def deltas(p: int, id: str) -> str:
    """STREAM of what turns produce: k (kind), d (JSON). At most some 10,000; until an hour after the last.

    Each is published, too, on the channel of the same name.
    """
    return f"ab:{{{p}}}:deltas:{id}"


def outbox(p: int, id: str) -> str:
    """HASH: reply key → Reply. As long as the thread; a sent reply's text is dropped (history has it)."""
    return f"ab:{{{p}}}:outbox:{id}"


def unsent(p: int, id: str) -> str:
    """LIST of the keys of replies that are pending or sending, in order. As long as there are any."""
    return f"ab:{{{p}}}:unsent:{id}"


# Who may do what: one partition of its own ------------------------------------------------------


def api_keys() -> str:
    """SET of the ids of all API keys, the revoked ones too. For ever."""
    return "ab:{access}:keys"


def api_key(id: str) -> str:
    """HASH: an API key, see `ApiKey`; of its secrets, only hashes. For ever."""
    return f"ab:{{access}}:key:{id}"


def origin(origin: str) -> str:
    """SET of the ids of publishable keys that were made for a web origin. For ever."""
    return f"ab:{{access}}:origin:{origin}"


def session_token(id: str) -> str:
    """STRING: a SessionToken. Until it expires, or its session ends."""
    return f"ab:{{access}}:token:{id}"


def session_tokens(workspace: str, thread: str) -> str:
    """SET of the ids of a chat thread's session tokens. Until the last of them expires, or the session ends."""
    return f"ab:{{access}}:tokens:{workspace}:{thread}"


def sign_in_link(hash: str) -> str:
    """STRING: the workspace that a link to the dashboard opens, by the hash of its token. Minutes, or until its use."""
    return f"ab:{{access}}:link:{hash}"


def sign_in(hash: str) -> str:
    """STRING: a SignIn, by the hash of its secret. Hours, or until it is ended."""
    return f"ab:{{access}}:signin:{hash}"


def rate(caller: str) -> str:
    """STRING: when a caller's allowance will be whole again (µs). Until then."""
    return f"ab:{{access}}:rate:{caller}"


def idempotency(digest: str) -> str:
    """HASH: a request that named itself, and its answer. 24 hours.

    route, body (their digests); owner ("" while nobody works on it), until (ms); status, headers, answer.
    """
    return f"ab:{{{digest}}}:idempotency"


def attempt(digest: str) -> str:
    """STRING: what a request is known by whose client counts its tries, by its caller and body. A turn's time."""
    return f"ab:{{{digest}}}:attempt"


# One in all --------------------------------------------------------------------------------------


def identities() -> str:
    """HASH: platform → Identity, as workers learned it from their credentials. For ever."""
    return "ab:identities"


def workers() -> str:
    """HASH: worker id → WorkerReport. A worker's own field, removed when it stops or is long silent."""
    return "ab:workers"


def minute(number: int) -> str:
    """HASH of what workers counted in a minute since 1970, see `Measures`. 25 hours."""
    return f"ab:{{minutes}}:{number}"


def agents() -> str:
    """HASH: agent → AgentReport, as a worker last told it; of agents that no worker serves now, too, for a day."""
    return "ab:agents"


def flows() -> str:
    """HASH: agent → Sketch of the flow that it follows, as a worker told it when it started. As long as `agents`."""
    return "ab:flows"


def remotes(workspace: str) -> str:
    """HASH: agent → Remote, of the remote agents that were registered with a workspace. Until they are removed."""
    return f"ab:remotes:{workspace}"


def pause(scope: str) -> str:
    """STRING that lives as long as a platform asked us to send nothing to `scope`."""
    return f"ab:pause:{scope}"


def probe() -> str:
    """STRING that is written to find out whether the server stores anything now. A second."""
    return "ab:{0}:probe"


def signals() -> str:
    """CHANNEL on which workers hear what concerns a running turn: "cancel", "interrupt" or "live", and its thread."""
    return "ab:signals"


def healthy() -> str:
    """HASH: webhook → the time (ms) up to which none of its deliveries is missing. For ever."""
    return "ab:redelivery:healthy"


def redeliveries(hook: str) -> str:
    """HASH: delivery id → Asked: the deliveries of a webhook that were asked for again. For a week."""
    return f"ab:redelivery:asked:{{{hook}}}"


def arq_queue() -> str:
    """ZSET of arq's own jobs (cron and background functions), by name; arq derives its other keys from it."""
    return "ab:arq"
