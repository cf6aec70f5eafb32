"""The base class of all errors that Answerback raises on purpose."""


class AnswerbackError(Exception):
    """Something went wrong in Answerback."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or " ".join((type(self).__doc__ or "").partition("\n\n")[0].split()))
