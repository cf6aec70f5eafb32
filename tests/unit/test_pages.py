"""What browsers load, as it is served."""

from __future__ import annotations

import re
from importlib import resources

from ingress.pages.bundle import PARTS, bundle
from ingress.pages.pages import pages

PAGES = resources.files("ingress.pages")


def test_the_widget_is_all_of_its_parts_in_one_function() -> None:
    script = bundle(PAGES.joinpath("widget"))
    assert script.startswith("(() => {")
    assert script.endswith("})();\n")
    assert not re.search(r"^(import|export) ", script, re.MULTILINE)
    for name in (
        "class Memory",
        "function* eventsOf",
        "class Line",
        "class Talk",
        "class Session",
        "class View",
        "renderMarkdown(place",
    ):
        assert script.count(name) == 1
    folder = {file.name for file in PAGES.joinpath("widget").iterdir()}
    assert folder == {part for part in PARTS if "/" not in part} | {"style.css"}


def test_every_file_that_the_dashboard_names_is_served() -> None:
    served = {route.path for route in pages()}
    dashboard = PAGES.joinpath("dashboard")
    for file in dashboard.iterdir():
        named = re.findall(r'(?:from |href=|src=)"([./][^"#]*)"', file.read_text())
        for name in named:
            path = (
                name.replace("./", "/assets/dashboard/") if name.startswith("./") else name.replace("../", "/assets/")
            )
            assert path in served or path == "/api/v1/docs", f"{file.name} names {name}"


def test_no_page_writes_html_or_runs_text() -> None:
    folders = ("dashboard", "widget", "markdown")
    scripts = [file for folder in folders for file in PAGES.joinpath(folder).iterdir()]
    for file in [*scripts, PAGES.joinpath("talk.js"), PAGES.joinpath("stream.js")]:
        if file.name.endswith(".js"):
            text = file.read_text()
            assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", text)
