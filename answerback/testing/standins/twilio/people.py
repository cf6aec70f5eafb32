"""What people do: write, send files, press buttons, opt out. Each is a webhook."""

from __future__ import annotations

import base64

from answerback.testing.standins.hooks import Hooks
from answerback.testing.standins.twilio.account import NAME, VERSION, World
from answerback.testing.standins.twilio.signing import sid
from answerback.testing.standins.twilio.webhooks import Twilio
from answerback.testing.standins.values import Json


class People:
    """People with telephones."""

    def __init__(self, world: World, hooks: Hooks) -> None:
        self._world, self._hooks = world, hooks

    def act(self, act: str, details: Json) -> Json:
        """See `client.StandIns.act`."""
        where = {name: str(details[name]) for name in ("ours", "theirs", "account", "service") if name in details}
        account = where.get("account", next(iter(self._world.accounts)))
        options = self._world.options
        person = Twilio(
            **where | {"account": account, "secret": self._world.accounts[account]},
            url=f"{options.twilio_url}/webhooks/twilio",
        )
        pair = (person.service or person.ours, person.theirs)
        match act:
            case "close":
                self._world.closed.add(person.theirs)
                return {}
            case "point":
                self._world.targets[details["number"]] = details["url"]
                return {}
            case "rotate":
                # https://www.twilio.com/docs/iam/api/authtoken: the secondary token becomes the only one.
                self._world.rotated[account] = details["token"]
                return {}
            case "say":
                self._world.closed.discard(person.theirs)
                files = [self._keep(account, *each) for each in details.get("files", [])]
                delivery = person.message(details.get("text", ""), media=files)
            case "press":
                delivery = person.button(details["label"], details["payload"], of=details.get("of", ""))
            case "locate":
                fields = {name: str(details.get(name, "")) for name in ("label", "address")}
                delivery = person.location(str(details["latitude"]), str(details["longitude"]), **fields)
            case "opt":
                word = details["word"]
                if word == "STOP":
                    self._world.opted_out.add(pair)
                elif word == "START":
                    self._world.opted_out.discard(pair)
                delivery = person.opt_out(word)
            case _:
                raise ValueError(f"it is not possible to {act} on Twilio")
        self._hooks.emit(NAME, delivery)
        return {"sid": delivery.id}

    def _keep(self, account: str, name: str, kind: str, content: str) -> tuple[str, str]:
        del name  # Twilio does not pass it on
        media = sid("ME")
        self._world.media[media] = (base64.b64decode(content), kind)
        path = f"/{VERSION}/Accounts/{account}/Messages/{sid('MM')}/Media/{media}"
        return f"{self._world.url}{path}", kind
