"""What `make bench` finds is shown as it is: in the terminal, in docs/benchmarks.md, in its pictures."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from tests.bench import quick, report
from tests.bench.peers import environments
from tests.bench.picture import DARK, LIGHT, svg
from tests.bench.results import RECORD, Group, Results, table

ROWS = {
    "Answerback, Redis over TCP": {"rate": [8_000.0], "cpu": [100.0]},
    "aiohttp + arq": {"rate": [2_000.0, 2_600.0, 2_500.0], "cpu": [400.0, 390.0, 410.0]},
    "aiohttp, stores nothing": {"rate": [20_000.0], "cpu": [50.25]},
    "a row with the longest name we use": {"rate": [10_000.0, 20_000.0, 30_000.0]},
}


@pytest.fixture
def results() -> Results:
    webhooks = Group("Webhooks & 202s", "rate")
    for rate in (9_000.0, 10_000.0, 11_000.0):
        webhooks.add({"Answerback": {"rate": rate, "cpu": 95.0, "p50": 6.1, "p99": 12.25}})
    webhooks.rows.update(ROWS)
    starts = Group("Starts", "p50")
    starts.add({"Answerback": {"p50": 2.0}, "arq": {"p50": 5.0}})
    growth = Group("Growth")
    growth.add({"a thread, bytes": {"figure": 839.0}, "a turn": {"p50": 1.25}})
    versions = {"Answerback": "0.1.0", "Valkey": "9.1.2", **environments.versions()}
    groups = {"webhooks": webhooks, "starts": starts, "growth": growth}
    return Results("A machine, 2 cores", "2026-12-01", versions, complete=True, groups=groups)


def _texts(picture: str) -> list[str]:
    return [text.text or "" for text in ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")]


def test_results_are_read_as_they_were_written(results: Results, tmp_path: Path) -> None:
    results.write(tmp_path / "bench.json")
    assert Results.read(tmp_path / "bench.json") == results


def test_a_ratio_says_how_many_times_as_good_the_first_row_is(results: Results) -> None:
    webhooks, starts = results.groups["webhooks"], results.groups["starts"]
    assert webhooks.ratio("aiohttp + arq") == 4
    assert webhooks.ratio("aiohttp, stores nothing") == 0.5
    assert starts.ratio("arq") == 2.5


def test_a_table_has_the_medians_and_the_runs_in_100_columns(results: Results) -> None:
    lines = table(results.groups["webhooks"]).splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[2].split() == ["Answerback", "10,000", "95.0", "6.10", "12.2", "1.00", "9,000", "10,000", "11,000"]
    assert table(results.groups["growth"]).splitlines()[-1].split() == ["a", "turn", "1.25", "1.25"]


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_a_picture_has_the_best_first_and_names_machine_and_versions(results: Results, colours: tuple[str]) -> None:
    texts = _texts(svg(results, colours))  # type: ignore[arg-type]
    order = [
        "aiohttp, stores nothing",
        "Answerback",
        "Answerback, Redis over TCP",
        "aiohttp + arq",
        "Answerback",
        "arq",
    ]
    assert [text for text in texts if text in order] == order
    assert "Growth" not in texts
    about = " ".join(texts[-4:])
    assert all(f"{name} {version}" in about for name, version in results.versions.items())
    assert results.machine in about


def test_the_figures_of_the_page_are_replaced_as_a_whole(results: Results) -> None:
    page = report.PAGE.read_text()
    once = report.updated(page, results)
    assert report.updated(once, results) == once
    assert "| aiohttp + arq | 2,500 | 400 |  |  | 4.00 | 2,000 · 2,600 · 2,500 |" in once
    assert once.partition("## What tracing costs")[2] == page.partition("## What tracing costs")[2]


@pytest.mark.skipif(not RECORD.exists(), reason="no run has been recorded")
def test_page_and_pictures_are_those_of_the_record() -> None:
    results = Results.read(RECORD)
    assert results.complete
    page = report.PAGE.read_text()
    assert report.updated(page, results) == page, "they are made by `make docs`"
    for theme, colours in report.PICTURES.items():
        assert report.path(theme).read_text() == svg(results, colours), "they are made by `make docs`"


def test_the_locks_of_the_peers_have_what_is_wanted() -> None:
    assert environments.names() == ["arq", "dramatiq", "saq", "taskiq"]
    for name in environments.names():
        lock = (environments.LOCKS / f"{name}.txt").read_text()
        wanted = re.findall(r"^([a-z][\w-]*)", (environments.LOCKS / f"{name}.in").read_text(), re.MULTILINE)
        assert wanted
        assert all(re.search(rf"^{package}==\d", lock, re.MULTILINE) for package in wanted)


@pytest.mark.parametrize(
    ("runs", "busy", "machine", "verdict"),
    [
        ([0.8], 0.0, "this one", None),
        ([0.7, 0.8], 0.0, "this one", None),
        ([0.7, 0.7], 0.0, "this one", "slower by more than a quarter: turn"),
        ([0.7], 0.9, "this one", None),
        ([0.7], 0.0, "another", None),
    ],
    ids=["as fast as recorded", "slower once", "slower twice", "slower on a busy machine", "on another machine"],
)
def test_slower_twice_on_a_quiet_machine_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, runs: list[float], busy: float, machine: str, verdict: str | None
) -> None:
    ratios = tmp_path / "ratios.json"
    ratios.write_bytes(msgspec.json.encode(quick.Record(machine, {"turn": 1.0})))
    monkeypatch.setattr(quick, "kind", lambda: "this one")
    left = iter(runs)
    monkeypatch.setattr(quick, "RECORDED", ratios)
    monkeypatch.setattr(quick, "measure", lambda: ({"turn": [(50.0, next(left))]}, busy))
    monkeypatch.setattr("sys.argv", ["quick"])
    if verdict:
        with pytest.raises(SystemExit, match=verdict):
            quick.main()
    else:
        quick.main()
    assert list(left) == []
