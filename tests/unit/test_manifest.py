"""Manifests: exactly what the agents need, in the form that Slack and GitHub take."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from answerback.agents import Agent, Listen, Turn
from answerback.agents.needs import features_of
from answerback.platforms.github import manifest as github
from answerback.platforms.github.app import App
from answerback.platforms.manifest import AppRequest
from answerback.platforms.slack import manifest as slack
from answerback.platforms.slack.api import Slack
from tests.fixtures.exchanges import answer, run
from tools.cli import cli
from tools.commands.account_findings import lacking

URL = "https://bot.example.com"


async def _think(turn: Turn) -> str:
    return ""


def features(*listen: Listen, platform: str = "slack") -> Any:
    return features_of([Agent("a", _think, listen=list(listen))], platform)


def test_needs_follow_from_what_agents_listen_to() -> None:
    assert features(Listen("slack", when=("mention",))) == {"mentions", "files"}
    assert features(Listen("github")) == {"files"}
    assert features(Listen("s*", when=("direct",)), Listen(when=("reaction", "action"))) == {
        "direct", "reactions", "actions", "files",
    }  # fmt: skip
    assert features(Listen(when=("every",))) == {"messages", "mentions", "direct", "files"}


def test_an_agent_that_is_mentioned_follows_no_channel() -> None:
    app = slack.document(AppRequest("Answer Bot!", URL, features(Listen(when=("mention",)))))
    settings: Any = app["settings"]
    assert settings["event_subscriptions"] == {
        "request_url": f"{URL}/webhooks/slack",
        "bot_events": ["app_mention", "app_uninstalled", "tokens_revoked"],
    }
    assert settings["interactivity"] == {"is_enabled": False}
    scopes: Any = app["oauth_config"]
    assert "reactions:read" not in scopes["scopes"]["bot"]
    assert {"app_mentions:read", "chat:write", "channels:history"} <= set(scopes["scopes"]["bot"])


def test_socket_mode_and_installations() -> None:
    every = features(Listen(when=("every", "action")))
    app: Any = slack.document(AppRequest("bot", "", every, socket=True, commands=("/deploy",)))
    assert app["settings"]["socket_mode_enabled"]
    assert "http" not in json.dumps(app)
    assert app["settings"]["interactivity"] == {"is_enabled": True}
    assert app["features"]["slash_commands"][0]["command"] == "/deploy"
    assert "commands" in app["oauth_config"]["scopes"]["bot"]
    public: Any = slack.document(AppRequest("bot", URL, every, installs=True))
    assert public["oauth_config"]["redirect_urls"] == [f"{URL}/slack/oauth"]
    agent: Any = slack.document(AppRequest("Helpdesk", URL, every | {"agent"}))
    assert agent["features"]["agent_view"] == {"agent_description": "Ask Helpdesk"}
    assert "assistant:write" in agent["oauth_config"]["scopes"]["bot"]
    assert "agent_session_stopped" in agent["settings"]["event_subscriptions"]["bot_events"]
    with pytest.raises(ValueError, match="--url"):
        slack.document(AppRequest("bot", "http://localhost:8080", every))


def test_slacks_limits_of_names() -> None:
    app: Any = slack.document(AppRequest("Größter Bot der Abteilung für Rückfragen aller Art", URL, frozenset()))
    assert len(app["display_information"]["name"]) <= 35
    assert re.fullmatch(r"[\w\-.]{1,80}", app["features"]["bot_user"]["display_name"], re.ASCII)
    plain: Any = slack.document(AppRequest("日本", URL, frozenset()))
    assert plain["features"]["bot_user"]["display_name"] == "bot"


def test_a_github_app() -> None:
    app: Any = github.document(AppRequest("bot", URL, features(Listen(), platform="github") | {"checks"}))
    assert app["hook_attributes"] == {"url": f"{URL}/webhooks/github", "active": True}
    assert app["default_permissions"]["checks"] == "write"
    assert {"check_run", "issue_comment", "discussion_comment"} <= set(app["default_events"])
    query = parse_qs(urlsplit(github.link(AppRequest("bot", URL, frozenset()))).query)
    assert (query["issues"], query["webhook_url"]) == (["write"], [f"{URL}/webhooks/github"])
    assert "issues" in query["events[]"]
    with pytest.raises(ValueError, match="--socket"):
        github.document(AppRequest("bot", URL, frozenset(), socket=True))


def test_the_command() -> None:
    def printed(*words: str) -> str:
        done = CliRunner().invoke(cli, ["manifest", *words], env={"ANSWERBACK_AGENTS": "", "PUBLIC_URL": ""})
        return f"{done.exit_code} {done.output}"

    status, text = printed("slack", "--url", f"{URL}/").split(" ", 1)
    assert status == "0"
    assert json.loads(text)["settings"]["event_subscriptions"]["request_url"] == f"{URL}/webhooks/slack"
    link = urlsplit(printed("slack", "--socket", "--link").split(" ", 1)[1].strip())
    assert json.loads(parse_qs(link.query)["manifest_json"][0])["settings"]["socket_mode_enabled"]
    assert "use one of github, slack" in printed("standard")
    assert "--command /deploy" in printed("slack", "--url", URL, "--command", "deploy")
    assert printed("github").startswith("2 ")


def test_what_a_token_lacks_is_named_with_its_purpose() -> None:
    needs: Any = {"slack": frozenset({"reactions", "files"})}
    response = answer({"ok": True, "user_id": "U1"}, x_oauth_scopes="chat:write, files:read,files:write")
    granted = run(Slack("t", "https://slack.test").granted(), response).value
    assert granted is not None
    assert set(granted) == {"chat:write", "files:read", "files:write"}
    found = lacking("slack", granted, needs)
    assert found
    assert "reactions:read (to see reactions)" in found.found
    assert "files" not in found.found
    assert "OAuth & Permissions" in found.advice
    assert lacking("slack", slack.grants(needs["slack"]), needs) is None
    assert lacking("standard", frozenset(), needs) is None


def test_what_a_github_app_lacks() -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    key = pem.decode()
    told = {"id": 1, "slug": "bot", "permissions": {"issues": "admin", "metadata": "read"}, "events": ["issues"]}
    granted = run(App("1", key, "https://github.test").granted(), answer(told)).value
    found = lacking("github", granted or (), {"github": frozenset()})
    assert found
    assert "pull_requests:write (to read pull requests and to reply)" in found.found
    assert "issues:write" not in found.found
    assert "event issue_comment" in found.found
