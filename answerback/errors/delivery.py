"""Errors of sending a reply to its platform."""

from answerback.errors.base import AnswerbackError


class DeliveryError(AnswerbackError):
    """The reply did not reach its platform."""


class RateLimited(DeliveryError):
    """The platform asked for a pause.

    Attributes:
        seconds: How long to wait.
        scope: What has to wait: "" is everything sent with this credential; otherwise one of the platform's own rate
            limit buckets, such as a Slack channel.
    """

    def __init__(self, seconds: float, scope: str = "", message: str = "") -> None:
        self.seconds = seconds
        self.scope = scope
        super().__init__(message or f"rate limited for {seconds:g} s")


class Rejected(DeliveryError):
    """The platform rejected the reply and would reject it again."""


class TooLong(Rejected):
    """The reply is longer than the platform accepts."""


class MessageGone(Rejected):
    """The message to be changed does not exist any more."""


class StreamClosed(Rejected):
    """The platform takes no more pieces of a message. `stopped`: because a person stopped the agent."""

    def __init__(self, message: str = "", *, stopped: bool = False) -> None:
        self.stopped = stopped
        super().__init__(message)


class Unavailable(DeliveryError):
    """The platform did not respond, or responded with a server error.

    Attributes:
        unknown: Whether the request may have taken effect anyway.
        after: The least number of seconds to wait before the next request; 0 if the platform gave none.
    """

    def __init__(self, message: str = "", *, unknown: bool = True, after: float = 0.0) -> None:
        self.unknown = unknown
        self.after = after
        super().__init__(message)


class NotYet(Unavailable):
    """The platform rejected the request for now and may accept it in a moment; it had no effect."""

    def __init__(self, message: str = "", *, after: float = 0.0) -> None:
        super().__init__(message, unknown=False, after=after)
