"""Token buckets, and who a request is from."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from answerback.errors import ConfigurationError
from answerback.settings import Settings
from answerback.settings.variables import Rate
from ingress.limits import Bucket, ClientAddresses, prefix


def test_a_bucket_gives_a_burst_and_then_its_rate() -> None:
    bucket = Bucket(Rate(2, 3))
    assert [bucket.take("a", 100.0) for _ in range(3)] == [0, 0, 0]
    assert bucket.take("a", 100.0) == pytest.approx(0.5)
    assert bucket.take("a", 100.4) == pytest.approx(0.1)
    assert bucket.take("a", 100.5) == 0
    assert bucket.take("a", 100.5) == pytest.approx(0.5)
    assert bucket.take("b", 100.5) == 0
    assert [bucket.take("a", 200.0) for _ in range(4)] == [0, 0, 0, pytest.approx(0.5)]


@given(st.lists(st.floats(0, 3), min_size=1, max_size=60), st.floats(0.1, 50), st.integers(1, 20))
def test_no_more_pass_than_rate_and_burst_allow(gaps: list[float], per_second: float, burst: int) -> None:
    bucket, now, passed = Bucket(Rate(per_second, burst)), 0.0, 0
    for gap in gaps:
        now += gap
        wait = bucket.take("a", now)
        passed += not wait
        assert passed <= burst + per_second * now + 0.001
        assert 0 <= wait <= 1 / per_second + 0.001


def test_a_bucket_forgets_who_was_silent_for_the_longest() -> None:
    bucket = Bucket(Rate(0.001, 1), keys=2)
    for key in "abac":
        bucket.take(key, 0.0)
    assert bucket.take("a", 0.0)
    assert not bucket.take("b", 0.0)


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ([], "192.0.2.1"),
        (["1.2.3.4"], "1.2.3.4"),
        (["6.6.6.6, 1.2.3.4"], "1.2.3.4"),
        (["6.6.6.6", "1.2.3.4, 10.1.1.1"], "1.2.3.4"),
        (["10.1.1.1"], "10.1.1.1"),
        (["::ffff:1.2.3.4"], "1.2.3.4"),
        (["1.2.3.4, unknown"], "192.0.2.1"),
        (["1.2.3.4, \x00, 10.0.0.2"], "10.0.0.2"),
        ([","], "192.0.2.1"),
    ],
)
def test_a_forwarded_address_is_believed_as_far_as_our_proxies_wrote_it(forwarded: list[str], client: str) -> None:
    headers = CIMultiDict([("X-Forwarded-For", each) for each in forwarded])
    request = make_mocked_request("POST", "/", headers=headers).clone(remote="192.0.2.1")
    assert ClientAddresses([ip_network("192.0.2.0/24"), ip_network("10.0.0.0/8")]).address(request) == client
    assert ClientAddresses([]).address(request) == "192.0.2.1"
    assert ClientAddresses([ip_network("10.0.0.0/8")]).address(request) == "192.0.2.1"


def test_a_client_has_an_address_or_a_64_of_them() -> None:
    assert prefix("1.2.3.4") == prefix("::ffff:1.2.3.4") == "1.2.3.4"
    assert prefix("2001:db8::1") == prefix("2001:db8:0:0:ffff::") != prefix("2001:db8:0:1::1")


@pytest.mark.parametrize(("text", "rate"), [("20", (20, 100)), ("0.5", (0.5, 2.5)), ("0.1", (0.1, 1)), ("5:7", (5, 7))])
def test_a_limit_is_a_rate_and_a_burst(text: str, rate: tuple[float, float]) -> None:
    assert Settings.load({"WEBHOOK_RATE_PER_IP": text}).rate_per_ip == rate


@pytest.mark.parametrize("text", ["0", "-1", "x", "1:0", "1:", "1e9", "inf", "nan", "²"])
def test_a_limit_that_is_none_is_reported(text: str) -> None:
    with pytest.raises(ConfigurationError, match="WEBHOOK_RATE_PER_IP: must be requests per second"):
        Settings.load({"WEBHOOK_RATE_PER_IP": text})


def test_a_proxy_that_is_no_address_is_reported() -> None:
    assert Settings.load({"TRUSTED_PROXIES": "10.0.0.7, fd00::/8"}).trusted_proxies == [
        ip_network("10.0.0.7"),
        ip_network("fd00::/8"),
    ]
    with pytest.raises(ConfigurationError, match=r'"proxy\.internal" is not an IP address'):
        Settings.load({"TRUSTED_PROXIES": "10.0.0.7, proxy.internal"})
