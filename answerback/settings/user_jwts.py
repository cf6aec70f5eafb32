"""The environment variables of users' JWTs: keys to verify them with, and what they must claim."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from answerback.settings.variables import Variables, split_at_commas

# The shortest shared secret in bytes: https://www.rfc-editor.org/rfc/rfc7518#section-3.2.
_SHORTEST = {"HS256": 32, "HS384": 48, "HS512": 64}
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}


@dataclass(frozen=True, repr=False)
class VerificationKey:
    """A key, and the algorithms that it can verify: a shared secret, or the public half of the issuer's key pair."""

    key: Any
    algorithms: tuple[str, ...]


def _keys(value: object) -> object:
    texts = split_at_commas(value)
    return [_key(text) for text in texts] if isinstance(texts, list) else texts


def _key(text: str) -> VerificationKey:
    if "-----BEGIN" not in text:
        length = len(text.encode())
        if length < min(_SHORTEST.values()):
            raise ValueError(
                f"must be a public key in PEM, or a shared secret of at least {min(_SHORTEST.values())} bytes"
            )
        return VerificationKey(text, tuple(name for name, shortest in _SHORTEST.items() if length >= shortest))
    # Loaded here: only an ingress that verifies JWTs needs it.
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    if "PRIVATE KEY" in text:
        raise ValueError("has a private key, which only the issuer should have: use its public key")
    try:
        # In a variable of one line, line breaks may be written as "\\n".
        key = load_pem_public_key(text.replace("\\n", "\n").encode())
    except ValueError:
        raise ValueError("is not a public key in PEM format (line breaks may be written as \\n)") from None
    match key:
        case RSAPublicKey() if key.key_size >= 2048:
            return VerificationKey(key, ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"))
        case EllipticCurvePublicKey() if key.curve.name in _CURVES:
            return VerificationKey(key, (_CURVES[key.curve.name],))
        case Ed25519PublicKey():
            return VerificationKey(key, ("EdDSA",))
    raise ValueError("must be an RSA key of at least 2048 bits, an EC key (P-256, P-384, P-521) or an Ed25519 key")


Keys = Annotated[list[VerificationKey], BeforeValidator(_keys)]


class UserJwtSettings(Variables):
    """Which JWTs of the product's own issuer identify a user to the API."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    user_jwt_keys: Keys = Field(
        [],
        alias="USER_JWT_KEY",
        description="public key(s) in PEM format, or shared secret(s), that verify users' JWTs; unset: none",
    )
    user_jwt_issuer: str | None = Field(None, alias="USER_JWT_ISSUER", description='required "iss" of users\' JWTs')
    user_jwt_audience: str | None = Field(None, alias="USER_JWT_AUDIENCE", description='required "aud" of users\' JWTs')
    user_jwt_workspace: str = Field(
        "default",
        pattern="^[a-z0-9-]{1,64}$",
        alias="USER_JWT_WORKSPACE",
        description="workspace of the users with JWTs",
    )
    user_jwt_workspace_claim: str | None = Field(
        None,
        alias="USER_JWT_WORKSPACE_CLAIM",
        description="claim that names the workspace of the user instead, such as org; unset: USER_JWT_WORKSPACE",
    )

    def secret_values(self) -> Iterator[str]:
        yield from super().secret_values()
        yield from (each.key for each in self.user_jwt_keys if isinstance(each.key, str))

    @model_validator(mode="after")
    def _whole(self) -> Self:
        given = (bool(self.user_jwt_keys), bool(self.user_jwt_issuer), bool(self.user_jwt_audience))
        if any(given) and not all(given):
            raise ValueError("USER_JWT_KEY, USER_JWT_ISSUER and USER_JWT_AUDIENCE belong together: set all, or none")
        return self
