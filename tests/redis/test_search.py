"""Finding threads among thousands."""

from __future__ import annotations

from answerback.store import keys
from answerback.store.chats.chats import Chats
from answerback.store.redis import Value
from answerback.store.threads.search import Filter, listed
from answerback.store.threads.threads import Threads
from tests.redis.given import accept, claim

MANY = 3000


async def _crowd(threads: Threads) -> None:
    """Put idle threads into the store, each updated one ms after the one before."""
    for p in threads.partitions.current.partitions:
        commands: list[tuple[Value, ...]] = []
        for number in range(MANY):
            id = f"github:1:{number}"
            if threads.partitions.current.of(id) == p:
                commands.append(("ZADD", keys.threads(p), number, id))
                fields = (
                    "platform",
                    "github",
                    "channel",
                    "acme/widgets",
                    "title",
                    f"Größe {number}",
                    "agent",
                    "triage",
                )
                commands.append(("HSET", keys.thread(p, id), "created", "1", *fields))
        await threads.database.together(*commands)


async def _ids(threads: Threads, limit: int = 50, **wanted: str) -> list[str]:
    found = Filter(**wanted)  # type: ignore[arg-type]
    return [summary.id async for summary in listed(threads, limit=limit, wanted=found)]


async def test_an_old_thread_is_found_among_thousands_by_any_of_its_words(threads: Threads) -> None:
    await _crowd(threads)
    assert await _ids(threads, limit=3) == [f"github:1:{MANY - 1 - n}" for n in range(3)]
    assert await _ids(threads, text="github:1:17", limit=1000) == [
        f"github:1:{n}" for n in (*range(1799, 1699, -1), *range(179, 169, -1), 17)
    ]
    assert await _ids(threads, text="medium") == []
    assert await _ids(threads, text="GRÖßE 2999") == ["github:1:2999"]
    assert await _ids(threads, text=" gro\u0308sse 2999\t") == ["github:1:2999"], "as it is typed or pasted elsewhere"
    for pattern in ("%", "*", ".*", "[", "\\"):
        assert await _ids(threads, text=pattern) == [], "it is a text, no pattern"
    assert await _ids(threads, agent="triage", platform="slack") == []
    assert len(await _ids(threads, agent="triage", limit=MANY * 2)) == MANY


async def test_a_state_is_looked_for_in_all_threads(threads: Threads) -> None:
    await accept(threads, 1)
    held = await claim(threads)
    await accept(threads, 2, thread="standard:waits")
    await _crowd(threads)
    for p in threads.partitions.current.partitions:  # as if they were the oldest
        await threads.database.call("ZADD", keys.threads(p), "XX", -1, held.thread)
    assert await _ids(threads, state="running") == [held.thread]
    assert await _ids(threads, state="waiting") == ["standard:waits"]
    assert await _ids(threads, state="retrying") == []
    await threads.release(held, delay=60, error="it failed")
    assert await _ids(threads, state="retrying") == [held.thread]
    assert len(await _ids(threads, state="idle", limit=MANY * 2)) == MANY - 1  # the one that failed has an id of theirs


async def test_a_page_with_a_filter_goes_on_where_the_last_one_ended(threads: Threads) -> None:
    await _crowd(threads)
    chats, wanted = Chats(threads), Filter(text="7")
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await chats.list("default", platforms=True, wanted=wanted, cursor=cursor, limit=200)
        seen += [chat.id for chat in page.chats]
        cursor = page.cursor
    assert seen == [f"github:1:{n}" for n in range(MANY - 1, -1, -1) if "7" in str(n)]
