"""Redis keys of access control, with hash tags of their own; see `answerback.store.keys`."""

from __future__ import annotations


def api_keys() -> str:
    """SET of the ids of all API keys, including revoked ones. Permanent."""
    return "ab:{access}:keys"


def api_key(id: str) -> str:
    """HASH: an API key, see `ApiKey`; only hashes of its secrets. Permanent."""
    return f"ab:{{access}}:key:{id}"


def origin(origin: str) -> str:
    """SET of the ids of publishable keys created for a web origin. Permanent."""
    return f"ab:{{access}}:origin:{origin}"


def session_token(id: str) -> str:
    """STRING: a SessionToken. Until it expires, or its session ends."""
    return f"ab:{{access}}:token:{id}"


def session_tokens(workspace: str, thread: str) -> str:
    """SET of the ids of a chat thread's session tokens. Until the last of them expires, or the session ends."""
    return f"ab:{{access}}:tokens:{workspace}:{thread}"


def user_token(id: str) -> str:
    """STRING: a UserToken. Until it expires or is revoked."""
    return f"ab:{{access}}:user_token:{id}"


def user_tokens(workspace: str, user: str) -> str:
    """ZSET: id → when it expires (ms), of a user's tokens. Until the last of them expires."""
    return f"ab:{{access}}:user_tokens:{workspace}:{user}"


def sign_in_link(hash: str) -> str:
    """STRING: the workspace of a dashboard sign-in link, by the hash of its token. Minutes, or until it is used."""
    return f"ab:{{access}}:link:{hash}"


def sign_in(hash: str) -> str:
    """STRING: a SignIn, by the hash of its secret. Hours, or until sign-out."""
    return f"ab:{{access}}:signin:{hash}"


def rate(caller: str) -> str:
    """STRING: when a caller's rate limit is fully replenished (µs). Until then."""
    return f"ab:{{access}}:rate:{caller}"


def idempotency(digest: str) -> str:
    """HASH: a request with an idempotency key, and its response. 24 hours.

    route, body (their digests); owner ("" if it is not being handled), until (ms); status, headers, answer.
    """
    return f"ab:{{{digest}}}:idempotency"


def attempt(digest: str) -> str:
    """STRING: the id of a request whose client counts its attempts, by caller and body. The time limit of a turn."""
    return f"ab:{{{digest}}}:attempt"
