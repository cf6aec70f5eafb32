"""The browser of the system, which the pages are tested in."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserType

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
"""Its program; None where there is none."""

_UNUSED = (
    "WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "WebUIOmniboxFullPopup", "SpareRendererForSitePerProcess",
    "Translate", "OptimizationHints", "MediaRouter",
)  # fmt: skip
"""Parts of an address bar that nobody sees here, most of what it costs to open a page, and what works ahead."""
_FEW = ("--renderer-process-limit=1", "--in-process-gpu")
"""Pages of one browser share a process: starting one takes longer than what most of them do."""


async def launched(kind: BrowserType) -> Browser:
    """Start it, without a window."""
    features = f"--disable-features={','.join(_UNUSED)}"
    return await kind.launch(executable_path=CHROMIUM, chromium_sandbox=False, args=[features, *_FEW])
