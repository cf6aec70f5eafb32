"""The manifest of a Slack app: https://docs.slack.dev/reference/app-manifest"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlencode

from answerback.platforms.manifest import AppRequest, Feature, ManifestSupport

_NAME = 35
"""Characters of an app's name."""


class _Grant(NamedTuple):
    scopes: tuple[str, ...]
    events: tuple[str, ...] = ()
    purpose: str = ""


_ALWAYS = (
    _Grant(("chat:write",), ("app_uninstalled", "tokens_revoked"), "to reply"),
    _Grant(
        ("channels:history", "groups:history", "im:history", "mpim:history"),
        purpose="to read a thread, and to find a reply whose outcome is unknown",
    ),
    _Grant(("users:read", "channels:read", "groups:read"), purpose="to know what people and channels are called"),
)
_GRANTS: Mapping[Feature, _Grant] = {
    "mentions": _Grant(("app_mentions:read",), ("app_mention",), "to be mentioned"),
    "messages": _Grant(
        ("channels:history", "groups:history", "mpim:history"),
        ("message.channels", "message.groups", "message.mpim"),
        "to follow conversations",
    ),
    "direct": _Grant(("im:history",), ("message.im",), "for direct messages"),
    "reactions": _Grant(("reactions:read",), ("reaction_added", "reaction_removed"), "to see reactions"),
    "react": _Grant(("reactions:write",), purpose="to react"),
    # https://docs.slack.dev/ai/agent-sessions, https://docs.slack.dev/reference/events/agent_session_stopped
    "agent": _Grant(("assistant:write",), ("agent_session_stopped",), "to show agents at work, with a stop button"),
    "files": _Grant(("files:read", "files:write"), purpose="for files"),
}


def document(app: AppRequest) -> Mapping[str, object]:
    """See `ManifestSupport`."""
    if not app.socket and not app.url.startswith("https://"):
        raise ValueError("Slack sends events to an https URL: give it with --url, or use --socket")
    chosen = [*_ALWAYS, *(grant for feature, grant in _GRANTS.items() if feature in app.features)]
    scopes = {scope for grant in chosen for scope in grant.scopes} | ({"commands"} if app.commands else set())
    events = {event for grant in chosen for event in grant.events}
    webhook = {} if app.socket else {"request_url": f"{app.url}/webhooks/slack"}
    # Where the options of long menus are asked for.
    menus = {} if app.socket else {"message_menu_options_url": webhook["request_url"]}
    off = {"is_enabled": False}
    handle = re.sub(r"[^a-z0-9._-]+", "-", app.name.lower()).strip("-") or "bot"
    features: dict[str, object] = {
        "app_home": {
            "home_tab_enabled": False,
            "messages_tab_enabled": "direct" in app.features,
            "messages_tab_read_only_enabled": False,
        },
        "bot_user": {"display_name": handle[:80], "always_online": True},
    }
    if "agent" in app.features:
        features["agent_view"] = {"agent_description": f"Ask {app.name}"[:300]}
    if app.commands:
        target = {} if app.socket else {"url": f"{app.url}/webhooks/slack"}
        features["slash_commands"] = [
            {"command": each, "description": f"Ask {app.name}"[:2000], "should_escape": True, **target}
            for each in app.commands
        ]
    oauth: dict[str, object] = {"scopes": {"bot": sorted(scopes)}}
    if app.installs and app.url:
        oauth = {"redirect_urls": [f"{app.url}/slack/oauth"], **oauth}
    return {
        "display_information": {"name": app.name[:_NAME]},
        "features": features,
        "oauth_config": oauth,
        "settings": {
            "event_subscriptions": {**webhook, "bot_events": sorted(events)},
            "interactivity": {"is_enabled": True, **webhook, **menus} if "actions" in app.features else off,
            "org_deploy_enabled": False,
            "socket_mode_enabled": app.socket,
            "token_rotation_enabled": False,
        },
    }


def link(app: AppRequest) -> str:
    """See `ManifestSupport`."""
    manifest = json.dumps(document(app), separators=(",", ":"))
    return f"https://api.slack.com/apps?{urlencode({'new_app': 1, 'manifest_json': manifest})}"


def grants(features: frozenset[Feature]) -> Mapping[str, str]:
    """See `ManifestSupport`."""
    chosen = [*(grant for feature, grant in _GRANTS.items() if feature in features), *_ALWAYS]
    return {scope: grant.purpose for grant in reversed(chosen) for scope in grant.scopes}


APP = ManifestSupport(
    document, link, grants,
    repair="add it at https://api.slack.com/apps under OAuth & Permissions, then install the app again",
)  # fmt: skip
