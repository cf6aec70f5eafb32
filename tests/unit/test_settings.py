"""Settings: what the environment may say, and what we answer when it says something else."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import Field, SecretStr

from answerback.errors import ConfigurationError
from answerback.platforms import standard
from answerback.platforms.github.settings import GitHubSettings
from answerback.platforms.registry import PLATFORMS
from answerback.settings import Settings
from answerback.settings.platform import PlatformSettings
from answerback.settings.variables import Secrets

KEY = "-----BEGIN RSA PRIVATE KEY-----\\nMIIE\\n-----END RSA PRIVATE KEY-----"
STANDARD = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()


def complaint(**environ: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        Settings.load(environ)
    return str(caught.value)


def test_an_empty_environment_is_enough() -> None:
    settings = Settings.load({})
    assert settings.redis_url is None
    assert settings.data == Path(".answerback")
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.secrets("github") == []


def test_without_a_redis_url_we_say_how_to_get_a_redis() -> None:
    with pytest.raises(ConfigurationError, match="REDIS_URL is not set") as caught:
        Settings.load({}).redis()
    assert "answerback up" in str(caught.value)


def test_an_empty_variable_counts_as_unset() -> None:
    assert Settings.load({"REDIS_URL": "", "PORT": "  ", "GITHUB_TOKEN": ""}) == Settings.load({})


def test_every_variable_has_a_description_and_a_name_of_its_own() -> None:
    fields = list(Settings.variables())
    names = [field.alias for field in fields]
    assert all(name and name == name.upper() for name in names)
    assert len(set(names)) == len(names)
    assert all(field.description for field in fields)


def test_several_secrets_are_separated_by_commas() -> None:
    settings = Settings.load(
        {"GITHUB_WEBHOOK_SECRET": "new, old ,", "STANDARD_WEBHOOKS_SECRET": f"{STANDARD},{STANDARD}"}
    )
    assert settings.secrets("github") == ["new", "old"]
    assert settings.secrets("standard") == [STANDARD, STANDARD]
    assert settings.secrets("nobody") == []


@pytest.mark.parametrize(
    ("value", "secrets"),
    [
        ("xK3,1", ["xK3", "1", "xK3,1"]),
        ("xK3\\,1", ["xK3,1"]),
        ("new\\,er, old", ["new,er", "old"]),
        ("one", ["one"]),
    ],
)
def test_a_secret_may_have_a_comma_in_it(value: str, secrets: list[str]) -> None:
    assert Settings.load({"GITHUB_WEBHOOK_SECRET": value}).secrets("github") == secrets
    assert Settings.load({"SLACK_SIGNING_SECRET": value}).secrets("slack") == secrets


def test_a_standard_secret_may_be_pasted_as_it_is_shown() -> None:
    public = "whpk_" + base64.b64encode(bytes(32)).decode()
    shown = f"v1,{STANDARD},v1a,{public}, v1, {STANDARD}"
    assert Settings.load({"STANDARD_WEBHOOKS_SECRET": shown}).secrets("standard") == [STANDARD, public, STANDARD]


def test_a_public_key_verifies_and_signs_no_replies() -> None:
    public = "whpk_" + base64.b64encode(bytes(32)).decode()
    assert Settings.load({"STANDARD_WEBHOOKS_SECRET": public}).secrets("standard") == [public]
    replies = {"STANDARD_WEBHOOKS_REPLY_URL": "https://example.com/replies"}
    assert "whsk_" in complaint(STANDARD_WEBHOOKS_SECRET=public, **replies)
    both = Settings.load({"STANDARD_WEBHOOKS_SECRET": f"{public},{STANDARD}", **replies})
    assert standard.client(both) is not None


def test_a_line_break_around_a_value_is_not_part_of_it() -> None:
    settings = Settings.load({"GITHUB_TOKEN": "ghp_secret\n", "REDIS_URL": " redis://localhost\n"})
    token = settings.of(GitHubSettings).token
    assert token is not None
    assert token.get_secret_value() == "ghp_secret"
    assert settings.redis() == "redis://localhost"


def test_a_level_may_be_written_in_capitals() -> None:
    assert Settings.load({"LOG_LEVEL": "WARNING"}).log_level == "warning"


def test_an_api_url_loses_its_last_slash() -> None:
    settings = Settings.load({"GITHUB_API_URL": "https://ghe.example.com/api/v3/"})
    assert settings.of(GitHubSettings).api_url == "https://ghe.example.com/api/v3"


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "redis://",
        "rediss://u:p%23w@redis.example.com:6380/2",
        "unix:///tmp/valkey.sock",
        "redis://[::1]:6379",
    ],
)
def test_these_are_redis_urls(url: str) -> None:
    assert Settings.load({"REDIS_URL": url}).redis() == url


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "redis://host:port"),
        ("REDIS_URL", "redis://[::1"),
        ("GITHUB_API_URL", "api.github.com"),
        ("GITHUB_API_URL", "http://"),
        ("SLACK_API_URL", "https://:443/api"),
        ("STANDARD_WEBHOOKS_SECRET", "whsec_"),
        ("STANDARD_WEBHOOKS_SECRET", "not base64!"),
        ("STANDARD_WEBHOOKS_SECRET", "whpk_c2hvcnQ="),
        ("STANDARD_WEBHOOKS_SECRET", "v1,"),
        ("STANDARD_WEBHOOKS_REPLY_URL", "ftp://example.com"),
        ("PORT", "65536"),
        ("PORT", "http"),
        ("LOG_LEVEL", "loud"),
        ("LEASE_SECONDS", "0"),
        ("LEASE_SECONDS", "nan"),
        ("TURN_TIMEOUT_SECONDS", "inf"),
        ("SEEN_DAYS", "2"),
        ("ANSWERBACK_PARTITIONS", "0"),
        ("WORKER_CONCURRENCY", "1.5"),
        ("GITHUB_APP_PRIVATE_KEY", "key.pem"),
    ],
)
def test_a_wrong_value_is_named_with_its_purpose(name: str, value: str) -> None:
    described = {field.alias: field.description for field in Settings.variables()}
    text = complaint(**{name: value})
    assert f"  {name}: " in text
    assert str(described[name]) in text


def test_all_wrong_values_are_reported_at_once() -> None:
    text = complaint(PORT="x", REDIS_URL="x", LEASE_SECONDS="x")
    assert [line.split(":")[0].strip() for line in text.splitlines()[1:]] == ["REDIS_URL", "PORT", "LEASE_SECONDS"]


@pytest.mark.parametrize(
    "environ",
    [
        {"STANDARD_WEBHOOKS_SECRET": "hunter2!hunter2"},
        {"REDIS_URL": "redis://:hunter2#more@localhost:6379"},
        {"REDIS_URL": "redis://hunter2:hunter2/@localhost"},
        {"GITHUB_APP_PRIVATE_KEY": "hunter2"},
        {"GITHUB_TOKEN": "hunter2", "GITHUB_APP_ID": "1", "GITHUB_APP_PRIVATE_KEY": KEY},
    ],
)
def test_a_complaint_never_quotes_a_value(environ: dict[str, str]) -> None:
    assert "hunter2" not in complaint(**environ)


def test_settings_do_not_show_their_secrets() -> None:
    settings = Settings.load({"GITHUB_TOKEN": "hunter2", "SLACK_SIGNING_SECRET": "hunter2"})
    assert "hunter2" not in repr(settings)


def test_every_secret_is_among_the_values_that_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    class ToySettings(PlatformSettings):
        secrets: Secrets = Field([], alias="TOY_SECRET", description="secrets")
        password: SecretStr | None = Field(None, alias="TOY_PASSWORD", description="password")

    class Toy:
        SETTINGS = ToySettings

    monkeypatch.setattr("answerback.settings.PLATFORMS", {**PLATFORMS, "toy": Toy})
    environ = {
        **{
            name: f"{name}-value" for name in ("TOY_PASSWORD", "METRICS_TOKEN", "ANSWERBACK_API_KEY", "SLACK_BOT_TOKEN")
        },
        "TOY_SECRET": "old-value,new-value",
        "GITHUB_APP_ID": "1",
        "GITHUB_APP_PRIVATE_KEY": KEY,
        "STANDARD_WEBHOOKS_SECRET": STANDARD,
        "USER_JWT_KEY": "j" * 32,
        "USER_JWT_ISSUER": "issuer",
        "USER_JWT_AUDIENCE": "audience",
    }
    public = {"GITHUB_APP_ID", "USER_JWT_ISSUER", "USER_JWT_AUDIENCE", "TOY_SECRET", "GITHUB_APP_PRIVATE_KEY"}
    wanted = {value for name, value in environ.items() if name not in public}
    shown = set(Settings.load(environ).secret_values())
    assert shown >= wanted | {"old-value", "new-value", KEY.replace("\\n", "\n")}
    assert not shown & {"1", "issuer", "audience"}


def test_a_private_key_may_be_written_on_one_line() -> None:
    settings = Settings.load({"GITHUB_APP_ID": "12", "GITHUB_APP_PRIVATE_KEY": KEY})
    key = settings.of(GitHubSettings).app_key
    assert key is not None
    assert key.get_secret_value().splitlines()[1] == "MIIE"


def test_half_a_github_app_is_refused() -> None:
    assert "belong together" in complaint(GITHUB_APP_ID="12")
    assert "belong together" in complaint(GITHUB_APP_PRIVATE_KEY=KEY)


def test_a_github_app_and_a_token_are_refused() -> None:
    assert "not both" in complaint(GITHUB_APP_ID="12", GITHUB_APP_PRIVATE_KEY=KEY, GITHUB_TOKEN="ghp_x")


def test_loading_them_imports_nothing_heavy() -> None:
    code = "import sys; from answerback.settings import Settings; Settings.load({}); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"aiohttp", "asyncio", "cryptography", "jwt", "redis", "answerback.store"} & set(done.stdout.split())
