"""GitHub's settings."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from answerback.settings.platform import PlatformSettings
from answerback.settings.variables import HttpUrl, Secrets, split_at_commas


def _pem(value: SecretStr) -> SecretStr:
    text = value.get_secret_value().replace("\\n", "\n")
    if "PRIVATE KEY-----" not in text:
        raise ValueError("must be the app's private key in PEM format (line breaks may be written as \\n)")
    return SecretStr(text)


def _hook(value: str) -> str:
    if not re.fullmatch(r"app|[\w.-]+(/[\w.-]+)?/hooks/\d+", value, re.ASCII):
        raise ValueError(
            f'"{value}" is not a webhook: use "app", "OWNER/REPO/hooks/ID" or "ORG/hooks/ID" '
            "(the ID is the number at the end of the URL of the webhook's settings page)"
        )
    return value


Pem = Annotated[SecretStr, AfterValidator(_pem)]
Hooks = Annotated[list[Annotated[str, AfterValidator(_hook)]], BeforeValidator(split_at_commas)]


class GitHubSettings(PlatformSettings):
    """A token or an app, and the webhooks whose failed deliveries are requested again."""

    secrets: Secrets = Field([], alias="GITHUB_WEBHOOK_SECRET", description="webhook secret(s) of GitHub")
    token: SecretStr | None = Field(None, alias="GITHUB_TOKEN", description="token used to post comments")
    app_id: str | None = Field(None, alias="GITHUB_APP_ID", description="id of a GitHub App, instead of a token")
    app_key: Pem | None = Field(None, alias="GITHUB_APP_PRIVATE_KEY", description="private key of the GitHub App (PEM)")
    api_url: HttpUrl = Field(
        "https://api.github.com", alias="GITHUB_API_URL", description="for GitHub Enterprise: https://HOST/api/v3"
    )
    redeliver: Hooks = Field(
        [],
        alias="GITHUB_REDELIVER",
        description="webhooks whose failed deliveries are requested again: app, OWNER/REPO/hooks/ID, ORG/hooks/ID",
    )

    @model_validator(mode="after")
    def _app_is_whole(self) -> Self:
        if bool(self.app_id) != bool(self.app_key):
            raise ValueError("GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY belong together: set both, or neither")
        if self.app_id and self.token:
            raise ValueError("set GITHUB_TOKEN or GITHUB_APP_ID, not both: replies have one author")
        return self

    @model_validator(mode="after")
    def _redelivery_has_a_credential(self) -> Self:
        if "app" in self.redeliver and not self.app_id:
            raise ValueError("GITHUB_REDELIVER=app needs a GitHub App: set GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY")
        if self.redeliver and not (self.token or self.app_id):
            raise ValueError("GITHUB_REDELIVER needs a credential: set GITHUB_TOKEN (or a GitHub App)")
        return self
