"""How an SMS is counted: in segments, whose size depends on the alphabet that a text needs.

3GPP TS 23.038 (the GSM 7-bit alphabet), TS 23.040 (concatenation); https://www.twilio.com/docs/glossary/what-is-gsm-7-character-encoding
"""

from __future__ import annotations

from answerback.platforms.dialects.parts import utf16_units

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")
"""Characters that take two septets."""

_PLAIN = str.maketrans(
    {
        "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'", "‚": "'", "`": "'", "´": "'",
        "–": "-", "—": "-", "‑": "-", "−": "-", "•": "-", "·": "-", "…": "...", "×": "x", "→": "->", "←": "<-",
        "\u00a0": " ", "\u202f": " ", "\u2009": " ", "\t": " ", "\u200b": "", "\u2060": "", "\ufeff": "",
    }
)  # fmt: skip
"""Signs of typography, and what is read as the same."""


def septets(text: str) -> int | None:
    """Return the length of a text in the GSM 7-bit alphabet; None if it has a character that this lacks."""
    length = 0
    for character in text:
        if character in _BASIC:
            length += 1
        elif character in _EXTENDED:
            length += 2
        else:
            return None
    return length


def segments(text: str) -> int:
    """Return the number of SMS segments of a text: what carriers send, and charge for."""
    length = septets(text)
    size, single, joined = (utf16_units(text), 70, 67) if length is None else (length, 160, 153)
    return 1 if size <= single else -(-size // joined)


def simple(text: str) -> str:
    """Return the text with plain signs instead of typographic ones."""
    return text.translate(_PLAIN)


def cheaper(text: str) -> str:
    """Return the text with plain signs instead of typographic ones, if it then takes fewer segments."""
    plain = simple(text)
    return plain if segments(plain) < segments(text) else text
