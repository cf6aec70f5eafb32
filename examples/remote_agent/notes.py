"""A remote agent: a process of its own, in any language, that is asked over HTTP. This one keeps notes.

    python -m examples.remote_agent.notes                          # PORT, 8300 if unset
    ALLOW_PRIVATE_URLS=true answerback up                          # true: it is on this machine
    curl http://127.0.0.1:8080/v1/agents -H "Authorization: Bearer $(cat .answerback/dev-key)" \
        -H "Content-Type: application/json" -d '{"id": "notes", "url": "http://127.0.0.1:8300",
            "runtimeSpec": {"lifecycle": "long-lived", "supportsChat": true}}'

From then on it is an agent like any other, in the dashboard and in the API; in code, `Agent("notes", remote="http://…")`
is the same. It runs offline, and needs no key. It knows nothing of Answerback but this one route, and that a
question may be asked again: the Idempotency-Key tells, and is answered as before.
"""

import os
from collections import defaultdict

from aiohttp import web

notes: defaultdict[str, list[str]] = defaultdict(list)
"""Session → its notes. A real agent would keep both in its database."""
answers: dict[str, str] = {}
"""Idempotency-Key → what was answered."""


async def chat(request: web.Request) -> web.Response:
    """POST /agents/chat/{sessionId} with {"message", "sessionId"} → {"response"}"""
    said = await request.json()
    key = request.headers["Idempotency-Key"]
    if key not in answers:
        answers[key] = answer(notes[request.match_info["session"]], said["message"])
    return web.json_response({"response": answers[key]})


def answer(kept: list[str], message: str) -> str:
    """Keep a note, or read them all."""
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
