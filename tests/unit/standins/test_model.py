"""The stand-in of a language model."""

from __future__ import annotations

import pytest

from tests.standins.bench import LOST, MODEL, Bench, think


async def test_the_model_echoes_and_calls_a_tool_and_quotes_its_result(bench: Bench) -> None:
    found = await think(bench, {"role": "user", "content": [{"type": "text", "text": "hello there"}]})
    assert found["choices"][0]["message"]["content"] == "You said: hello there"
    assert found["usage"] == {"prompt_tokens": 2, "completion_tokens": 4, "total_tokens": 6}
    user = {"role": "user", "content": 'Please use tool add {"a": {"b": "}"}} now'}
    found = await think(bench, user)
    (call,) = found["choices"][0]["message"]["tool_calls"]
    assert found["choices"][0]["finish_reason"] == "tool_calls"
    assert call["function"] == {"name": "add", "arguments": '{"a": {"b": "}"}}'}
    result = {"role": "tool", "tool_call_id": call["id"], "content": "42"}
    found = await think(bench, user, {"role": "assistant", "tool_calls": [call]}, result)
    assert found["choices"][0]["message"]["content"] == "add returned: 42"
    assert len(await bench.standins.requests("model")) == 3
    assert (await bench.ask("POST", "/model/v1/chat/completions", json={}))[0] == 401


async def test_the_model_streams_and_can_be_cut_off(bench: Bench) -> None:
    content = {"model": "m", "messages": [{"role": "user", "content": "write 3 words"}], "stream": True}
    content["stream_options"] = {"include_usage": True}
    url = f"{bench.url}/model/v1/chat/completions"
    async with bench.session.post(url, json=content, headers=MODEL) as response:
        lines = [line for line in (await response.text()).split("\n\n") if line]
    assert lines[-1] == "data: [DONE]"
    assert '"completion_tokens":3' in lines[-2]
    assert [part for part in ("word1", " word2", " word3") if any(f'"content":"{part}"' in line for line in lines)]
    await bench.standins.add_fault(platform="model", do="cut", chunks=2)
    with pytest.raises(LOST):
        async with bench.session.post(url, json=content, headers=MODEL) as response:
            await response.read()
