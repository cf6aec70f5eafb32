"""Take GitHub's webhooks in your own FastAPI application, and dispatch their comments to an agent.

    pip install fastapi uvicorn
    ANSWERBACK_AGENTS=examples.chat.agents:agents answerback up
    GITHUB_WEBHOOK_SECRET=… uvicorn examples.chat.app:app --port 8300

The application verifies the signature itself, and acknowledges a comment once it is stored. GitHub's webhook sends
"Issue comments" as JSON to `/github`; the agent in agents.py answers.
"""

import hashlib
import hmac
import os

from fastapi import FastAPI, HTTPException, Request

from answerback import dispatch

SECRET = os.environ["GITHUB_WEBHOOK_SECRET"].encode()
LOGIN = os.environ.get("GITHUB_LOGIN", "answerbot")

app = FastAPI()


@app.post("/github", status_code=202)
async def github(request: Request) -> dict[str, str]:
    """Verify a delivery, and dispatch the comment that it carries."""
    signature = "sha256=" + hmac.new(SECRET, await request.body(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(signature.encode(), request.headers.get("X-Hub-Signature-256", "").encode()):
        raise HTTPException(401, "invalid webhook signature")
    event = await request.json()
    if event.get("action") != "created" or "comment" not in event or event["sender"]["login"] == LOGIN:
        return {"status": "ignored"}
    issue = f"{event['repository']['full_name']}/issues/{event['issue']['number']}"
    data = {"text": event["comment"]["body"], "sender": event["sender"]["login"], "issue": issue}
    receipt = await dispatch("assistant", id=issue, input=data, delivery=str(event["comment"]["id"]))
    return {"status": receipt.status, "dispatch_id": receipt.dispatch_id}
