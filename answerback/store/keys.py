"""All Redis keys: for each a function that builds it, with its type and lifetime.

All keys of a partition share one hash tag, `{p}`, so that a script uses one slot of a Redis Cluster. Which partition a
thread is in is decided in `partitions`. Keys that do not belong to a thread are in `access.keys` and `fleet.keys`.

Some keys and fields are stored under names that are older than the functions here (`graves`, `deltas`, `sending`). They
keep them: during a rolling deploy, old and new processes share one Redis, and a lock, a dead letter or a stream event
under two names would be lost to one of them.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Literal

Queue = Literal["ready", "due"]

Partition = int | str
"""The tag of a partition's keys: its number, or for a later layout "<generation>.<number>"."""


# Per partition ---------------------------------------------------------------------------------


def queue(p: Partition, name: Queue) -> str:
    """ZSET: thread id → when it may be claimed (ms, by `clock`). A claimed thread's score is the end of its lease.

    `ready` holds the threads with waiting events, `due` those with unsent replies. Permanent.
    """
    return f"ab:{{{p}}}:{name}"


def clock(p: Partition) -> str:
    """HASH: a partition's lease clock, used for the scores of its queues; see lua/with/clock.lua. Permanent.

    wall (the server's time when a worker last updated it, ms), now (the lease clock then, ms), lease (ms); and of the
    steps of the server's clock: steps (their number), step (size of the last one, ms), stepped (when, by the server's
    clock after it, ms), noted (when, by the lease clock). closed: the partition is of a former layout, and no thread is
    created in it any more.
    """
    return f"ab:{{{p}}}:clock"


def wake(p: Partition, name: Queue) -> str:
    """LIST of at most 64 empty tokens that idle workers block on. Permanent."""
    return f"ab:{{{p}}}:{name}:wake"


def retrying(p: Partition, name: Queue) -> str:
    """ZSET: thread id → next attempt (ms, by `clock`), for members of a queue whose last attempt failed. Permanent."""
    return f"ab:{{{p}}}:{name}:retrying"


def counters(p: Partition) -> str:
    """HASH of numbers: events accepted, waiting, handled, buried; turns failed; replies sent, "failed replies".

    Also loops (threads in which a bot loop was assumed), dead letters restored from archives, and the highest fence of
    a purged thread. Permanent.
    """
    return f"ab:{{{p}}}:counters"


def threads(p: Partition) -> str:
    """ZSET: thread id → time of the last change (ms). Until retention removes the thread."""
    return f"ab:{{{p}}}:threads"


def versions(p: Partition) -> str:
    """ZSET: "<version>\\n<worker id>" → when that worker counts as gone (ms, by `clock`).

    The version is that of its agents' code. Each removed when the worker stops, or ten leases after its death.
    """
    return f"ab:{{{p}}}:versions"


def parked(p: Partition) -> str:
    """HASH: thread id → "<score>\\n<due>\\nversion:<version>", of turns that are for workers with that version.

    Valid as long as `score` is that of the thread in `ready`; due: when it may be taken (ms, by `clock`). Permanent.
    """
    return f"ab:{{{p}}}:parked"


def paused(p: Partition, name: Queue) -> str:
    """HASH: thread id → "<score>\\n<since>\\n<what>", of threads that wait because something is paused. Permanent.

    Valid as long as `score` is that of the thread in the queue; what: "agent:<agent>" or "replies:<platform>".
    """
    return f"ab:{{{p}}}:{name}:paused"


def own_identities(p: Partition) -> str:
    """SET of marks of the agents' own messages, such as "github:user:583231": see `Identity.marks`. Permanent."""
    return f"ab:{{{p}}}:marks"


def chats(p: Partition, workspace: str, user: str | None = None) -> str:
    """ZSET: thread id → time of the last message (ms), of a workspace's chats or those of one of its users.

    As long as the threads.
    """
    return f"ab:{{{p}}}:chats:{workspace}" + ("" if user is None else f":{user}")


def ephemeral(p: Partition) -> str:
    """ZSET: thread id → when it was opened (ms), of ephemeral chats. Until maintenance removes them."""
    return f"ab:{{{p}}}:ephemeral"


def dead_letter_times(p: Partition) -> str:
    """ZSET: dead letter id → when it was dead-lettered (ms). Until it is replayed or deleted."""
    return f"ab:{{{p}}}:dead"


def dead_letters(p: Partition) -> str:
    """HASH: dead letter id → DeadLetter. As long as `dead_letter_times`."""
    return f"ab:{{{p}}}:letters"


def dead_letter_payloads(p: Partition) -> str:
    """HASH: dead letter id → the Entry or Reply that a replay puts back. As long as `dead_letter_times`."""
    return f"ab:{{{p}}}:graves"


def unused_files(p: Partition) -> str:
    """ZSET: "<thread id> <file id>" → when its upload began (ms), of files that no message names yet.

    Or when a message was last about to name it. Maintenance deletes them after a day.
    """
    return f"ab:{{{p}}}:unused_files"


def moved(p: Partition) -> str:
    """HASH: thread id → the id of its move while that is not finished, then "". Until all threads have been moved."""
    return f"ab:{{{p}}}:moved"


def incoming(p: Partition, move: str) -> str:
    """HASH: the lists of a thread on its way to this partition; see `copies`. Until it has arrived."""
    return f"ab:{{{p}}}:incoming:{move}"


def incoming_copies(p: Partition, move: str) -> list[str]:
    """Return the copies of `all_of_thread` of a thread on its way to this partition. Until it has arrived."""
    return [f"{incoming(p, move)}:{number}" for number in range(len(all_of_thread(p, "")))]


def file_sizes(p: Partition) -> str:
    """HASH: workspace → the bytes of all its files in this partition. Permanent."""
    return f"ab:{{{p}}}:file_sizes"


# Per delivery or thread --------------------------------------------------------------------


def seen(p: Partition, delivery: str) -> str:
    """STRING: "stored <thread>", or "dead <thread>" while the event is a dead letter. Expires after SEEN_DAYS.

    Older versions wrote it without the thread. Under the gesture of an event, a line with its dispatch id follows.
    """
    return f"ab:{{{p}}}:seen:{delivery}"


def gesture(id: str) -> str:
    """STRING: delivery id of the first event of a person's gesture, with several partitions. As long as `seen`."""
    return f"ab:gesture:{id}"


def message_thread(delivery: str) -> str:
    """STRING: thread of a message of our own, by its delivery id. As long as `seen`."""
    return f"ab:message_thread:{delivery}"


def thread(p: Partition, id: str) -> str:
    """HASH: the fields of a thread, as long as the thread.

    platform, channel, title, url, created (ms), imported (ms); agent, state, attention (see `Attention`); position
    (events handled so far);
    for a chat also: workspace, user, wanted (agent), system, metadata (JSON), pinned, archived, status ("open",
    "ended"), updated (ms), returned (when its client came back for the answer, ms), changes (their number), opened
    (digest of its parameters), file_bytes (of all its files);
    its locks: fence, attempts, crashes, owner ("" if not claimed), claimed (ms), reserved (the reservation it was
    claimed from), taken (entries handed to the turn), committed ("turn:fence:owner"), error, version (of the code that
    last wrote to its journal); sender (the outbox's fence), sending (the outbox's owner, "" if not claimed);
    streamed (a StreamedReply, while a turn's reply is shown that has not ended).
    Signals to the turn: cancel (the position of the turn to cancel), interruptible (the fence of a turn that a new
    event interrupts), live (until when (ms) its stream events are followed).
    For detecting bot loops, by the lease clock: said (when our last reply was posted), posting (the reply that was
    last being posted), unreacted (number of replies without a reaction yet, at most two), stirred (when the last
    message came), streak (see `Claim`), loop (since when (ms, by the server's clock) no message is answered).
    """
    return f"ab:{{{p}}}:thread:{id}"


def inbox(p: Partition, id: str) -> str:
    """LIST of Entry: events not yet handled, oldest first. As long as there are any."""
    return f"ab:{{{p}}}:inbox:{id}"


def history(p: Partition, id: str) -> str:
    """LIST of Message: the committed messages, oldest first. As long as the thread."""
    return f"ab:{{{p}}}:history:{id}"


def amendments(p: Partition, id: str) -> str:
    """HASH: message id → Amendment, or "deleted", of messages that may arrive later. Until days after the last one."""
    return f"ab:{{{p}}}:amended:{id}"


def turn_ends(p: Partition, id: str) -> str:
    """LIST of TurnEnd: how its last turns ended, oldest first; at least the last 200. As long as the thread."""
    return f"ab:{{{p}}}:ends:{id}"


def journal(p: Partition, id: str) -> str:
    """HASH: step name → its record, of the turn in flight. Until that turn is committed or dead-lettered."""
    return f"ab:{{{p}}}:journal:{id}"


def stream_events(p: Partition, id: str) -> str:
    """STREAM of stream events: k (kind), d (JSON). At most about 10,000; until an hour after the last one.

    Each is also published on the channel of the same name.
    """
    return f"ab:{{{p}}}:deltas:{id}"


def outbox(p: Partition, id: str) -> str:
    """HASH: reply key → Reply. As long as the thread; the text of a sent reply is removed (the history has it)."""
    return f"ab:{{{p}}}:outbox:{id}"


def unsent(p: Partition, id: str) -> str:
    """LIST of the keys of replies that are pending or sending, in order. As long as there are any."""
    return f"ab:{{{p}}}:unsent:{id}"


def files(p: Partition, id: str) -> str:
    """HASH: file id → StoredFile, of files that are uploaded completely. As long as the thread."""
    return f"ab:{{{p}}}:files:{id}"


def file_chunks(p: Partition, id: str) -> str:
    """HASH: "<file id>:<number>" → a piece of the file, of `CHUNK` bytes or fewer. As long as the thread."""
    return f"ab:{{{p}}}:file_chunks:{id}"


def all_of_thread(p: Partition, id: str) -> list[str]:
    """Return all keys that belong to one thread alone."""
    return [
        key(p, id)
        for key in (
            thread, inbox, amendments, stream_events, history, turn_ends, journal, outbox, unsent, files, file_chunks
        )
    ]  # fmt: skip


# Global --------------------------------------------------------------------------------------


def layout() -> str:
    """HASH: the layout of the store; see `partitions`. Permanent.

    generation and count (of partitions); while threads are being moved also former_generation, former_count and begun
    (ms).
    """
    return "ab:partitions"


def mover() -> str:
    """STRING: the worker that moves idle threads to the current layout. Three seconds longer than it does."""
    return "ab:partitions:mover"


def pause(scope: str) -> str:
    """STRING that exists while its platform asked to send nothing to `scope`. Until the end of that pause."""
    return f"ab:pause:{scope}"


def slots(scope: str) -> str:
    """HASH: full (when all of a rate's burst is available again, µs), wall (when that was written, µs). Until then."""
    return f"ab:{{slots}}:{scope}"


def probe() -> str:
    """STRING written to check whether the server accepts writes. One second."""
    return "ab:{0}:probe"


def store_id() -> str:
    """STRING: a random id of the store, by which a server that came back without its data is recognised. Permanent."""
    return "ab:store"


def confirmation(key: str) -> str:
    """STRING in the slot of a key, written so that replicas confirm all that was written there before. One second."""
    return f"ab:{{{key.partition('{')[2].partition('}')[0] or key}}}:confirmed"


def session(namespace: str, id: str) -> str:
    """HASH: a session of a `SessionWorker`, by a digest of its names. As long as it is held, and while it is not idle.

    fence (of the last claim), until (ms; while it is held), data (a Position).
    """
    digest = blake2b(f"{namespace}\n{id}".encode(errors="surrogatepass"), digest_size=16).hexdigest()
    return f"ab:{{{digest}}}:session"


def signals() -> str:
    """CHANNEL of signals to workers: a word and a text, in two lines.

    To a running turn "cancel", "interrupt", "interrupt now" or "live", with its thread; to claimers "parked", with
    "version:<version>": a turn waits for workers with that version; to all "orders": see `fleet.keys.paused`.
    """
    return "ab:signals"
