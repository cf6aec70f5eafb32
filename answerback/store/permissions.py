"""The permissions our Redis user needs: all commands of our scripts, of our own calls, and of arq."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

from answerback.redis_address import Kind

KEYS = ("ab:*", "arq:*")
"""Patterns of all keys; arq's own keys have another prefix."""
CHANNELS = ("ab:*",)

# Commands of our own calls.
_SENT = (
    "BLPOP DEL EVAL EVALSHA EXEC EXISTS GET GETDEL HDEL HEXISTS HGET HGETALL HINCRBY HKEYS HLEN HMGET HSET HSETNX "
    "HVALS LINDEX LLEN LRANGE "
    "MULTI PEXPIRE PING PTTL PUBLISH RPUSH SADD SCAN SCARD SET SMEMBERS SREM SUBSCRIBE TIME UNSUBSCRIBE XADD XRANGE "
    "XREVRANGE "
    "ZADD ZCARD ZCOUNT ZMSCORE ZRANGE ZRANGEBYSCORE ZREM ZREVRANGE ZREVRANGEBYSCORE ZSCAN ZSCORE"
)
# arq 0.28: its queue, its cron jobs, its health key (arq/worker.py, arq/connections.py).
_ARQ = (
    "DEL EXEC EXISTS EXPIRE GET INCR MULTI PEXPIRE PSETEX SET SETEX UNWATCH WATCH ZADD ZCARD ZINCRBY ZRANGE "
    "ZRANGEBYSCORE ZREM ZREMRANGEBYSCORE ZSCORE"
)
OPTIONAL = ("HELLO", "INFO", "CONFIG|GET", "CLIENT|SETNAME", "ACL|WHOAMI")
"""Commands that only exchange information with the server; we do without those that are not permitted."""
OF_CLUSTER = ("ASKING", "CLUSTER|SLOTS")
"""Commands that are needed on a Redis Cluster."""
OF_REPLICAS = ("WAIT",)
"""Commands that are needed if replicas confirm writes."""
WAITAOF = ("WAITAOF", "1", "0", "0")
"""Used instead of WAIT where it is permitted. Redis has it since 7.2, so it cannot be in the rule."""

_CALL = re.compile(r"redis\.p?call\(\s*'([A-Z]+)'")
# What follows the command's name where it is not just a key.
_KEY, _CHANNEL = "ab:{0}:probe", "ab:signals"
_ARGUMENTS = {
    "BLPOP": (_KEY, "0"),
    "EVAL": ("", "1", _KEY),
    "EVALSHA": ("", "1", _KEY),
    "EXEC": (),
    "MULTI": (),
    "PING": (),
    "PUBLISH": (_CHANNEL, ""),
    "RENAMENX": (_KEY, _KEY),
    "SCAN": ("0",),
    "SUBSCRIBE": (_CHANNEL,),
    "TIME": (),
    "UNSUBSCRIBE": (_CHANNEL,),
    "UNWATCH": (),
    "WAIT": ("0", "0"),
    "ZSCAN": (_KEY, "0"),
}
# How many words follow the key at least. Redis 8 refuses to look up a call that is too short to be run.
_AFTER_KEY = {
    1: "EXPIRE HDEL HEXISTS HGET HMGET HSTRLEN LINDEX LPOS PEXPIRE RPUSH SADD SET SISMEMBER SREM ZMSCORE ZREM ZSCORE",
    2: "HINCRBY HSET HSETNX LRANGE LREM LSET LTRIM PSETEX SETEX XRANGE XREVRANGE ZADD ZCOUNT ZINCRBY ZRANGE "
    "ZRANGEBYSCORE ZREMRANGEBYSCORE ZREVRANGE ZREVRANGEBYSCORE",
    3: "LINSERT XADD",
}
_ARGUMENTS |= {name: (_KEY, *["0"] * count) for count, names in _AFTER_KEY.items() for name in names.split()}
_OF_ARQ = ("GET", "arq:probe")


@cache
def required() -> tuple[str, ...]:
    """Return the names of all commands that are needed."""
    scripts = resources.files("answerback.store").joinpath("lua")
    files = [file for folder in (scripts, scripts.joinpath("with")) for file in folder.iterdir()]
    texts = [file.read_text() for file in files if file.name.endswith(".lua")]
    return tuple(sorted({*_SENT.split(), *_ARQ.split(), *(name for text in texts for name in _CALL.findall(text))}))


def rule() -> str:
    """Return the minimal rule of a user, as `ACL SETUSER` takes it."""
    names = (*required(), *OF_CLUSTER, *OF_REPLICAS, *OPTIONAL)
    return " ".join([*_patterns(), "-@all", *(f"+{name.lower()}" for name in names)])


def calls(kind: Kind = "standalone", replicas: int = 0) -> list[tuple[str, ...]]:
    """Return a call of each command on one of our keys or channels, and one on a key of arq, for probe.lua."""
    extra = [*(OF_CLUSTER if kind == "cluster" else ()), *(OF_REPLICAS if replicas else ())]
    return [
        *((name, *_ARGUMENTS.get(name, (_KEY,))) for name in required()),
        *((*name.split("|"), *_ARGUMENTS.get(name, ())) for name in extra),
        _OF_ARQ,
    ]


def missing(calls: list[tuple[str, ...]], allowed: list[bool]) -> str:
    """Return what to add to the rule of the user, "" for nothing. `allowed`: whether each of the calls is permitted."""
    refused = [call for call, may in zip(calls, allowed, strict=True) if not may]
    if all(call in refused for call in calls[:-1] if _KEY in call):
        return rule()  # the keys are not permitted, or nothing is
    added = [f"+{'|'.join(call[:2]) if call[0] == 'CLUSTER' else call[0]}".lower() for call in refused
             if call != _OF_ARQ]  # fmt: skip
    if {"PUBLISH", "SUBSCRIBE"} <= {call[0] for call in refused}:
        added += [f"&{pattern}" for pattern in CHANNELS]
    if _OF_ARQ in refused and ("GET", _KEY) not in refused:
        added.append("~arq:*")
    return " ".join(added)


def _patterns() -> list[str]:
    return [*(f"~{pattern}" for pattern in KEYS), *(f"&{pattern}" for pattern in CHANNELS)]
