"""A Redis user needs the commands that the store sends; tests/redis/test_server.py tries them on a server."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

from answerback.store import permissions

STORE = Path(str(resources.files("answerback.store")))
# A command as it is sent: `call("GET", …`, or ("GET", …) among several.
SENT = re.compile(r'(?:\b(?:call|wait|send)\(|\()\s*"([A-Z]{3,20})"')


def test_every_command_that_is_sent_is_in_the_rule() -> None:
    """Add a new one to answerback/store/permissions.py, and to the rule in docs/durability.md."""
    # `embedded` names environment variables.
    files = [file for file in STORE.rglob("*.py") if STORE / "embedded" not in file.parents]
    sent = {name for file in files for name in SENT.findall(file.read_text())}
    extra = (*permissions.OPTIONAL, *permissions.OF_CLUSTER, *permissions.OF_REPLICAS, permissions.WAITAOF[0])
    optional = {name.partition("|")[0] for name in extra}
    assert {"GET", "HSET", "SUBSCRIBE"} <= sent
    assert sent - optional <= set(permissions.required())


def test_what_is_missing_is_named_by_the_kind_of_refusal() -> None:
    calls = permissions.calls()
    assert permissions.missing(calls, [True] * len(calls)) == ""
    assert permissions.missing(calls, [call[0] != "BLPOP" for call in calls]) == "+blpop"
    assert permissions.missing(calls, [call[0] not in ("PUBLISH", "SUBSCRIBE") for call in calls]).endswith("&ab:*")
    assert permissions.missing(calls, [call != calls[-1] for call in calls]) == "~arq:*"
    assert permissions.missing(calls, [False] * len(calls)) == permissions.rule()


def test_a_cluster_and_replicas_need_more() -> None:
    calls = permissions.calls("cluster", replicas=1)
    lacking = [call[0] not in ("ASKING", "CLUSTER", "WAIT") for call in calls]
    assert permissions.missing(calls, lacking) == "+asking +cluster|slots +wait"
