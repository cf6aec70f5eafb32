from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from answerback.platforms import Delivery, standard
from answerback.platforms.standard.signature import sign
from tests.fixtures.hostile import TEXT

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
NOW = 1_614_265_330.0
VECTOR = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
BODY = b'{"test": 2432232314}'


def test_the_documented_signature_is_good() -> None:
    assert standard.verify([SECRET], Delivery(VECTOR, BODY), NOW) is None
    assert standard.verify([SECRET.removeprefix("whsec_")], Delivery(VECTOR, BODY), NOW) is None
    assert standard.verify([SECRET], Delivery(VECTOR, BODY + b" "), NOW)
    assert standard.verify([SECRET], Delivery({**VECTOR, "webhook-id": "msg_2"}, BODY), NOW)


SEED = bytes(range(32))
PRIVATE = f"whsk_{base64.b64encode(SEED).decode()}"
PAIR = Ed25519PrivateKey.from_private_bytes(SEED)
PUBLIC = f"whpk_{base64.b64encode(PAIR.public_key().public_bytes_raw()).decode()}"


def asymmetric(body: bytes = BODY, key: Ed25519PrivateKey = PAIR) -> dict[str, str]:
    """The headers that a sender with a key pair sends, signed by the library itself."""
    message = f"{VECTOR['webhook-id']}.{VECTOR['webhook-timestamp']}.".encode() + body
    return {**VECTOR, "webhook-signature": f"v1a,{base64.b64encode(key.sign(message)).decode()}"}


def test_a_signature_by_a_key_pair_is_good_for_its_public_key() -> None:
    assert standard.verify([PUBLIC], Delivery(asymmetric(), BODY), NOW) is None
    assert standard.verify([SECRET, PUBLIC], Delivery(asymmetric(), BODY), NOW) is None
    assert standard.verify([PRIVATE], Delivery(asymmetric(), BODY), NOW) is None
    assert standard.verify([PUBLIC], Delivery(asymmetric(), BODY + b" "), NOW)
    assert standard.verify([PUBLIC], Delivery(asymmetric(key=Ed25519PrivateKey.generate()), BODY), NOW)
    both = {**VECTOR, "webhook-signature": f"{VECTOR['webhook-signature']} {asymmetric()['webhook-signature']}"}
    assert standard.verify([PUBLIC], Delivery(both, BODY), NOW) is None
    assert standard.verify([SECRET], Delivery(both, BODY), NOW) is None


def test_a_key_of_one_kind_is_never_taken_for_one_of_the_other() -> None:
    # Whoever knows the public key, which is no secret, could sign with it as if it were shared.
    public = base64.b64decode(PUBLIC.removeprefix("whpk_"))
    forged = sign(f"whsec_{base64.b64encode(public).decode()}", VECTOR["webhook-id"], VECTOR["webhook-timestamp"], BODY)
    for signature in (forged, forged.replace("v1,", "v1a,")):
        assert standard.verify([PUBLIC], Delivery({**VECTOR, "webhook-signature": signature}, BODY), NOW)
    assert "whpk_" in (standard.verify([SECRET], Delivery(asymmetric(), BODY), NOW) or "")
    assert "whsec_" in (standard.verify([PUBLIC], Delivery(VECTOR, BODY), NOW) or "")


def test_what_is_signed_with_a_private_key_is_good() -> None:
    for private in (PRIVATE, f"whsk_{base64.b64encode(SEED + PAIR.public_key().public_bytes_raw()).decode()}"):
        signature = sign(private, VECTOR["webhook-id"], VECTOR["webhook-timestamp"], BODY)
        assert signature == asymmetric()["webhook-signature"]
    with pytest.raises(ValueError, match="public"):
        sign(PUBLIC, "m", "1", BODY)


@pytest.mark.parametrize("form", ["whsec_+/8=", "whsec_-_8=", "whsec_+/8", "-_8"])
def test_a_secret_may_be_base64_of_any_form(form: str) -> None:
    assert sign(form, "m", "1", BODY) == sign("whsec_+/8=", "m", "1", BODY)


def test_svix_names_the_same_headers_differently() -> None:
    headers = {name.replace("webhook", "svix"): value for name, value in VECTOR.items()}
    assert standard.verify([SECRET], Delivery(headers, BODY), NOW) is None


def test_any_secret_and_any_of_several_signatures_will_do() -> None:
    good = VECTOR["webhook-signature"]
    headers = {**VECTOR, "webhook-signature": f"v1a,zzz v1,AAAA {good}"}
    assert standard.verify([OTHER, SECRET], Delivery(headers, BODY), NOW) is None
    assert "no signature matches" in (standard.verify([OTHER], Delivery(headers, BODY), NOW) or "")


def test_the_number_of_signatures_looked_at_is_bounded() -> None:
    many = "v1,AAAA " * 100_000 + VECTOR["webhook-signature"]
    assert standard.verify([SECRET], Delivery({**VECTOR, "webhook-signature": many}, BODY), NOW)


@pytest.mark.parametrize("secrets", [[], [""], ["whsec_"], ["whsec_no base64"], ["é"]])
def test_without_a_usable_secret_nothing_is_good(secrets: list[str]) -> None:
    assert "STANDARD_WEBHOOKS_SECRET" in (standard.verify(secrets, Delivery(VECTOR, BODY), NOW) or "")


@pytest.mark.parametrize(("offset", "good"), [(-300, True), (300, True), (-301, False), (301, False)])
def test_a_signature_is_good_for_five_minutes_either_way(offset: float, good: bool) -> None:
    assert (standard.verify([SECRET], Delivery(VECTOR, BODY), NOW + offset) is None) is good


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-timestamp": "nan"},
        {"webhook-timestamp": "-1"},
        {"webhook-timestamp": "9" * 5000},
        {"webhook-timestamp": "1614265330.5"},
        {"webhook-id": ""},
        {"webhook-id": "\udcff"},
        {"webhook-id": "a\nb"},
        {"webhook-id": "a" * 300},
        {"webhook-signature": ""},
        {"webhook-signature": "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1,\udcff v1,é"},
    ],
)
def test_hostile_headers_are_refused(change: dict[str, str]) -> None:
    assert standard.verify([SECRET], Delivery({**VECTOR, **change}, BODY), NOW)


@given(st.dictionaries(st.sampled_from(sorted(VECTOR)), TEXT), st.binary(), st.lists(TEXT, max_size=3))
def test_verify_never_raises(headers: dict[str, str], body: bytes, secrets: list[str]) -> None:
    assert isinstance(standard.verify([OTHER, *secrets], Delivery(headers, body), NOW), str)
    assert isinstance(standard.verify([OTHER, *secrets], Delivery({**VECTOR, **headers}, body), NOW), str)
