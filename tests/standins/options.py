"""The credentials of the stand-ins."""

from answerback.testing.standins.options import Options as Options
