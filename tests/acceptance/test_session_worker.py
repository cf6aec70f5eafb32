"""Sessions of a library's user, on several hosts, of which one dies."""

from __future__ import annotations

from tests.acceptance.system import System

HOST = "tests.acceptance.session_host"


async def test_another_host_goes_on_from_the_last_committed_turn(plain: System) -> None:
    first = await plain.start(HOST, WHO="first", TEXTS="a b hold")
    await plain.marked("holding")
    second = await plain.start(HOST, WHO="second", TEXTS="c d")
    third = await plain.start(HOST, WHO="third", TEXTS="e")
    await first.kill()
    assert (await second.wait(), await third.wait()) == (0, 0), second.words() + third.words()
    done = {path.name for path in plain.marks.iterdir()}
    assert {"first-a-1", "first-b-2", "holding"} < done
    # The turn that was held is lost, and nothing before it; the other two had the session one after the other.
    rest = done - {"first-a-1", "first-b-2", "holding"}
    assert rest in ({"second-c-3", "second-d-4", "third-e-5"}, {"third-e-3", "second-c-4", "second-d-5"})
