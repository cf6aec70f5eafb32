"""A weather service like wttr.in: a line of text for a city, in the requested format.

https://wttr.in/:help
"""

from __future__ import annotations

import math
import re
from collections import Counter

from aiohttp import web

from answerback.testing.standins.faults import Rule
from answerback.testing.standins.standin import Operation, Refusal, StandIn


class Weather(StandIn):
    """The weather of every city except Atlantis; each request finds it a degree warmer."""

    name = "weather"

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._looks: Counter[str] = Counter()

    def operations(self) -> list[Operation]:
        return [Operation("GET", "/{city}", "look", self._look)]

    def error(self, status: int, message: str) -> web.Response:
        return web.Response(text=message, status=status)

    def limited(self, rule: Rule, operation: str) -> web.Response:
        response = self.error(429, "Sorry, we are running out of queries")
        response.headers["Retry-After"] = str(math.ceil(rule.pause(20)))
        return response

    def passing(self, operation: str) -> list[web.Response]:
        return [self.error(404, "try again")]

    async def _look(self, request: web.Request) -> web.Response:
        city = request.match_info["city"]
        if city.lower() == "atlantis":
            raise Refusal(self.error(404, f"Unknown location; please try ~{city}"))
        now = {"C": "Sunny", "t": f"{15 + self._looks[city.lower()]:+d}°C", "w": "→11km/h", "h": "60%", "l": city}
        self._looks[city.lower()] += 1
        line = re.sub(r"%([Ctwhl])", lambda found: now[found[1]], request.query.get("format", "%l: %C %t"))
        return web.Response(text=line)
