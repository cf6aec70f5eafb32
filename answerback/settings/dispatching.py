"""The environment variables of `dispatch` over HTTP."""

from __future__ import annotations

from pydantic import Field, SecretStr

from answerback.settings.variables import HttpUrl, Variables


class DispatchSettings(Variables):
    """Where your own code dispatches events to. Workers and ingress do not read them."""

    url: HttpUrl | None = Field(
        None, alias="ANSWERBACK_URL", description="address of ingress, to dispatch over HTTP; unset: over Redis"
    )
    api_key: SecretStr | None = Field(
        None, alias="ANSWERBACK_API_KEY", description="API key with the scope chat:write, to dispatch over HTTP"
    )
