"""The documentation tells the truth: it is compared with the code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from answerback.settings import Settings
from answerback.store import permissions

ROOT = Path(__file__).parents[2]


def _shown(default: Any) -> str:
    if default is None or default == []:
        return ""
    assert not isinstance(default, SecretStr)
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


def test_the_page_of_settings_lists_every_variable_with_its_default_and_purpose() -> None:
    rows = [f"| `{field.alias}` | {_shown(field.default)} | {field.description} |" for field in Settings.variables()]
    page = (ROOT / "docs/settings.md").read_text()
    assert [line for line in page.splitlines() if line.startswith("| `")] == rows


def test_every_link_within_the_documentation_leads_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "examples/README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_examples_of_the_readme_are_agents(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(blocks) == 3
    names: dict[str, Any] = {"__name__": "mybot"}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
        assert names.pop("agents")


def test_the_least_rule_for_a_redis_user_is_documented() -> None:
    assert permissions.rule() in " ".join((ROOT / "docs/durability.md").read_text().split())
