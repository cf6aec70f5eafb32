"""A remote agent: a separate process, in any language, that is called over HTTP. This one keeps notes.

    python -m examples.remote_agent.notes                          # PORT, default 8300
    ALLOW_PRIVATE_URLS=true answerback up                          # because it is on this machine
    curl http://127.0.0.1:8080/v1/agents -H "Authorization: Bearer $(cat .answerback/dev-key)" \
        -H "Content-Type: application/json" -d '{"id": "notes", "url": "http://127.0.0.1:8300",
            "runtimeSpec": {"lifecycle": "long-lived", "supportsChat": true}}'

Or `cd examples/remote_agent`, run the second command there, and start it in the dashboard: agents/notes.json says how.

From then on it is an agent like any other, in the dashboard and in the API; in code, `Agent("notes", remote="http://…")`
does the same. It runs offline and needs no key. It implements one route, and handles repeated requests: a request with
a known Idempotency-Key gets the first response again.
"""

import os
from collections import defaultdict

from aiohttp import web

notes: defaultdict[str, list[str]] = defaultdict(list)
"""Notes by session id. A real agent would keep both of these in its database."""
answers: dict[str, str] = {}
"""Responses by Idempotency-Key."""


async def chat(request: web.Request) -> web.Response:
    """Handle POST /agents/chat/{sessionId}: {"message", "sessionId"} → {"response"}."""
    body = await request.json()
    key = request.headers["Idempotency-Key"]
    if key not in answers:
        answers[key] = answer(notes[request.match_info["session"]], body["message"])
    return web.json_response({"response": answers[key]})


def answer(kept: list[str], message: str) -> str:
    """Add a note, or return all notes."""
    if message.strip().lower() in ("notes", "notes?"):
        return "\n".join(f"{number}. {note}" for number, note in enumerate(kept, 1)) or "There are no notes."
    kept.append(message)
    return f"Noted. That makes {len(kept)}; say “notes” to read them."


def main() -> None:
    """Serve until Ctrl-C."""
    app = web.Application()
    app.router.add_post("/agents/chat/{session}", chat)
    web.run_app(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8300")))


if __name__ == "__main__":
    main()
