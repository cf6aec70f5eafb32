"""The content of a message, as far as Slack checks it: texts, blocks, buttons, metadata."""

from __future__ import annotations

from typing import Any

from answerback.testing.standins.slack.calls import Call, refusal
from answerback.testing.standins.values import Json

LONGEST, LONGEST_MARKDOWN, LONGEST_UPDATE = 40_000, 12_000, 4_000
"""Characters of `text`, of `markdown_text`, and of an updated `text`."""
LONGEST_SECTION = 3_000
"""Characters of a section's text."""

MOST_BLOCKS, MOST_ELEMENTS = 50, 25
"""Blocks of a message (Slack makes some of `markdown_text`, one for each paragraph or heading here); elements of a
block of actions: https://docs.slack.dev/reference/block-kit/blocks/actions-block"""
_LONGEST_VALUE, _LONGEST_LABEL, _LONGEST_NAME = 2_000, 75, 255
"""Of a button: https://docs.slack.dev/reference/block-kit/block-elements/button-element"""


def content(call: Call, longest: int) -> tuple[str, list[Any] | None]:
    """Return the text and the blocks of a call. Raises the error of what Slack does not accept."""
    text, markdown = call.word("text"), call.word("markdown_text")
    blocks = call.objects("blocks", "invalid_blocks_format")
    if markdown and (text or blocks):
        raise refusal("markdown_text_conflict")
    if not text and not markdown and not blocks and not call.arguments.get("attachments"):
        raise refusal("no_text")
    if markdown and _paragraphs(markdown) > MOST_BLOCKS:
        raise refusal("invalid_blocks")
    if len(markdown) > LONGEST_MARKDOWN or len(text) > longest:
        raise refusal("msg_too_long")
    check_blocks(blocks or [])
    return text or markdown, blocks


def check_blocks(blocks: list[Any]) -> None:
    """Raise `invalid_blocks` if there are too many blocks, or a button of one is too long."""
    problems = ["no more than 50 items allowed [json-pointer:/blocks]"] if len(blocks) > MOST_BLOCKS else []
    for number, block in enumerate(blocks):
        where = f"[json-pointer:/blocks/{number}]"
        elements = block.get("elements") if block.get("type") == "actions" else []
        if not isinstance(block.get("type"), str):
            problems.append(f"missing required field: type {where}")
        if not isinstance(elements, list) or len(elements or []) > MOST_ELEMENTS:
            problems.append(f"no more than 25 items allowed {where}")
            continue
        problems += [f"{problem} {where}" for element in elements for problem in _problems(element)]
        section = block.get("text")
        words = str(section.get("text", "")) if isinstance(section, dict) else ""
        if block.get("type") == "section" and len(words) > LONGEST_SECTION:
            problems.append(f"must be less than 3001 characters {where}")
    if problems:
        messages = [f"[ERROR] {problem}" for problem in problems]
        raise refusal("invalid_blocks", errors=problems, response_metadata={"messages": messages})


def _problems(element: Any) -> list[str]:
    if not isinstance(element, dict) or not isinstance(element.get("type"), str):
        return ["missing required field: type"]
    label = element.get("text", {}).get("text", "") if isinstance(element.get("text"), dict) else ""
    checks = (
        (element["type"] == "button" and not label, "missing required field: text"),
        (len(str(element.get("value", ""))) > _LONGEST_VALUE, "must be less than 2001 characters"),
        (len(label) > _LONGEST_LABEL, "must be less than 76 characters"),
        (len(str(element.get("action_id", ""))) > _LONGEST_NAME, "must be less than 256 characters"),
        (element.get("style") not in (None, "primary", "danger"), "must be one of: primary, danger"),
        (len(element.get("options") or []) > 100, "no more than 100 items allowed"),
    )
    return [problem for wrong, problem in checks if wrong]


def metadata_of(call: Call) -> Json | None:
    """Return the metadata of a call. Raises the error of a wrong form."""
    metadata = call.json("metadata", "invalid_metadata_format")
    if not metadata:
        return None
    if not (
        isinstance(metadata, dict)
        and isinstance(metadata.get("event_type"), str)
        and isinstance(metadata.get("event_payload"), dict)
    ):
        raise refusal("invalid_metadata_format")
    return metadata


def _paragraphs(markdown: str) -> int:
    return sum(1 for paragraph in markdown.split("\n\n") if paragraph.strip())
