"""Texts and guards: what they can say, and what they cannot do."""

from __future__ import annotations

from typing import Any

import pytest

from answerback.flows import schema
from answerback.flows.templates import ITEMS, LENGTH, TemplateFailed, fault, holds, names, render

VALUES: dict[str, Any] = {"name": "Ada", "age": 20, "order": {"items": [1, 2]}, "xs": list(range(1000))}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hello {{ name }}", "Hello Ada"),
        ("Hello {{ nobody }}{{ no.such.thing }}", "Hello "),
        ("{{ order.items | join(' and ') }}", "1 and 2"),
        ("{% if age >= 18 %}old{% else %}young{% endif %}", "old"),
        ("{% for x in order.items %}{{ x + 1 }};{% endfor %}", "2;3;"),
        ("{% set short = name | default('') | lower %}{% if short in ['ada'] %}A{% else %}{{ name }}{% endif %}", "A"),
        ("from={{ '%02d' | format([age - 13, 0] | max) + ':00' if age else '' }}", "from=07:00"),
        (
            "{{ [{'a': 1, 'b': 2}] | selectattr('a', 'equalto', 1) | map(attribute='b') | list | first | default(9) }}",
            "2",
        ),
        ("{{ name.upper() }} {{ 2.345 | round(1) }} {{ name | replace('A', 'O') }}", "ADA 2.3 Oda"),
    ],
)
def test_a_text_is_filled_in(text: str, said: str) -> None:
    assert fault(text) is None
    assert render(text, VALUES) == said


@pytest.mark.parametrize(
    "text",
    [
        "{{ range(10**9) }}",
        "{{ lipsum() }}",
        "{{ name.format(1) }}",
        "{{ name | center(1000000000) }}",
        "{{ 9 ** 999999999 }}",
        "{{ xs | map('pprint') | list }}{{ name | nope }}",
        "{% set name.x = 1 %}",
        "{% macro m() %}{% endmacro %}",
        "{% include '/etc/passwd' %}",
        "{% for x in xs recursive %}{{ loop(x) }}{% endfor %}",
        "{{ name",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    ],
)
def test_what_could_take_long_or_call_something_is_refused_at_load(text: str) -> None:
    assert fault(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "{{ 'a' * 999999999 }}",
        "{{ [1] * 999999999 }}",
        "{{ '%999999999d' % 1 }}",
        "{{ '%999999999d' | format(1) }}",
        "{{ '%*d' | format(999999999, 1) }}",
        "{% set a = name %}" + "{% set a = a ~ a %}" * 40,
        "{% set a = [1] %}" + "{% set a = a + a %}" * 40,
        "{% for a in xs %}{% for b in xs %}{% endfor %}{% endfor %}",
        "{% for a in xs %}{{ '" + "x" * 200 + "' }}{% endfor %}",
        "{{ ('" + "x" * 2000 + "') | replace('x', '" + "y" * 200 + "') }}",
    ],
)
def test_what_grows_too_large_fails_before_it_does(text: str) -> None:
    assert len(VALUES["xs"]) ** 2 > ITEMS
    assert LENGTH < 200 * 1000
    with pytest.raises(TemplateFailed):
        render(text, VALUES)


def test_nothing_leads_out_of_the_sandbox() -> None:
    assert render("{{ name.__class__.__mro__ }}", VALUES) == ""
    assert render("{{ order['__class__'] }}", VALUES) == ""


@pytest.mark.parametrize(
    ("guard", "held"),
    [
        ("age >= 18", True),
        ("{{ age >= 18 }}", True),
        ("years >= 18", False),
        ("not years >= 18", False),
        ("years is defined", False),
        ("not years", True),
        ("name > 3", False),
        ("order.items | length == 2 and name == 'Ada'", True),
        ("name is matches('^[A-Z][a-z]+$')", True),
        ("name is matches('^[a-z]+$')", False),
        ("1 / 0", False),
    ],
)
def test_a_guard_holds_or_does_not(guard: str, held: bool) -> None:
    assert fault(guard, guard=True) is None
    assert holds(guard, VALUES) is held


def test_a_guard_is_one_expression() -> None:
    for text in ("a }} {{ b", "a b", "", "{% if a %}", "a = b", "f(a)", "a is nope", r"a is matches('(?=b)')"):
        assert fault(text, guard=True) is not None, text
    assert "backslashes twice" in (fault(r"a is matches('\bno\b')", guard=True) or "")
    assert names("{{ age > limit.low and 'x' in name }}", guard=True) == {"age", "limit", "name"}


def test_a_regular_expression_takes_linear_time() -> None:
    assert holds("text is matches('^(a+)+$')", {"text": "a" * 50_000 + "b"}) is False


def _one(**field: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"it": field}, "required": ["it"]}


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ({"type": "string"}, "  Ada ", "Ada"),
        ({"type": "string", "pattern": "^[0-9]{4}$"}, "1234", "1234"),
        ({"type": "string", "pattern": "^[0-9]{4}$"}, "12345", None),
        ({"type": "integer"}, "42", 42),
        ({"type": "integer"}, "forty", None),
        ({"type": "number", "minimum": 0}, "4.5", 4.5),
        ({"type": "number", "minimum": 0}, "-1", None),
        ({"type": "boolean"}, "Yes.", True),
        ({"enum": ["Gold", "Silver"]}, "gold", "Gold"),
        ({"enum": ["Gold", "Silver"]}, "bronze", None),
        ({"type": "string"}, "", None),
        ({"type": "string"}, "x" * 2000, None),
    ],
)
def test_a_message_is_a_value_where_it_fits(field: dict[str, Any], text: str, value: Any) -> None:
    assert schema.said(_one(**field), text) == ({"it": value} if value is not None else None)


def test_a_message_is_never_several_values() -> None:
    both = {"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a", "b"]}
    assert schema.said(both, "one") is None
    assert schema.said({}, "one") == {}


def test_a_schema_fetches_nothing() -> None:
    assert "has a $ref that is not in it" in (schema.fault(_one(**{"$ref": "http://127.0.0.1:9/x"})) or "")
    assert "not a regular expression" in (schema.fault(_one(type="string", pattern="(?=x)")) or "")
    assert "not among its properties" in (schema.fault({"properties": {}, "required": ["x"]}) or "")
