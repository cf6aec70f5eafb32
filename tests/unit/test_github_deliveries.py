from __future__ import annotations

import pytest

from answerback.errors import ConfigurationError, RateLimited, Rejected, Unavailable
from answerback.platforms.github.credential import Token
from answerback.platforms.github.deliveries import Deliveries
from answerback.platforms.github.settings import GitHubSettings
from answerback.settings import Settings
from tests.fixtures.exchanges import answer, run

API = "https://api.github.com"
REPOSITORY, ORGANIZATION = "acme/widgets/hooks/123", "acme/hooks/45"
TRY = {
    "id": 12077215001,
    "guid": "0b989ba4-242f-11e5-81e1-c7b6966d2516",
    "delivered_at": "2025-03-01T10:00:00.250Z",
    "redelivery": False,
    "duration": 0.27,
    "status": "Invalid HTTP Response: 503",
    "status_code": 503,
    "event": "issue_comment",
    "action": "created",
    "installation_id": None,
    "repository_id": 1296269,
    "throttled_at": None,
}


@pytest.fixture
def deliveries() -> Deliveries:
    return Deliveries(Token("ghp_x", API), API, lambda: 1_740_823_200.0)


@pytest.mark.parametrize(
    ("hook", "path"),
    [(REPOSITORY, "repos/acme/widgets/hooks/123"), (ORGANIZATION, "orgs/acme/hooks/45")],
)
def test_a_page_is_read_and_leads_to_the_next_one(deliveries: Deliveries, hook: str, path: str) -> None:
    link = (
        f'<{API}/repositories/1/hooks/123/deliveries?per_page=100&cursor=v1_12077>; rel="next", '
        f'<{API}/repositories/1/hooks/123/deliveries?per_page=100&cursor=v1_1>; rel="prev"'
    )
    done = run(deliveries.page(hook), answer([TRY], link=link))
    [request] = done.requests
    assert (request.method, request.url) == ("GET", f"{API}/{path}/deliveries?per_page=100")
    assert request.headers["authorization"] == "Bearer ghp_x"
    [found] = done.value.attempts
    assert (found.at, found.state, found.guid) == (1_740_823_200_250, "failed", TRY["guid"])
    following = run(deliveries.page(hook, done.value.cursor), answer([]))
    assert following.requests[0].url.endswith("?per_page=100&cursor=v1_12077")
    assert following.value.cursor == ""


def test_a_link_elsewhere_takes_no_credential_along(deliveries: Deliveries) -> None:
    link = '<https://evil.example/deliveries?cursor=v1_9&x=1>; rel="next"'
    cursor = run(deliveries.page(REPOSITORY), answer([TRY], link=link)).value.cursor
    assert run(deliveries.page(REPOSITORY, cursor), answer([])).requests[0].url.startswith(f"{API}/repos/acme/")


@pytest.mark.parametrize(
    ("status", "code", "state"),
    [
        ("OK", 202, "delivered"),
        ("OK", 0, "delivered"),
        ("pending", 0, "pending"),
        ("Moved Permanently", 301, "failed"),
        ("timed out", 504, "failed"),
        ("failed to connect to host", 502, "failed"),
        ("", 0, "failed"),
    ],
)
def test_only_an_answer_of_2xx_is_a_delivery(deliveries: Deliveries, status: str, code: int, state: str) -> None:
    page = run(deliveries.page(REPOSITORY), answer([{**TRY, "status": status, "status_code": code}])).value
    assert [each.state for each in page.attempts] == [state]


def test_a_delivery_is_asked_for_by_its_number(deliveries: Deliveries) -> None:
    done = run(deliveries.redeliver(REPOSITORY, 77), answer({}, 202))
    assert done.requests[0].method == "POST"
    assert done.requests[0].url == f"{API}/repos/acme/widgets/hooks/123/deliveries/77/attempts"
    assert done.value == ""


def test_one_that_github_will_not_deliver_does_not_stop_the_others(deliveries: Deliveries) -> None:
    refused = run(deliveries.redeliver(REPOSITORY, 77), answer({"message": "Not Found"}, 404)).value
    assert "404" in refused


@pytest.mark.parametrize(
    ("hook", "needed"), [(REPOSITORY, "admin:repo_hook"), (ORGANIZATION, "organization permission")]
)
@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_credential_that_may_not_is_told_what_it_needs(
    deliveries: Deliveries, hook: str, needed: str, status: int
) -> None:
    said = {"message": "Resource not accessible by personal access token"}
    with pytest.raises(Rejected, match=needed):
        run(deliveries.page(hook), answer(said, status))


def test_rate_limits_and_outages_are_told_apart(deliveries: Deliveries) -> None:
    with pytest.raises(RateLimited) as limit:
        run(deliveries.page(REPOSITORY), answer({"message": "slow down"}, 429, **{"retry-after": "7"}))
    assert limit.value.seconds == 7
    with pytest.raises(Unavailable) as trouble:
        run(deliveries.redeliver(REPOSITORY, 77), answer({}, 502))
    assert not trouble.value.unknown


def test_a_token_has_no_deliveries_of_an_app(deliveries: Deliveries) -> None:
    with pytest.raises(Rejected, match="GITHUB_APP_ID"):
        run(deliveries.page("app"))


def test_a_time_without_milliseconds_is_read(deliveries: Deliveries) -> None:
    page = run(deliveries.page(REPOSITORY), answer([{**TRY, "delivered_at": "2025-03-01T10:00:00Z"}])).value
    assert page.attempts[0].at == 1_740_823_200_000


@pytest.mark.parametrize(
    "hook", ["acme/widgets", "widgets/123", "https://github.com/acme/hooks/1", "acme/hooks/x", "App"]
)
def test_a_setting_that_names_no_webhook_is_told_what_does(hook: str) -> None:
    with pytest.raises(ConfigurationError, match=r"GITHUB_REDELIVER.*is not a webhook"):
        Settings.load({"GITHUB_TOKEN": "t", "GITHUB_REDELIVER": hook})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"GITHUB_REDELIVER": REPOSITORY}, "needs a credential"),
        ({"GITHUB_REDELIVER": "app", "GITHUB_TOKEN": "t"}, "needs a GitHub App"),
    ],
)
def test_a_setting_without_its_credential_is_wrong(given: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        Settings.load(given)


def test_several_webhooks_can_be_named() -> None:
    found = Settings.load({"GITHUB_TOKEN": "t", "GITHUB_REDELIVER": f"{REPOSITORY}, {ORGANIZATION}"})
    assert found.of(GitHubSettings).redeliver == [REPOSITORY, ORGANIZATION]
