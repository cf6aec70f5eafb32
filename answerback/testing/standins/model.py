"""A language model behind OpenAI's chat completions API, whose answers depend on their input only.

    use tool NAME {"a": 1}   calls the tool, then answers with what it returned; of several, one after the other
    write N words            answers with "word1 word2 ... wordN"
    anything else            is answered with "You said: ..."

https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import asyncio
import math
import re
import time
import zlib
from typing import Any

import msgspec
from aiohttp import web

from answerback.testing.standins.faults import Rule
from answerback.testing.standins.options import Options
from answerback.testing.standins.standin import RULE, Operation, Refusal, StandIn, answer
from answerback.testing.standins.values import Json

_USE_TOOL = re.compile(r"\buse tool ([A-Za-z_][\w.-]*)\s*(\{)?", re.IGNORECASE)
_WRITE = re.compile(r"\bwrite (\d+) words\b", re.IGNORECASE)


class ChatRequest(msgspec.Struct):
    """The fields of a request on which the answer depends."""

    model: str
    messages: list[Json]
    stream: bool | None = None
    stream_options: Json | None = None
    tools: list[Json] | None = None


class ChatAnswer(msgspec.Struct):
    """The model's answer: a text, or a tool call."""

    text: str = ""
    tool: str = ""
    arguments: str = ""


class Model(StandIn):
    """A model of any name."""

    name = "model"

    def __init__(self, options: Options) -> None:
        self._options = options

    def reset(self) -> None:
        """Do nothing: it has no state."""

    def operations(self) -> list[Operation]:
        return [Operation("POST", "/v1/chat/completions", "chat.completions", self._complete)]

    def error(self, status: int, message: str) -> web.Response:
        kind = "invalid_request_error" if status < 500 else "server_error"
        return answer({"error": {"message": message, "type": kind, "param": None, "code": None}}, status)

    def limited(self, rule: Rule, operation: str) -> web.Response:
        response = self.error(429, "Rate limit reached for requests")
        response.headers["Retry-After"] = str(math.ceil(rule.pause(20)))
        return response

    def passing(self, operation: str) -> list[web.Response]:
        return [self.error(503, "The engine is currently overloaded")]

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization", "") not in [
            f"Bearer {key}" for key in self._options.model_key.split(",")
        ]:
            raise Refusal(self.error(401, "Incorrect API key provided"))
        body = await request.read()
        try:
            asked = msgspec.json.decode(body, type=ChatRequest)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Refusal(self.error(400, str(error))) from None
        if not asked.messages:
            raise Refusal(self.error(400, "[] is too short - 'messages'"))
        thought = think(asked)
        mark = f"{zlib.crc32(body):08x}"
        head = {"id": f"chatcmpl-{mark}", "created": int(time.time()), "model": asked.model, "system_fingerprint": "fp"}
        if asked.stream:
            return await self._stream(request, asked, thought, head, mark)
        message: Json = {"role": "assistant", "content": thought.text or None, "refusal": None}
        if thought.tool:
            message["tool_calls"] = [_call(thought, mark)]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _reason(thought)}
        return answer({**head, "object": "chat.completion", "choices": [choice], "usage": _usage(asked, thought)})

    async def _stream(
        self, request: web.Request, asked: ChatRequest, thought: ChatAnswer, head: Json, mark: str
    ) -> web.StreamResponse:
        rule = request.get(RULE)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        for number, chunk in enumerate(_chunks(asked, thought, mark)):
            if rule is not None and rule.do == "cut" and number >= rule.chunks:
                if request.transport is not None:
                    request.transport.abort()
                return response
            if rule is not None and rule.do == "drip":
                await asyncio.sleep(rule.pause(0.05))
            event = msgspec.json.encode({**head, "object": "chat.completion.chunk", **chunk})
            await response.write(b"data: " + event + b"\n\n")
        await response.write(b"data: [DONE]\n\n")
        return response


def think(asked: ChatRequest) -> ChatAnswer:
    """Return the answer to a conversation: to its last user message, and the tool results since."""
    last = max((n for n, one in enumerate(asked.messages) if one.get("role") == "user"), default=-1)
    text = _text(asked.messages[last]) if last >= 0 else ""
    results = [one for one in asked.messages[last + 1 :] if one.get("role") == "tool"]
    calls = list(_USE_TOOL.finditer(text))
    if len(results) < len(calls):
        call = calls[len(results)]
        known = [tool.get("function", {}).get("name") for tool in asked.tools or []]
        if call[1] not in known:
            return ChatAnswer(text=f"There is no tool {call[1]}.")
        return ChatAnswer(tool=call[1], arguments=_arguments(text, call))
    if calls:
        said = (f"{call[1]} returned: {_text(result)}" for call, result in zip(calls, results, strict=False))
        return ChatAnswer(text="; ".join(said))
    if write := _WRITE.search(text):
        return ChatAnswer(text=" ".join(f"word{n}" for n in range(1, int(write[1]) + 1)))
    return ChatAnswer(text=f"You said: {text}")


def _arguments(text: str, call: re.Match[str]) -> str:
    """Return the JSON object after a tool's name."""
    if call[2] is None:
        return "{}"
    for end in (match.end() for match in re.finditer("}", text)):
        candidate = text[call.start(2) : end]
        try:
            msgspec.json.decode(candidate, type=dict[str, Any])
        except msgspec.DecodeError:
            continue
        return candidate
    return "{}"


def _text(message: Json) -> str:
    content = message.get("content") or ""
    if isinstance(content, list):
        return "\n".join(part.get("text", "") for part in content if part.get("type") == "text")
    return str(content)


def _call(thought: ChatAnswer, mark: str) -> Json:
    function = {"name": thought.tool, "arguments": thought.arguments}
    return {"id": f"call_{mark}", "type": "function", "function": function}


def _reason(thought: ChatAnswer) -> str:
    return "tool_calls" if thought.tool else "stop"


def _usage(asked: ChatRequest, thought: ChatAnswer) -> Json:
    """A token is a word."""
    prompt = sum(len(_text(message).split()) for message in asked.messages)
    completion = len((thought.text or f"{thought.tool} {thought.arguments}").split())
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _chunks(asked: ChatRequest, thought: ChatAnswer, mark: str) -> list[Json]:
    """Yield the answer in pieces: words, or a few characters of a call's arguments."""
    deltas: list[Json] = [{"role": "assistant", "content": None if thought.tool else ""}]
    if thought.tool:
        whole = _call(thought, mark)
        deltas.append({"tool_calls": [{"index": 0, **whole, "function": {"name": thought.tool, "arguments": ""}}]})
        for start in range(0, len(thought.arguments), 8):
            piece = {"arguments": thought.arguments[start : start + 8]}
            deltas.append({"tool_calls": [{"index": 0, "function": piece}]})
    deltas += [{"content": word} for word in re.findall(r"\s*\S+|\s+$", thought.text)]
    chunks: list[Json] = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": _reason(thought)}]})
    if (asked.stream_options or {}).get("include_usage"):
        chunks.append({"choices": [], "usage": _usage(asked, thought)})
    return chunks
