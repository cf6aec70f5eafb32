from __future__ import annotations

from collections.abc import Callable
from typing import cast

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from answerback.errors import ConfigurationError, NotYet, RateLimited, Rejected, Unavailable
from answerback.events import Address
from answerback.platforms import Response, github
from answerback.platforms.github.api import GitHub
from answerback.platforms.github.app import App
from answerback.replies import Reply
from answerback.settings import Settings
from tests.fixtures.exchanges import answer, run

API = "https://api.github.com"
NOW = 1_740_823_200.0
ISSUE: Address = {"repo": "acme/widgets", "number": 7, "installation": 48210377}
POSTED = {"id": 5, "html_url": "https://github.com/acme/widgets/issues/7#issuecomment-5"}

MakeApp = Callable[[Callable[[], float]], GitHub]
"""Makes a client of an app whose clock is given."""


DATE = "Sat, 01 Mar 2025 10:00:00 GMT"  # NOW


def reply(address: Address = ISSUE, *, refusals: int = 0) -> Reply:
    return Reply(key="turn.0", thread="github:1:7", text="Hello", address=address, refusals=refusals)


def clock() -> float:
    return NOW


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: rsa.RSAPrivateKey) -> str:
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def test_an_app_is_known_by_its_id_and_its_bots_login(key: rsa.RSAPrivateKey) -> None:
    app = GitHub(App("912345", pem(key), API, clock), API, clock)
    done = run(app.whoami(), answer({"id": 912345, "slug": "answerbot"}))
    assert done.requests[0].url == f"{API}/app"
    assert done.value.mentions == ("answerbot",)
    assert done.value.marks == ("app:912345", "login:answerbot[bot]")
    token = done.requests[0].headers["authorization"].removeprefix("Bearer ")
    claims = jwt.decode(
        token, key.public_key(), algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False}
    )
    assert claims["iss"] == "912345"
    assert claims["iat"] == NOW - 60
    assert NOW < claims["exp"] <= NOW + 540


@pytest.fixture
def app(key: rsa.RSAPrivateKey) -> MakeApp:
    # As an object: reading it from a text takes longer than most of these tests.
    return lambda now: GitHub(App("912345", cast(str, key), API, now), API, now)


TOKEN = {"token": "ghs_1", "expires_at": "2025-03-01T11:00:00Z"}  # an hour after NOW


def test_an_app_draws_a_token_once_and_again_shortly_before_it_expires(app: MakeApp) -> None:
    now = [NOW]
    client = app(lambda: now[0])
    first = run(client.post(reply()), answer(TOKEN, 201), answer(POSTED, 201))
    assert first.requests[0].url == f"{API}/app/installations/48210377/access_tokens"
    assert first.requests[1].headers["authorization"] == "Bearer ghs_1"
    now[0] += 3400
    assert len(run(client.post(reply()), answer(POSTED, 201)).requests) == 1
    now[0] += 100
    assert len(run(client.post(reply()), answer(TOKEN, 201), answer(POSTED, 201)).requests) == 2


BAD = answer({"message": "Bad credentials"}, 401)
BAD_DATED = answer({"message": "A JSON web token could not be decoded"}, 401, date=DATE)
NOT_ACCESSIBLE = answer({"message": "Resource not accessible by integration"}, 403)


def test_a_token_that_was_revoked_is_drawn_anew_once(app: MakeApp) -> None:
    now = [NOW]
    client = app(lambda: now[0])
    run(client.post(reply()), answer(TOKEN, 201), answer(POSTED, 201))
    now[0] += 600
    done = run(client.post(reply()), BAD, answer({**TOKEN, "token": "ghs_2"}, 201), answer(POSTED, 201))
    assert done.requests[-1].headers["authorization"] == "Bearer ghs_2"
    now[0] += 600
    with pytest.raises(Rejected, match="issued 0 s ago") as caught:
        run(client.post(reply(refusals=99)), BAD, answer(TOKEN, 201), BAD)
    assert "GITHUB_APP_PRIVATE_KEY" not in str(caught.value)


@pytest.mark.parametrize("refusal", [BAD, NOT_ACCESSIBLE, answer({"message": "Not Found"}, 404)])
def test_a_token_that_github_does_not_know_everywhere_yet_is_tried_again(app: MakeApp, refusal: Response) -> None:
    client = app(clock)
    with pytest.raises(NotYet) as caught:
        run(client.post(reply()), answer(TOKEN, 201), refusal)
    assert not caught.value.unknown
    for refusals in (1, 2):
        with pytest.raises(NotYet):
            run(client.post(reply(refusals=refusals)), refusal)
    # The same token, not one that is younger still.
    assert len(run(client.post(reply(refusals=3)), answer(POSTED, 201)).requests) == 1
    with pytest.raises(Rejected):
        run(client.post(reply(refusals=9)), refusal)


def test_a_permission_that_a_token_never_had_is_missed_at_once(app: MakeApp) -> None:
    now = [NOW]
    client = app(lambda: now[0])
    run(client.post(reply()), answer(TOKEN, 201), answer(POSTED, 201))
    now[0] += 600
    with pytest.raises(Rejected, match="write access"):
        run(client.post(reply()), NOT_ACCESSIBLE)


EARLY = answer({"message": "'Issued at' claim ('iat') must be an Integer representing the time"}, 401, date=DATE)
LATE = answer({"message": "'Expiration time' claim ('exp') is too far in the future"}, 401, date=DATE)


@pytest.mark.parametrize(("hours", "refusal"), [(1, EARLY), (1, LATE), (-1, BAD_DATED)])
def test_a_wrong_clock_of_ours_is_corrected_by_githubs(
    app: MakeApp, key: rsa.RSAPrivateKey, hours: int, refusal: Response
) -> None:
    client = app(lambda: NOW + 3600 * hours)
    done = run(client.post(reply()), refusal, answer(TOKEN, 201), answer(POSTED, 201))
    token = done.requests[1].headers["authorization"].removeprefix("Bearer ")
    claims = jwt.decode(
        token, key.public_key(), algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False}
    )
    assert NOW - 90 <= claims["iat"] <= NOW
    # What was learned holds: neither the JWT nor the age of a token is judged by the wrong clock again.
    assert len(run(client.whoami(), answer({"id": 1, "slug": "a"})).requests) == 1
    assert len(run(client.post(reply()), answer(POSTED, 201)).requests) == 1


def test_a_key_is_blamed_only_if_the_clock_is_right(app: MakeApp) -> None:
    with pytest.raises(Rejected, match="GITHUB_APP_PRIVATE_KEY"):
        run(app(clock).whoami(), BAD_DATED)
    with pytest.raises(Rejected, match="clock") as caught:
        run(app(clock).whoami(), EARLY)
    assert "GITHUB_APP_PRIVATE_KEY" not in str(caught.value)


def test_without_an_installation_in_the_webhook_it_is_looked_up(app: MakeApp) -> None:
    address: Address = {"repo": "acme/widgets", "number": 7}
    done = run(app(clock).post(reply(address=address)), answer({"id": 3}), answer(TOKEN, 201), answer(POSTED, 201))
    urls = [each.url.removeprefix(API) for each in done.requests]
    assert urls[:2] == ["/repos/acme/widgets/installation", "/app/installations/3/access_tokens"]


def test_an_installation_that_was_replaced_is_looked_up_once(app: MakeApp) -> None:
    """The app was removed and installed again after the event: its number in the webhook is gone."""
    client, gone = app(clock), answer({"message": "Not Found"}, 404)
    done = run(client.post(reply()), gone, answer({"id": 222}), answer(TOKEN, 201), answer(POSTED, 201))
    assert [each.url.removeprefix(API) for each in done.requests[:3]] == [
        "/app/installations/48210377/access_tokens",
        "/repos/acme/widgets/installation",
        "/app/installations/222/access_tokens",
    ]
    assert len(run(client.post(reply()), answer(POSTED, 201)).requests) == 1
    for answers in ((gone, gone), (gone, answer({"id": 48210377}))):
        with pytest.raises(Rejected):
            run(app(clock).post(reply(refusals=9)), *answers)


def test_all_installations_are_listed_page_by_page(app: MakeApp) -> None:
    def one(id: int, **more: object) -> dict[str, object]:
        return {"id": id, "account": {"login": f"org-{id}"}, "permissions": {"issues": "write"}, "events": [], **more}

    suspended = one(1, suspended_at="2026-01-01T00:00:00Z")
    done = run(app(clock).accounts(), answer([suspended, *map(one, range(2, 101))]), answer([one(101)]))
    assert [each.url.removeprefix(API) for each in done.requests] == [
        "/app/installations?per_page=100&page=1",
        "/app/installations?per_page=100&page=2",
    ]
    found = list(done.value or ())
    assert (len(found), found[0].suspended, found[0].removed) == (101, True, 1_767_225_600_000)
    assert (found[100].title, found[100].scopes) == ("org-101 (101)", ("issues:read", "issues:write"))
    with pytest.raises(Rejected):
        run(app(clock).accounts(), answer({"message": "Not Found"}, 404))


def test_a_connection_lost_while_drawing_a_token_leaves_no_doubt_about_the_reply(app: MakeApp) -> None:
    with pytest.raises(Unavailable) as caught:
        run(app(clock).post(reply()), Unavailable("reset"))
    assert not caught.value.unknown


@pytest.mark.parametrize("text", ["", "-----BEGIN PRIVATE KEY-----\nzz\n-----END PRIVATE KEY-----"])
def test_a_key_that_cannot_be_read_is_a_configuration_error(text: str) -> None:
    with pytest.raises(ConfigurationError, match="GITHUB_APP_PRIVATE_KEY"):
        App("912345", text, API)


def test_the_settings_decide_which_client_there_is(key: rsa.RSAPrivateKey) -> None:
    assert github.client(Settings.load({})) is None
    assert "GITHUB_TOKEN" in repr(github.client(Settings.load({"GITHUB_TOKEN": "t"})))
    both = {"GITHUB_APP_ID": "1", "GITHUB_APP_PRIVATE_KEY": pem(key).replace("\n", "\\n")}
    assert "GITHUB_APP_PRIVATE_KEY" in repr(github.client(Settings.load(both)))


def test_a_rate_limit_of_an_app_is_its_installations(app: MakeApp) -> None:
    with pytest.raises(RateLimited) as caught:
        run(app(clock).post(reply()), answer(TOKEN, 201), answer({}, 429))
    assert caught.value.scope == "installation:48210377"
