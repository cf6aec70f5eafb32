"""Limits by address: who is held up by what others do at the same address, and who is not."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from answerback.settings import Settings
from ingress.api.auth.address_limits import AddressLimits
from ingress.api.context import Principal
from ingress.problems import Problem

PROXY = "192.0.2.1"
VISITOR = Principal(workspace="default", key="k", kind="pub", scopes=frozenset())
TALKER = Principal(workspace="default", key="k", kind="ses", scopes=frozenset(), session="th_1")
SERVER = Principal(workspace="default", key="k", kind="live", scopes=frozenset())


def strangers(**settings: str) -> AddressLimits:
    return AddressLimits(Settings.load({"TRUSTED_PROXIES": PROXY, **settings}))


def of(address: str) -> web.Request:
    headers = CIMultiDict({"X-Forwarded-For": address})
    request = make_mocked_request("POST", "/", headers=headers)
    return request.clone(remote=PROXY)


def test_one_address_opens_so_many_sessions_and_another_one_is_not_held_up() -> None:
    limits = strangers(SESSION_RATE_PER_IP="0.001:3")
    for _ in range(3):
        limits.count_request(of("1.2.3.4"), VISITOR)
    with pytest.raises(Problem) as caught:
        limits.count_request(of("1.2.3.4"), VISITOR)
    assert caught.value.status == 429
    assert int(caught.value.headers["Retry-After"]) > 0
    limits.count_request(of("1.2.3.5"), VISITOR)
    # Whoever has a session talks in it, and a product's own server is not a visitor.
    limits.count_request(of("1.2.3.4"), TALKER)
    limits.count_request(of("1.2.3.4"), SERVER)


def test_of_ipv6_a_client_has_a_whole_network() -> None:
    limits = strangers(VISITOR_RATE_PER_IP="0.001:1")
    limits.count_request(of("2001:db8::1"), TALKER)
    with pytest.raises(Problem):
        limits.count_request(of("2001:db8::2"), TALKER)


def test_wrong_keys_are_looked_up_so_often_and_a_good_one_goes_on() -> None:
    limits = strangers(WRONG_KEY_RATE_PER_IP="0.001:2")
    limits.record_valid(limits.check(of("1.2.3.4"), "Bearer good"))
    for number in range(2):
        limits.check(of("1.2.3.4"), f"Bearer wrong {number}")
        limits.record_invalid(of("1.2.3.4"), f"Bearer wrong {number}")
    with pytest.raises(Problem) as caught:
        limits.check(of("1.2.3.4"), "Bearer wrong 2")
    assert caught.value.status == 429
    limits.check(of("1.2.3.4"), "Bearer good")
    limits.check(of("1.2.3.4"), "")
    limits.check(of("1.2.3.5"), "Bearer wrong 2")
    limits.record_invalid(of("1.2.3.5"), "Bearer good")
    with pytest.raises(Problem):
        limits.check(of("1.2.3.4"), "Bearer good")


def test_limits_can_be_turned_off() -> None:
    limits = strangers(SESSION_RATE_PER_IP="off", VISITOR_RATE_PER_IP="off", WRONG_KEY_RATE_PER_IP="off")
    request = of("1.2.3.4")
    for number in range(100):
        limits.count_request(request, VISITOR)
        limits.count_request(request, TALKER)
        limits.record_invalid(request, f"{number}")
        limits.check(request, f"{number}")
