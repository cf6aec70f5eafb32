"""REDIS_URL in every form, and what is said about one that cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from answerback.errors import ConfigurationError
from answerback.redis_address import Address, place


@pytest.mark.parametrize(
    ("url", "fields"),
    [
        ("redis://", {"hosts": (("localhost", 6379),), "options": {"db": 0}}),
        (
            "redis://app:p%40ss,%2F@db:6400/3",
            {"hosts": (("db", 6400),), "options": {"username": "app", "password": "p@ss,/", "db": 3}},
        ),
        ("redis://:secret@[::1]:6400", {"hosts": (("::1", 6400),), "options": {"password": "secret", "db": 0}}),
        ("unix:///run/redis.sock?db=2", {"hosts": (), "path": "/run/redis.sock", "options": {"db": 2}}),
        (
            "rediss://db?ssl_ca_certs=/ca.pem&ssl_check_hostname=no",
            {"tls": True, "options": {"ssl_ca_certs": "/ca.pem", "ssl_check_hostname": False, "db": 0}},
        ),
        (
            "redis+sentinel://app:secret@a:1,b/mymaster/1?sentinel_username=s&sentinel_password=other",
            {
                "kind": "sentinel",
                "hosts": (("a", 1), ("b", 26379)),
                "master": "mymaster",
                "options": {"username": "app", "password": "secret", "db": 1},
                "sentinel": {"username": "s", "password": "other"},
            },
        ),
        (
            "rediss+sentinel://a/m?ssl_ca_certs=/ca.pem",
            {"kind": "sentinel", "tls": True, "sentinel": {"ssl_ca_certs": "/ca.pem", "ssl_check_hostname": True}},
        ),
        (
            "rediss+sentinel://a/m?ssl_cert_reqs=none",
            {"tls": True, "sentinel": {"ssl_cert_reqs": "none", "ssl_check_hostname": False}},
        ),
        ("redis+cluster://a,b:7000,c", {"kind": "cluster", "hosts": (("a", 6379), ("b", 7000), ("c", 6379))}),
        ("rediss+cluster://a", {"kind": "cluster", "tls": True}),
    ],
)
def test_each_form_is_understood(url: str, fields: dict[str, Any]) -> None:
    found = Address.parse(url)
    assert {name: getattr(found, name) for name in fields} == fields


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("localhost:6379", "must start with one of redis://"),
        ("http://host", "must start with one of redis://"),
        ("redis://host:port", "percent-encode"),
        ("redis://[::1", "percent-encode"),
        ("redis://:hunter2/x@host", "percent-encode"),
        ("redis://a,b", "use redis+sentinel:// or redis+cluster://"),
        ("redis://a/cache", "must end with the number of a database"),
        ("unix://", "must name a socket"),
        ("redis+sentinel://a:26379", "must name the master"),
        ("redis+cluster://a/2", "only has database 0"),
        ("redis://a?timeout=3", 'unknown parameter "timeout"'),
        ("redis://a?ssl_ca_certs=/ca.pem", "start it with rediss://"),
        ("redis+cluster://a?ssl_cert_reqs=none", "start it with rediss+cluster://"),
        ("redis://a?sentinel_password=x", "start it with redis+sentinel://"),
        ("rediss://a?ssl_cert_reqs=some", "invalid value for the parameter ssl_cert_reqs"),
    ],
)
def test_a_mistake_is_one_sentence_without_the_password(url: str, words: str) -> None:
    with pytest.raises(ValueError) as caught:
        Address.parse(url)
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_certificates_are_looked_for_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"ssl_ca_certs=/nowhere/ca\.pem cannot be read"):
        Address.parse("rediss://db?ssl_ca_certs=/nowhere/ca.pem").check_files()
    certificate = tmp_path / "client.pem"
    certificate.touch()
    with pytest.raises(ConfigurationError, match="needs both"):
        Address.parse(f"rediss://db?ssl_certfile={certificate}").check_files()


def test_a_url_is_shown_without_its_secrets() -> None:
    assert place("redis+sentinel://u:p%2F@a:1,b/mymaster/1?sentinel_password=x") == "redis+sentinel://a:1,b/mymaster/1"
    assert place("unix://u:p@/run/redis.sock") == "unix:///run/redis.sock"
