"""The sender and what is no plain text: edits, deletions, reactions, files. Each takes effect once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec
import pytest

from answerback.archive import line, parse
from answerback.errors import Rejected, Unavailable
from answerback.outgoing import Button, Field, File, Form, ReplyContent, Select
from answerback.platforms import Exchange, Request, Response, Sent
from answerback.replies import Reply, ReplyKind
from answerback.store import keys
from answerback.store.fleet.aliases import Aliases
from answerback.store.threads.archives import Archives
from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.files import FileLimits, Files
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.threads import Threads
from tests.fixtures.able import URL, Able
from tests.fixtures.exchanges import answer
from tests.redis.given import accept, claim, turn
from tests.redis.sending import CLIENTS, LATE, Scene

pytestmark = pytest.mark.one_server

TURN = "0123456789abcdef0123"


class AbleScene(Scene):
    """A thread whose platform can do everything."""

    async def put(self, *replies: Reply) -> None:
        """Put replies into the outbox."""
        number = len(await self.outbox.replies(self.thread)) + 1
        await accept(self.threads, number, thread=self.thread)
        await self.threads.commit(turn(await claim(self.threads), *replies))

    def make(self, key: str, kind: ReplyKind = "message", text: str = "", content: ReplyContent | None = None) -> Reply:
        """A reply of a turn."""
        address: dict[str, str | int] = {"team": "T1", "channel": "C1", "thread_ts": "1.2"}
        return Reply(key=f"{TURN}.{key}", thread=self.thread, text=text, address=address, kind=kind, content=content)

    def target(self, key: str) -> ReplyContent:
        """What a change of this reply has."""
        return ReplyContent(target=f"{TURN}.{key}")

    @property
    def made(self) -> list[tuple[str, str, str]]:
        """The posts so far: kind, text, target."""
        found = []
        for request in self.platform.asked:
            if request.method == "POST":
                body = msgspec.json.decode(request.body)
                kind = request.url.removeprefix(f"{URL}/").partition("/")[0]
                found.append((kind, body["text"], (body["content"] or {}).get("target", "")))
        return found

    async def states(self) -> dict[str, str]:
        """The states of all replies."""
        return {key.partition(".")[2]: reply.state for key, reply in (await self.outbox.replies(self.thread)).items()}


@pytest.fixture
def scene(threads: Threads, outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> AbleScene:
    monkeypatch.setitem(CLIENTS, "slack", Able())
    return AbleScene(threads, outbox, "slack")


def ids(*names: str) -> Sequence[Response]:
    """The platform accepts everything; each message has an id."""
    return [answer(name.encode()) for name in names]


async def test_a_change_is_sent_with_the_platforms_id_of_its_message(scene: AbleScene) -> None:
    await scene.put(
        scene.make("0", text="one"),
        scene.make("edit0", "edit", "two", scene.target("0")),
        scene.make("reaction1", "reaction", content=ReplyContent(target="1.2", reaction="eyes")),
        scene.make("delete2", "delete", content=scene.target("0")),
    )
    await scene.send(*ids("m1", "m1", "", ""))
    assert scene.made == [("message", "one", ""), ("edit", "two", "m1"), ("reaction", "", "1.2"), ("delete", "", "m1")]
    assert set((await scene.states()).values()) == {"sent"}


async def test_an_edit_changes_adds_and_deletes_the_parts_of_a_long_message(scene: AbleScene) -> None:
    await scene.put(scene.make("0.0", text="0123456789"), scene.make("0.1", text="abc"))
    await scene.send(*ids("m0", "m1"))
    longer = ReplyContent(target=f"{TURN}.0", actions=(Button("Yes", name="Yes"),))
    await scene.put(scene.make("edit0", "edit", "A" * 10 + "B" * 10 + "C", longer))
    await scene.send(*ids("m0", "m1", "m2"))
    assert scene.made[2:] == [("edit", "A" * 10, "m0"), ("edit", "B" * 10, "m1"), ("message", "C", f"{TURN}.0")]
    assert [b"Yes" in request.body for request in scene.platform.asked] == [False] * 4 + [True]
    await scene.put(scene.make("edit1", "edit", "D", scene.target("0")))
    await scene.send(*ids("m0", "", ""))
    assert scene.made[5:] == [("edit", "D", "m0"), ("delete", "", "m1"), ("delete", "", "m2")]
    await scene.put(scene.make("edit2", "edit", "E" * 11, scene.target("0")))
    await scene.send(*ids("m0", "m3"))
    assert scene.made[8:] == [("edit", "E" * 10, "m0"), ("message", "E", f"{TURN}.0")]
    await scene.put(scene.make("delete3", "delete", content=scene.target("0")))
    await scene.send(*ids("", ""))
    assert scene.made[10:] == [("delete", "", "m0"), ("delete", "", "m3")]


@pytest.mark.parametrize("kind", ["edit", "delete", "reaction", "check"])
async def test_a_change_of_unknown_outcome_is_made_again_at_once(scene: AbleScene, kind: ReplyKind) -> None:
    await scene.put(scene.make(f"{kind}0", kind, "x", ReplyContent(target="m9")))
    await scene.send(Unavailable("no response"))
    assert set((await scene.states()).values()) == {"sending"}
    await _now(scene)
    await scene.send(*ids("m9"))
    assert scene.made == [(kind, "x", "m9")] * 2
    assert set((await scene.states()).values()) == {"sent"}


async def test_a_change_waits_while_an_earlier_one_may_still_be_carried_out(scene: AbleScene) -> None:
    changes = [scene.make(f"edit{n}", "edit", f"text {n}", ReplyContent(target="m9")) for n in range(2)]
    await scene.put(*changes, scene.make("0", text="more"))
    await scene.send(Unavailable("no response"))
    await _now(scene)
    # The first one is repeated at once. The platform may still carry out the lost request: after the second one, the
    # message would say what it said before.
    await scene.send(*ids("m9"))
    await _now(scene)
    await scene.send()
    assert scene.made == [("edit", "text 0", "m9")] * 2
    assert await scene.outbox.paused([f"changes/{scene.thread}"]) > LATE - 60
    await scene.threads.database.call("DEL", keys.pause(f"changes/{scene.thread}"))
    await _now(scene)
    await scene.send(*ids("m9", "m1"))
    assert scene.made[2:] == [("edit", "text 1", "m9"), ("message", "more", "")]


async def test_a_message_that_was_not_posted_cannot_be_changed(scene: AbleScene, letters: DeadLetters) -> None:
    await scene.put(
        scene.make("0", text="one"),
        scene.make("edit0", "edit", "two", scene.target("0")),
        scene.make("edit1", "edit", "two", scene.target("7")),
        scene.make("check2", "check", content=ReplyContent(check="c", state="queued")),
        scene.make("check3", "check", content=ReplyContent(check="c", state="success", target=f"{TURN}.check2")),
    )
    await scene.send(Rejected("the channel is gone"), Rejected("no"), *ids("c1"))
    reasons = {letter.id.partition(".")[2]: letter.reason async for letter in letters.list()}
    assert reasons == {
        "0": "the channel is gone",
        "edit0": f"the reply {TURN}.0 was not posted, so it cannot be changed: replay its dead letter first, "
        "then this one",
        "edit1": f"there is no reply {TURN}.7 in this thread: nothing was changed",
        "check2": "no",
    }
    # A check run that could not be changed is made anew.
    assert scene.made[-1] == ("check", "", "")
    assert await letters.replay(f"{TURN}.0")
    assert await letters.replay(f"{TURN}.edit0")
    await scene.send(*ids("m1", "m1"))
    assert scene.made[-2:] == [("message", "one", ""), ("edit", "two", "m1")]


async def _now(scene: Scene) -> None:
    """The delay of the next attempt is over."""
    from tests.redis.given import lapse

    await lapse(scene.threads, "due", scene.thread)


async def test_files_are_read_from_the_store_and_what_was_prepared_is_kept(scene: AbleScene) -> None:
    await scene.put(scene.make("0", text="first"))
    await scene.send(*ids("m0"))
    stored = File("a.csv", b"1,2", "text/csv", f"{scene.thread}.{TURN}", 3)
    await Files(scene.threads).put(scene.thread, stored, limits=FileLimits(thread=100, workspace=100))
    content = ReplyContent(files=(msgspec.structs.replace(stored, data=b""),))
    await scene.put(scene.make("1", content=content))

    # Nothing can have been posted before it is prepared: it is prepared again.
    await scene.send(Unavailable("no response"))
    await _now(scene)
    await scene.send(answer(b"F1"), Unavailable("no response"))
    assert [(request.method, request.body) for request in scene.platform.asked[1:3]] == [("PUT", b"1,2")] * 2
    reply = (await scene.outbox.replies(scene.thread))[f"{TURN}.1"]
    assert (reply.state, reply.prepared, reply.content) == ("sending", "F1", content)

    await scene_later(scene, LATE / 2)
    await scene.send(answer(b""))
    await scene_later(scene, 2 * LATE)
    await scene.send(answer(b""), answer(b"m1"))
    assert [request.method for request in scene.platform.asked[1:]] == ["PUT", "PUT", "POST", "GET", "GET", "POST"]
    assert (await scene.states())["1"] == "sent"


async def scene_later(scene: Scene, seconds: float) -> None:
    """So many seconds pass."""
    (key,) = [key for key, reply in (await scene.outbox.replies(scene.thread)).items() if reply.state == "sending"]
    original = scene.reply
    scene.reply = lambda _="": original(key)  # type: ignore[assignment,method-assign]
    await scene.later(seconds)


async def test_the_options_of_long_menus_are_kept_and_an_answer_that_begins_a_thread_is_linked(
    scene: AbleScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms = tuple((f"Room {number}", str(number)) for number in range(101))
    menus = ReplyContent(actions=(Select("room", rooms), Button("Yes", name="yes")))
    form = ReplyContent(form=Form("f", "F", (Field("where", "Where?", "choice", rooms),)))
    await scene.put(scene.make("0", text="Where?", content=menus), scene.make("form1", "form", content=form))

    def post(self: Able, reply: Reply) -> Exchange[Sent]:
        yield Request(method="POST", url=URL, body=b"1")
        return Sent("m1", thread="slack:T1:C1:m1")

    monkeypatch.setattr(Able, "post", post)
    await scene.send(answer(b""), answer(b""))
    assert set((await scene.states()).values()) == {"sent"}
    options = partial(scene.outbox.options, scene.thread)
    assert await options(f"{TURN}.0", "room") == await options(f"{TURN}.form1", "where") == rooms
    assert [*await options(f"{TURN}.0", "yes"), *await options(f"{TURN}.7", "room")] == []
    assert await Aliases(scene.threads.database).resolve("slack:T1:C1:m1") == scene.thread


async def test_a_deleted_file_is_a_dead_letter(scene: AbleScene, letters: DeadLetters) -> None:
    content = ReplyContent(files=(File("a.csv", file=f"{scene.thread}.{TURN}", size=1),))
    await scene.put(scene.make("1", content=content))
    await scene.send()
    (letter,) = [letter async for letter in letters.list()]
    assert letter.reason == "a file of the reply was deleted from its thread"


async def test_an_exported_thread_takes_its_buttons_and_files_along(scene: AbleScene) -> None:
    await scene.put(scene.make("0", text="first"))
    await scene.send(*ids("m0"))
    stored = File("a.csv", b"1,2", "text/csv", f"{scene.thread}.{TURN}", 3)
    await Files(scene.threads).put(scene.thread, stored, limits=FileLimits(thread=100, workspace=100))
    files = ReplyContent(files=(msgspec.structs.replace(stored, data=b""),))
    asked = scene.make("1", text="?", content=ReplyContent(actions=(Button("Yes", value="1", name="yes"),)))
    await scene.put(asked, scene.make("1.f", content=files), scene.make("edit0", "edit", "two", scene.target("0")))
    found = await Archives(scene.threads).read(scene.thread)
    assert found is not None
    await scene.threads.database.call("FLUSHALL")
    assert await Archives(scene.threads).restore(parse(line(found)))
    await scene.send(*ids("m1", "F1", "m2", "m0"))
    bodies = [request.body for request in scene.platform.asked[1:]]
    assert (b'"yes"' in bodies[0], bodies[1], scene.made[-1]) == (True, b"1,2", ("edit", "two", "m0"))
