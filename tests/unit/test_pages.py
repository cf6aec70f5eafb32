"""What browsers load, as it is served."""

from __future__ import annotations

import re
from importlib import resources

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from ingress.pages.bundle import PARTS, bundle
from ingress.pages.documents import DOCS, documents
from ingress.pages.pages import SERVED, pages
from tests import api_types, stream_event_docs

PAGES = resources.files("ingress.pages")
SCRIPTS = {
    f"{folder}/{file.name}": file.read_text()
    for folder in (".", "dashboard", "markdown", "widget")
    for file in PAGES.joinpath(folder).iterdir()
    if file.name.endswith(".js")
}


def test_the_widget_is_all_of_its_modules_in_one_function() -> None:
    script = bundle(PAGES.joinpath("widget"))
    assert script.startswith("(() => {")
    assert script.endswith("})();\n")
    assert not re.search(r"^(import|export) |^ *//|^ */\*\*", script, re.MULTILINE)
    for name in ("WidgetStorage", "Connection", "Conversation", "Session", "View"):
        assert script.count(f"class {name} ") == 1
    assert script.count("function renderMarkdown(") == 1
    folder = {file.name for file in PAGES.joinpath("widget").iterdir()}
    assert folder == {part for part in PARTS if "/" not in part} | {"style.css"}


def test_no_two_modules_of_the_widget_define_the_same_name() -> None:
    script = bundle(PAGES.joinpath("widget"))
    names = re.findall(r"^(?:async )?(?:function\*?|class|const|let) +(\w+)", script, re.MULTILINE)
    assert len(names) > 60
    assert len(names) == len(set(names)), sorted(name for name in names if names.count(name) > 1)


def test_every_file_that_the_dashboard_names_is_served() -> None:
    served = {route.path for route in pages()}
    dashboard = PAGES.joinpath("dashboard")
    for file in dashboard.iterdir():
        named = re.findall(r'^(?:import .* from |.*href=|.*src=)"([./][^"#]*)"', file.read_text(), re.MULTILINE)
        for name in named:
            path = (
                name.replace("./", "/assets/dashboard/") if name.startswith("./") else name.replace("../", "/assets/")
            )
            assert path in served or path == "/api/v1/docs", f"{file.name} names {name}"


def test_only_what_a_browser_loads_is_served() -> None:
    paths = {route.path for route in pages()} - {"/"}
    assert "/assets/conversation.js" in paths
    assert all(path.endswith(SERVED) for path in paths), "no declarations of types, no tools"


def test_every_script_is_type_checked() -> None:
    assert [name for name, text in SCRIPTS.items() if not text.startswith("// @ts-check\n")] == []


def test_the_declarations_of_the_api_are_current() -> None:
    assert api_types.FILE.read_text() == api_types.declarations(), "run: python -m tests.api_types"


def test_the_declarations_of_stream_events_are_current() -> None:
    assert stream_event_docs.TYPES.read_text() == stream_event_docs.types(), "run: python -m tests.stream_event_docs"


def test_no_page_writes_html_or_runs_text() -> None:
    for name, text in SCRIPTS.items():
        found = re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", text)
        assert not found, name


async def test_the_documentation_is_served_as_markdown_that_may_be_cached() -> None:
    app = web.Application()
    app.add_routes(documents())
    async with TestClient(TestServer(app)) as client:
        index = await client.get("/llms.txt")
        listed = re.findall(r"\((/docs/[^)]*)\)", await index.text())
        assert index.content_type == "text/plain"
        assert set(listed) | {"/docs/README.md"} == {f"/docs/{page.name}" for page in DOCS.glob("*.md")}
        for path in [*listed, "/docs/README.md"]:
            page = await client.get(path)
            text = await page.text()
            assert (page.status, page.content_type) == (200, "text/markdown")
            assert text.startswith("# ")
            assert "pictures/" not in text, "they are not served"
            links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]*)\)", text) if "://" not in link]
            assert {f"/docs/{link}" for link in links if link} <= {*listed, "/docs/README.md"}, path
            assert page.headers["Cache-Control"] == "no-cache"
            again = await client.get(path, headers={"If-None-Match": page.headers["ETag"]})
            assert (again.status, await again.text()) == (304, "")
