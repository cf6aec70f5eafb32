"""The stand-in of a receiver of Standard Webhooks, and the signatures of all stand-ins."""

from __future__ import annotations

import time

from answerback.testing.standins import sender, signatures
from tests.standins.bench import Bench

SLACK_EXAMPLE = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
    b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
    b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
"""https://docs.slack.dev/authentication/verifying-requests-from-slack"""


async def test_a_standard_receiver_checks_signatures_and_drops_repeats(bench: Bench) -> None:
    made = sender.Standard().message("done", thread="t1", id="abc.1")
    for _ in range(2):
        assert (await bench.ask("POST", "/standard/replies", data=made.body, headers=made.headers))[0] == 200
    stale = sender.Standard().message("late", at=int(time.time()) - 600)
    forged = sender.Standard(secret="whsec_" + "A" * 32).message("forged")
    for wrong in (stale, forged, made._replace(body=made.body + b" ")):
        assert (await bench.ask("POST", "/standard", data=wrong.body, headers=wrong.headers))[0] == 401
    (posted,) = await bench.standins.messages("standard")
    assert (posted.key, posted.thread, posted.body, posted.repeats) == ("abc.1", "t1", "done", 1)


def test_signatures_are_those_of_the_documentation() -> None:
    assert signatures.github("It's a Secret to Everybody", b"Hello, World!").endswith("f4379c8b043e17")
    standard = signatures.standard(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert standard == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    slack = signatures.slack("8f742231b10e8888abcd99yyyzzz85a5", 1531420618, SLACK_EXAMPLE)
    assert slack == "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
