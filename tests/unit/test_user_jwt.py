"""JWTs of the product's own issuer: which are accepted, and whom they name."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from answerback.errors import ConfigurationError
from answerback.settings import Settings
from ingress.api.auth.user_jwt import InvalidJwt, User, UserJwts

SECRET = "a shared secret of thirty-two bytes or more"
ISSUER, AUDIENCE = "https://shop.example.com", "answerback"


def pem(key: Any) -> str:
    """Return the public key of a key pair in PEM format."""
    return str(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


RSA, OTHER = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
EC, ED = ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()


def jwts(key: str = SECRET, **settings: str) -> UserJwts:
    """Return a verifier with this key."""
    return UserJwts(
        Settings.load({"USER_JWT_KEY": key, "USER_JWT_ISSUER": ISSUER, "USER_JWT_AUDIENCE": AUDIENCE, **settings})
    )


def signed(key: Any = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    """Return a JWT with these claims; None leaves one out."""
    all_claims = {"sub": "ada", "iss": ISSUER, "aud": AUDIENCE, "exp": time.time() + 60, **claims}
    return jwt.encode({name: value for name, value in all_claims.items() if value is not None}, key, algorithm)


@pytest.mark.parametrize(
    ("public", "private", "algorithm"),
    [
        (SECRET, SECRET, "HS256"), (SECRET * 2, SECRET * 2, "HS512"), (pem(RSA), RSA, "RS256"),
        (pem(RSA), RSA, "PS384"),
        (pem(EC), EC, "ES256"), (pem(ED), ED, "EdDSA"), (pem(RSA).replace("\n", "\\n"), RSA, "RS256"),
        (f"{pem(OTHER)},{pem(RSA)}", RSA, "RS256"), (f"{pem(EC)},{SECRET}", SECRET, "HS256"),
    ],
)  # fmt: skip
def test_a_jwt_of_the_issuer_names_its_user(public: str, private: Any, algorithm: str) -> None:
    token = signed(private, algorithm)
    assert UserJwts.matches(token)
    assert jwts(public).verify(token) == User("default", "ada")


def test_the_workspace_is_a_setting_or_a_claim() -> None:
    assert jwts(USER_JWT_WORKSPACE="acme").verify(signed()) == User("acme", "ada")
    by_claim = jwts(USER_JWT_WORKSPACE_CLAIM="org")
    assert by_claim.verify(signed(org="acme")) == User("acme", "ada")
    for wrong in (None, "", "Acme Inc", 7, ["acme"]):
        with pytest.raises(InvalidJwt, match="org"):
            by_claim.verify(signed(org=wrong))


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"}, {"iss": None}, {"aud": "another"}, {"aud": None}, {"exp": None},
        {"exp": time.time() - 60}, {"nbf": time.time() + 600}, {"sub": None}, {"sub": ""}, {"sub": "x" * 257},
    ],
)  # fmt: skip
def test_a_jwt_with_a_wrong_claim_is_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(InvalidJwt):
        jwts().verify(signed(**claims))


def _encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def test_a_jwt_of_another_key_or_algorithm_is_refused() -> None:
    claims = {"sub": "ada", "iss": ISSUER, "aud": AUDIENCE, "exp": time.time() + 60}
    unsigned = f"{_encoded({'alg': 'none', 'typ': 'JWT'})}.{_encoded(claims)}."
    # The public key, which everybody may know, as a shared secret.
    confused = f"{_encoded({'alg': 'HS256', 'typ': 'JWT'})}.{_encoded(claims)}"
    mac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(confused.encode(), pem(RSA).encode())
    confused += "." + base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
    for token in (signed(OTHER, "RS256"), signed(), unsigned, confused, signed(RSA, "RS256") + "x", "a.b.c"):
        with pytest.raises(InvalidJwt):
            jwts(pem(RSA)).verify(token)
    with pytest.raises(InvalidJwt, match="USER_JWT_KEY"):
        UserJwts(Settings.load({})).verify(signed())


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"USER_JWT_KEY": "short", "USER_JWT_ISSUER": ISSUER, "USER_JWT_AUDIENCE": AUDIENCE}, "32 bytes"),
        ({"USER_JWT_KEY": SECRET}, "USER_JWT_ISSUER"),
        ({"USER_JWT_ISSUER": ISSUER}, "USER_JWT_KEY"),
        (
            {
                "USER_JWT_KEY": RSA.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
                "USER_JWT_ISSUER": ISSUER,
                "USER_JWT_AUDIENCE": AUDIENCE,
            },
            "private key",
        ),
        ({"USER_JWT_KEY": "-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----"}, "PEM"),
        (
            {"USER_JWT_KEY": pem(rsa.generate_private_key(public_exponent=65537, key_size=1024))},
            "2048 bits",
        ),
        ({"USER_JWT_WORKSPACE": "Acme Inc"}, "workspace"),
    ],
)
def test_a_wrong_setting_is_named_without_its_value(variables: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Settings.load(variables)
    assert words in str(refused.value)
    assert variables.get("USER_JWT_KEY", "???") not in str(refused.value)
