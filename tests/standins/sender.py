"""The senders of signed webhooks."""

from answerback.testing.standins.sender import Delivery as Delivery
from answerback.testing.standins.sender import GitHub as GitHub
from answerback.testing.standins.sender import Slack as Slack
from answerback.testing.standins.sender import Standard as Standard
