"""What has to be set in a Meta app, which has no manifest of its own: the webhook, its fields and the permissions."""

from __future__ import annotations

from collections.abc import Mapping

from answerback.platforms.manifest import AppRequest, Feature, ManifestSupport

FIELDS = {
    "messages": "messages of people, and what became of ours",
    "user_id_update": "conversations go on when a person's id changes",
    "smb_message_echoes": "agents are silent when a person answers in the WhatsApp Business app",
}
PERMISSIONS = {
    "whatsapp_business_messaging": "to reply, and to read and send files",
    "whatsapp_business_management": "to read the number's name and the webhook's subscriptions",
}


def document(app: AppRequest) -> Mapping[str, object]:
    """See `ManifestSupport`."""
    if not app.url.startswith("https://"):
        raise ValueError("Meta sends events to an https URL: give it with --url")
    return {
        "name": app.name,
        "use_case": "Connect with customers through WhatsApp",
        "webhook": {
            "object": "whatsapp_business_account",
            "callback_url": f"{app.url}/webhooks/whatsapp",
            "verify_token": "the value of WHATSAPP_VERIFY_TOKEN",
            "fields": list(FIELDS),
        },
        "system_user_token": {"permissions": list(PERMISSIONS), "expiration": "never"},
    }


def link(app: AppRequest) -> str:
    """See `ManifestSupport`: the page cannot be filled in."""
    return "https://developers.facebook.com/apps/creation/"


def grants(features: frozenset[Feature]) -> Mapping[str, str]:
    """See `ManifestSupport`."""
    return PERMISSIONS


APP = ManifestSupport(
    document, link, grants,
    repair="make a new token of the system user in the Business settings with it, and set WHATSAPP_TOKEN",
)  # fmt: skip
