"""Markdown in other dialects: nothing that was written gets lost, and nothing becomes a mark that was none."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerback.platforms.dialects import HTML, PLAIN, WHATSAPP, Marks, convert, parts, utf16_units

DIALECTS = {"html": HTML, "whatsapp": WHATSAPP, "plain": PLAIN}

MARKDOWN = """# Release *1.2*

It **really _works_**, see [the notes](https://example.org/?a=1&b=2) or <https://example.org>.

- first
- second
  1. `x < y`
  2. ~~old~~

> Said before
> > and before that

```python
if a < b: ...
```

| who | what |
|---|---|
| Ada | **writes** |
"""

RENDERED = {
    "html": """<b>Release <i>1.2</i></b>

It <b>really <i>works</i></b>, see <a href="https://example.org/?a=1&amp;b=2">the notes</a> or \
<a href="https://example.org">https://example.org</a>.

• first
• second
  1. <code>x &lt; y</code>
  2. <s>old</s>

<blockquote>Said before

and before that</blockquote>

<pre><code class="language-python">if a &lt; b: ...</code></pre>

<pre>who | what
Ada | writes</pre>""",
    "whatsapp": """*Release _1.2_*

It *really _works_*, see the notes (https://example.org/?a=1&b=2) or https://example.org.

• first
• second
  1. `x < y`
  2. ~old~

> Said before
> \n> > and before that

```if a < b: ...```

```who | what
Ada | writes```""",
    "plain": """Release 1.2

It really works, see the notes (https://example.org/?a=1&b=2) or https://example.org.

• first
• second
  1. x < y
  2. old

> Said before
> \n> > and before that

if a < b: ...

who | what
Ada | writes""",
}


@pytest.mark.parametrize("name", DIALECTS)
def test_markdown_is_rendered(name: str) -> None:
    assert convert(MARKDOWN, DIALECTS[name]) == RENDERED[name].replace("\\\n", "")


@pytest.mark.parametrize(
    "text", ["2 * 3 * 4", "snake_case_name", "a ~ b ~ c", "<b>not bold</b>", "AT&T", "1. is not a list here: 2."]
)
@pytest.mark.parametrize("marks", [PLAIN, WHATSAPP], ids=["plain", "whatsapp"])
def test_what_is_no_mark_stays_as_it_is(marks: Marks, text: str) -> None:
    assert convert(text, marks).replace("\u2060", "") == text


def test_a_mark_that_markdown_escapes_is_none_in_whatsapp() -> None:
    assert convert(r"\*not bold\*", WHATSAPP) == "\u2060*\u2060not bold\u2060*\u2060"


def test_emphasis_does_not_cross_lines() -> None:
    assert convert("**one\ntwo**", WHATSAPP) == "*one*\n*two*"


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("opening", ["> ", "- ", "**a _b ", "[", "!["])
def test_deeply_nested_text_is_kept(name: str, opening: str) -> None:
    assert "needle" in convert(opening * 500 + "needle", DIALECTS[name])


class _Tags(HTMLParser):
    """Fails for tags that do not match, or that the platform does not know."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ("b", "i", "s", "a", "code", "pre", "blockquote"), tag
        assert tag != "blockquote" or tag not in self.open
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


ANY = st.text(st.sampled_from("ab \n*_~`>#-|[]()!<&1.\\😀é"), max_size=80) | st.text(max_size=60)


@given(ANY)
def test_html_is_always_well_formed(text: str) -> None:
    tags = _Tags()
    tags.feed(convert(text, HTML))
    tags.close()
    assert tags.open == []


@given(ANY)
def test_letters_are_never_lost(text: str) -> None:
    # Names and titles of links, and the language of code, are no text of it.
    if "[" in text or "`" in text or "~" in text:
        return
    for marks in (PLAIN, WHATSAPP):
        converted = convert(text, marks)
        assert [c for c in converted if c in "ab😀é"] == [c for c in text if c in "ab😀é"]


@given(st.text(st.sampled_from("ab \n*_`>-😀"), max_size=600), st.integers(64, 200))
def test_each_part_fits_as_the_platform_counts(text: str, limit: int) -> None:
    def html(part: str) -> str:
        return convert(part, HTML)

    for part in parts(text, limit, html, utf16_units):
        assert utf16_units(html(part)) <= limit or len(part) <= 64


def test_a_text_of_wide_characters_is_split_by_units() -> None:
    found = parts("😀 " * 3000, 4096, lambda part: part, utf16_units)
    assert len(found) == 3
    assert "".join(found).replace(" ", "") == "😀" * 3000
    assert all(utf16_units(part) <= 4096 for part in found)
