"""Markdown, which models write, in the dialects of platforms that do not read it.

`convert` walks the Markdown as CommonMark (with tables and strikethrough) and renders it with the `Marks` of a dialect:
`html`, `whatsapp` or `plain`. `parts` divides Markdown so that each part fits once it is converted.
"""

from __future__ import annotations

from answerback.platforms.dialects.marks import HTML, PLAIN, WHATSAPP, Marks
from answerback.platforms.dialects.parts import parts, utf16_units
from answerback.platforms.dialects.rendering import convert

__all__ = ["HTML", "PLAIN", "WHATSAPP", "Marks", "convert", "parts", "utf16_units"]
