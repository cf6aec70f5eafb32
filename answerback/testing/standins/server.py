"""All stand-ins as one aiohttp application. A request is checked for faults, handled and recorded."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from answerback.testing.standins.faults import Faults, Rule
from answerback.testing.standins.github.api import GitHub
from answerback.testing.standins.hooks import Hooks
from answerback.testing.standins.inspection import Inspection
from answerback.testing.standins.journal import Journal
from answerback.testing.standins.model import Model
from answerback.testing.standins.options import Options
from answerback.testing.standins.slack.api import Slack
from answerback.testing.standins.standard.api import Standard
from answerback.testing.standins.standin import RULE, Operation, Refusal, StandIn, answer
from answerback.testing.standins.telegram.api import Telegram
from answerback.testing.standins.twilio.api import Twilio
from answerback.testing.standins.weather import Weather
from answerback.testing.standins.whatsapp.api import WhatsApp

STANDINS = web.AppKey("standins", list[StandIn])

Serve = Callable[[web.Request], Awaitable[web.StreamResponse]]

LARGEST = 64 * 1024 * 1024


def create_app(options: Options | None = None) -> web.Application:
    """Return an application with a state of its own."""
    chosen = options or Options()
    journal, faults, hooks = (
        Journal(),
        Faults(),
        Hooks(chosen.webhooks),
    )
    standins: list[StandIn] = [
        GitHub(chosen, journal, hooks),
        Slack(chosen, journal, hooks),
        Telegram(chosen, journal, hooks),
        Standard(chosen, journal),
        Twilio(chosen, journal, hooks),
        WhatsApp(chosen, journal, hooks),
        Model(chosen),
        Weather(),
    ]
    app = web.Application(client_max_size=LARGEST)
    app[STANDINS] = standins
    app.add_routes(Inspection(journal, faults, hooks, standins).routes())
    for standin in standins:
        for operation in standin.operations():
            serve = _serve(standin, operation, journal, faults)
            app.router.add_route(operation.method, f"/{standin.name}{operation.path}", serve)
        nowhere = Operation("*", "", "unknown", _nowhere(standin))
        app.router.add_route("*", f"/{standin.name}{{rest:.*}}", _serve(standin, nowhere, journal, faults))

    async def release(_: web.Application) -> None:
        # Before aiohttp waits for open requests: some of them hang on purpose.
        faults.reset()

    async def close(_: web.Application) -> None:
        await hooks.close()

    app.on_shutdown.append(release)
    app.on_cleanup.append(close)
    return app


@asynccontextmanager
async def running(options: Options | None = None, port: int = 0) -> AsyncIterator[str]:
    """Serve on 127.0.0.1, with port 0 on a free one. Yields the URL."""
    # Requests may hang on purpose: do not wait for them at the end. And a handler continues
    # when its client is gone, as a platform does.
    app = create_app(options)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2, handler_cancellation=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        for standin in app[STANDINS]:
            standin.serves(url)
        yield url
    finally:
        await runner.cleanup()


def _nowhere(standin: StandIn) -> Serve:
    async def handler(request: web.Request) -> web.Response:
        return standin.error(404, "Not Found")

    return handler


def _serve(standin: StandIn, operation: Operation, journal: Journal, faults: Faults) -> Serve:
    async def work(request: web.Request) -> web.StreamResponse:
        try:
            response = await operation.handler(request)
        except Refusal as refusal:
            response = refusal.response
        if not response.prepared:
            standin.dress(response)
        return response

    async def serve(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        text = body.decode(errors="replace")
        name = operation.name if isinstance(operation.name, str) else operation.name(body)
        record = journal.received(standin.name, name, request.method, request.path_qs, text)
        rule = faults.choose(standin.name, name, f"{request.method} {request.path_qs}\n{text}")
        if rule is None:
            response = await work(request)
        else:
            record.fault = rule.do
            outcome = await _fail(rule, standin, name, faults, request, work)
            if outcome is None:
                return _lose(request)
            response = outcome
        record.status = response.status
        return response

    return serve


async def _fail(
    rule: Rule, standin: StandIn, operation: str, faults: Faults, request: web.Request, work: Serve
) -> web.StreamResponse | None:
    """Return the response that a fault leaves; None if the connection is lost."""
    match rule.do:
        case "status":
            return _told(rule, standin)
        case "rate-limit" | "refuse":
            response = standin.limited(rule, operation) if rule.do == "rate-limit" else standin.refuse(operation)
            standin.dress(response)
            return response
        case "stall":
            return await work(request) if await faults.wait(rule.pause(5)) else None
        case "stall-after":
            response_after = await work(request)
            return response_after if await faults.wait(rule.pause(5)) else None
        case "late":
            faults.later(rule.pause(2), lambda: work(request))
            return _told(rule, standin)
        case "drop":
            return None
        case "hang":
            await faults.wait(rule.pause(60))
            return None
        case "drop-after":
            await work(request)
            return None
        case "truncate":
            return await _truncate(request, await work(request))
        case "drip" | "cut":
            request[RULE] = rule
            return await work(request)


def _told(rule: Rule, standin: StandIn) -> web.Response:
    if rule.body is None:
        response = standin.error(rule.status, "as the fault's rule says")
    elif isinstance(rule.body, str):
        response = web.Response(text=rule.body, status=rule.status)
    else:
        response = answer(rule.body, rule.status)
    response.headers.update(rule.headers)
    return response


async def _truncate(request: web.Request, whole: web.StreamResponse) -> web.StreamResponse | None:
    body = whole.body if isinstance(whole, web.Response) else None
    if not isinstance(body, bytes):
        return None
    headers = {"Content-Type": "application/json; charset=utf-8", "Content-Length": str(len(body))}
    part = web.StreamResponse(status=whole.status, headers=headers)
    await part.prepare(request)
    await part.write(body[: len(body) // 2])
    # close, not abort: what was written should still arrive.
    if request.transport is not None:
        request.transport.close()
    return part


def _lose(request: web.Request) -> web.Response:
    """Close the connection at once. The response is never sent; aiohttp requires one from every handler."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
