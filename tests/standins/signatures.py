"""A signed webhook."""

from answerback.testing.standins.signatures import Delivery as Delivery
