"""The documentation tells the truth: it is compared with the code."""

from __future__ import annotations

import ast
import inspect
import re
import runpy
from functools import cache
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from answerback import Agent, errors
from answerback.flows.loading import load
from answerback.settings import Settings
from answerback.store import permissions
from answerback.testing import answers, call, play
from tests import stream_event_docs
from tests.quickstarts import sections
from tools.cli import cli

ROOT = Path(__file__).parents[2]
PAGES = [
    *(
        ROOT / name
        for name in (
            "README.md",
            "CONTRIBUTING.md",
            "CHANGELOG.md",
            "SECURITY.md",
            "deploy/README.md",
            "deploy/kubernetes/README.md",
            "examples/README.md",
            "tests/README.md",
        )
    )
]
PAGES += sorted((ROOT / "docs").glob("*.md"))
REFERENCE = runpy.run_path(str(ROOT / "docs/reference.py"))


def _shown(default: Any) -> str:
    if default is None or default == []:
        return ""
    assert not isinstance(default, SecretStr)
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


def test_the_page_of_settings_lists_every_variable_with_its_default_and_purpose() -> None:
    rows = [f"| `{field.alias}` | {_shown(field.default)} | {field.description} |" for field in Settings.variables()]
    page = (ROOT / "docs/settings.md").read_text()
    assert [line for line in page.splitlines() if line.startswith("| `")] == rows


@cache
def _anchors(page: Path) -> set[str]:
    """Return the fragments that GitHub gives the headings of a page."""
    prose = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_link_within_the_documentation_leads_somewhere() -> None:
    for page in PAGES:
        for target, anchor in re.findall(r"\]\(([^)#\s]*)#?([^)]*)\)", page.read_text()):
            if "://" in target:
                continue
            there = (page.parent / target).resolve() if target else page
            assert there.exists(), f"{page.name}: {target}"
            assert not anchor or anchor in _anchors(there), f"{page.name}: {target}#{anchor}"


def test_no_line_of_prose_is_too_long() -> None:
    for page in PAGES:
        prose = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
        assert [line for line in prose.splitlines() if len(line) > 120 and line[0] != "|"] == [], page.name


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs/README.md").read_text()
    assert {page.name for page in (ROOT / "docs").glob("*.md")} - set(re.findall(r"\((\w+\.md)", index)) == {
        "README.md"
    }


EXAMPLES = [
    ("README.md", 3),
    ("docs/agents.md", 7),
    ("docs/slack.md", 1),
    ("docs/github.md", 1),
    ("docs/whatsapp.md", 1),
]


@pytest.mark.parametrize(("page", "examples"), EXAMPLES)
def test_the_examples_of_the_documentation_are_agents(page: str, examples: int) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    assert len(blocks) == examples
    names: dict[str, Any] = {"__name__": "mybot"}
    for block in blocks:
        exec(compile(block, page, "exec"), names)
        assert names.pop("agents")


def test_the_quickstarts_are_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = sections()
    names = [name for section in found.values() for name in section.files]
    assert names == ["mybot.py", "shop.py", "order.json", "orders.py", "app.py", "site/index.html"]
    monkeypatch.chdir(tmp_path)
    for section in found.values():
        section.write(tmp_path)
    for name in names:
        if name.endswith(".py"):
            made = runpy.run_path(name)
            served = made.get("agents") or made["app"]
            assert isinstance(served, Agent | FastAPI), name
    assert load(Path("order.json")).initial_node == "size"


async def test_the_model_of_the_quickstart_calls_its_tool(tmp_path: Path) -> None:
    section = sections()["A model with tools"]
    section.write(tmp_path)
    question = section.commands[-1].partition('"')[2].rstrip('"')
    model = answers(call("find_order", number=17), "It arrives on Friday.")
    async with play(runpy.run_path(str(tmp_path / "shop.py"))["agents"], model=model) as thread:
        assert await thread.say(question) == "It arrives on Friday."
        assert thread.history[-1].tools[0].result == "Order 17 is on its way, and arrives on Friday."


def test_the_least_rule_for_a_redis_user_is_documented() -> None:
    assert permissions.rule() in " ".join((ROOT / "docs/durability.md").read_text().split())


def test_the_reference_of_the_package_is_current() -> None:
    assert (ROOT / "docs/reference.md").read_text() == REFERENCE["page"](), "it is made by `make docs`"


def test_the_reference_describes_every_parameter_and_field_once() -> None:
    for what, _ in (entry for chapter in REFERENCE["CHAPTERS"].values() for entry in chapter):
        sections = REFERENCE["parse"](what.__doc__)[1]
        if isinstance(what, type) and issubclass(what, msgspec.Struct):
            names = [field.name for field in msgspec.structs.fields(what)]
        elif "Args" in sections:
            names = list(inspect.signature(what).parameters)
        else:
            continue
        described = REFERENCE["items"](sections.get("Args") or sections["Attributes"])
        assert [item.name for item in described] == names, what.__name__


def test_the_examples_of_the_reference_are_python() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/reference.md").read_text(), re.DOTALL)
    examples = [
        block for block in blocks if not re.match(r"(await )?[\w.]+\((\s*[\w*]+(:|,)|\)( ->|$))", block, re.MULTILINE)
    ]
    assert len(examples) >= 15
    for example in examples:
        compile(example, "reference.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def test_the_examples_of_dispatching_are_python() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/dispatch.md").read_text(), re.DOTALL)
    assert len(blocks) == 6
    for block in blocks:
        code = compile(block, "dispatch.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        if "FastAPI" in block or "agents = [" in block:
            exec(code, {"__name__": "shop"})


def test_the_list_of_pages_for_programs_is_current_and_complete() -> None:
    written = (ROOT / "docs/llms.txt").read_text()
    assert written == runpy.run_path(str(ROOT / "docs/llms.py"))["text"](), "it is made by `make docs`"
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert sorted(re.findall(r"\(/docs/(.*?)\)", written)) == sorted(pages)


def test_the_table_of_stream_events_is_current() -> None:
    page = stream_event_docs.PAGE.read_text()
    assert stream_event_docs.updated(page) == page, "run python -m tests.stream_event_docs"


def test_the_picture_of_the_concepts_is_current_and_in_the_words_of_the_glossary() -> None:
    concepts = runpy.run_path(str(ROOT / "docs/concepts.py"))
    assert (ROOT / "docs/concepts.svg").read_text() == concepts["picture"](), "it is made by `make docs`"
    terms = set(re.findall(r"^\| ([\w ]+) \|", (ROOT / "docs/glossary.md").read_text(), re.MULTILINE))
    assert {box.name.removesuffix("s") for box in concepts["SKETCH"].boxes} <= terms
    for term in re.findall(r"(?<!\*)\*([\w ]+)\*(?!\*)", (ROOT / "docs/concepts.md").read_text()):
        assert {term, term[:-1], f"{term[:-3]}y"} & terms, f"the glossary does not define {term}"


def test_the_tree_of_the_errors_is_that_of_the_classes() -> None:
    tree: dict[str, str] = {}
    path: list[str] = []
    for indent, name in re.findall(
        r"^([│├└─ ]*)([A-Z]\w+)\b", (errors.__doc__ or "").partition("\n\n")[2], re.MULTILINE
    ):
        path = [*path[: len(indent) // 4], name]
        tree[name] = path[-2] if len(path) > 1 else "Exception"
    classes = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    assert tree == {one.__name__: one.__base__.__name__ for one in classes if one.__base__}


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=lambda page: page.name)
def test_every_file_that_the_documentation_names_exists(page: Path) -> None:
    text = page.read_text().replace("tools/list", "")  # a method of MCP
    for path in re.findall(r"`((?:answerback|ingress|worker|tools|tests|docs|examples)/[\w/.*]+)", text):
        assert list(ROOT.glob(path.rstrip("/"))), path


def test_every_command_that_the_documentation_names_exists() -> None:
    command_line = re.compile(r"(?:`|^ +(?:\.venv/bin/)?)answerback ([a-z]+(?:[- ][a-z]+)*)", re.MULTILINE)
    for page in PAGES:
        for words in command_line.findall(page.read_text()):
            command: click.Command | None = cli
            for word in words.split():
                if not isinstance(command, click.Group):
                    break
                command = command.get_command(click.Context(command), word)
                assert command, f"{page.name}: answerback {words}"
