"""Whoever says when to come back is listened to: platforms, models, remote agents, in headers and exceptions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
from pydantic_ai.exceptions import FallbackExceptionGroup, ModelAPIError, ModelHTTPError, ModelQuotaExceededError

from answerback.agents.llm.refusal import with_errors_classified
from answerback.errors import AgentUnreachable, ModelRefused, ModelUnavailable, NoEffect
from answerback.http.retry_after import LONGEST, seconds_in, seconds_requested
from worker.backoff import SLOWER, Backoff

DATE = "Mon, 30 Nov 2026 10:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "30"}, 30),
        ({"retry-after": "0"}, 0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2),
        ({"retry-after": "Mon, 30 Nov 2026 10:00:40 GMT", "date": DATE}, 40),
        ({"retry-after": "Mon, 30 Nov 2026 09:00:00 GMT", "date": DATE}, 0),
        ({"retry-after": "86400"}, LONGEST),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "tomorrow"}, None),
        ({"retry-after": ""}, None),
    ],
)
def test_the_headers_of_an_answer_say_when_to_come_back(headers: dict[str, str], seconds: float | None) -> None:
    assert seconds_in(headers) == seconds


class _Answer:
    def __init__(self, headers: Mapping[str, str]) -> None:
        self.headers = headers


class _Sdk(Exception):
    """As OpenAI's and Anthropic's SDK and httpx have it."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self.response = _Answer(headers)


def _caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (ValueError("no"), None),
        (_Sdk({"Retry-After": "30"}), 30),
        (_caused(ValueError("no"), _Sdk({"Retry-After": "30"})), 30),
        (ModelHTTPError(429, "m", headers={"Retry-After": "30"}), 30),
        (NoEffect("busy", retry_after=30), 30),
        (AgentUnreachable("busy", retry_after=30), 30),
        (AgentUnreachable("busy", retry_after=math.inf), None),
        (ExceptionGroup("all", [ValueError(), _Sdk({"retry-after": "9"}), _Sdk({"retry-after": "5"})]), 5),
    ],
)
def test_an_exception_says_when_to_come_back(error: Exception, seconds: float | None) -> None:
    assert seconds_requested(error) == seconds


def test_a_cause_that_causes_itself_is_no_endless_search() -> None:
    error = ValueError()
    error.__cause__ = error
    assert seconds_requested(error) is None


def test_a_try_never_comes_sooner_than_it_was_told_to() -> None:
    backoff = Backoff(1, 300)
    for tries in range(1, 6):
        waits = [backoff.after(tries, requested=30.0) for _ in range(100)]
        assert all(30 <= wait <= 33 for wait in waits)
        assert len(set(waits)) > 1, "not all threads at the same moment"
    assert backoff.after(9, requested=1.0) > 100
    assert SLOWER / 2 <= backoff.after(1, unreachable=True) <= SLOWER


def _http(status: int, **headers: str) -> ModelHTTPError:
    return ModelHTTPError(status, "gpt", {"message": "says the provider"}, headers=headers)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 422])
async def test_a_refusal_that_another_try_cannot_mend_is_final(status: int) -> None:
    with pytest.raises(ModelRefused, match=f"status_code: {status}.*says the provider.*Retrying will not help"):
        await with_errors_classified(_raises(_http(status)))


@pytest.mark.parametrize(
    "error",
    [*map(_http, (408, 409, 425, 429, 500, 502, 503, 504, 529)), ModelAPIError("gpt", "Connection error.")],
    ids=str,
)
async def test_a_model_that_is_away_is_asked_again(error: Exception) -> None:
    with pytest.raises(ModelUnavailable):
        await with_errors_classified(_raises(error))


async def test_of_several_models_each_has_to_refuse_before_that_is_final() -> None:
    with pytest.raises(ModelRefused):
        await with_errors_classified(_raises(FallbackExceptionGroup("all", [_http(401), _http(404)])))
    with pytest.raises(ModelUnavailable) as away:
        await with_errors_classified(
            _raises(FallbackExceptionGroup("all", [_http(401), _http(429, **{"Retry-After": "7"})]))
        )
    assert away.value.retry_after == 7


async def test_a_quota_that_is_used_up_is_final_unless_it_comes_back_by_itself() -> None:
    kind: dict[str, Any] = {"status_code": 429, "model_name": "gpt", "body": {"code": "insufficient_quota"}}
    used_up = ModelHTTPError.for_category(ModelQuotaExceededError, **kind)
    with pytest.raises(ModelRefused, match="quota or credit is used up"):
        await with_errors_classified(_raises(used_up))
    daily = ModelHTTPError.for_category(ModelQuotaExceededError, headers={"Retry-After": "600"}, **kind)
    with pytest.raises(ModelUnavailable):
        await with_errors_classified(_raises(daily))


def _raises(error: Exception):  # type: ignore[no-untyped-def]
    async def ask() -> object:
        raise error

    return ask
