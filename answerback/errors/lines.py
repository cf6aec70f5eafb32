"""Exceptions as text that can be stored."""


def in_a_line(error: BaseException) -> str:
    """Return an exception as one storable line, even if its `__str__` fails."""
    name = type(error).__name__
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 (an agent may raise anything)
        message = "(the message cannot be shown)"
    return storable(f"{name}: {message}" if message else name)


def storable(text: str) -> str:
    """Return the text with lone surrogates escaped, so that it can be encoded as UTF-8."""
    return text.encode(errors="backslashreplace").decode()
