"""The language of texts and guards: a subset of sandboxed Jinja with bounded work.

Users supply values, never templates. Work is bounded all the same: no functions, loops over at most
10,000 items in total, texts of at most 100,000 characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from jinja2 import ChainableUndefined, Template, TemplateError, TemplateSyntaxError, meta, nodes
from jinja2.environment import TemplateExpression
from jinja2.filters import FILTERS
from jinja2.parser import Parser
from jinja2.sandbox import SandboxedEnvironment

from answerback.errors import AnswerbackError
from answerback.flows.patterns import matches, pattern

ITEMS = 10_000
LENGTH = 100_000

_FILTERS = (
    "abs", "capitalize", "count", "d", "default", "dictsort", "e", "escape", "first", "float", "forceescape", "format",
    "int", "items", "join", "last", "length", "list", "lower", "map", "max", "min", "reject", "rejectattr", "reverse",
    "safe", "select", "selectattr", "sort", "string", "sum", "title", "tojson", "trim", "truncate", "unique", "upper",
    "urlencode", "wordcount",
)  # fmt: skip
_METHODS = (
    "capitalize", "count", "endswith", "get", "isalnum", "isalpha", "isdigit", "isnumeric", "items", "keys", "lower",
    "lstrip", "rstrip", "split", "startswith", "strip", "title", "upper", "values",
)  # fmt: skip
_NODES = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Name, nodes.Const, nodes.List,
    nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Keyword, nodes.CondExpr, nodes.Filter, nodes.Test, nodes.Getattr,
    nodes.Getitem, nodes.Slice, nodes.Concat, nodes.Compare, nodes.Operand, nodes.Not, nodes.And, nodes.Or, nodes.Neg,
    nodes.Pos, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Call, nodes.Assign,
)  # fmt: skip

_left: ContextVar[list[int]] = ContextVar("answerback_items_left")


class TemplateFailed(AnswerbackError):
    """The template cannot be rendered with these values."""


class _Language(SandboxedEnvironment):
    intercepted_binops = frozenset("+-*/%") | {"//"}

    def __init__(self, finalize: Callable[[Any], Any]) -> None:
        super().__init__(undefined=ChainableUndefined, finalize=finalize, cache_size=0, keep_trailing_newline=True)
        self.filters = {name: FILTERS[name] for name in _FILTERS} | {
            "round": lambda value, digits=0: round(float(value), max(-15, min(15, int(digits)))),
            "replace": _replace,
            "format": _format,
            "_bounded": _bounded,
            "_short": _short,
        }
        self.tests["matches"] = matches
        self.globals = {}

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Prefer a mapping's key to its method: `order.items` is the field "items" if there is one."""
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Allow arithmetic on numbers, and `+` on two strings or two lists."""
        if all(isinstance(side, (int, float)) and abs(side) < 1e100 for side in (left, right)):
            return super().call_binop(context, operator, left, right)
        if operator == "+" and all(isinstance(side, (str, list)) for side in (left, right)):
            return super().call_binop(context, operator, left, right)
        raise TypeError(f"{operator} needs numbers")


def _bounded(items: Iterable[Any]) -> Iterator[Any]:
    left = _left.get()
    for item in items:
        left[0] -= 1
        if left[0] < 0:
            raise TemplateFailed(f"it loops over more than {ITEMS} items")
        yield item


def _replace(value: Any, old: str, new: str) -> str:
    text = str(value)
    if len(text) + text.count(old) * len(new) > LENGTH:
        raise TemplateFailed(f"it makes a text of more than {LENGTH} characters")
    return text.replace(old, new)


def _format(value: Any, *args: Any, **named: Any) -> str:
    if re.search(r"%[^a-zA-Z%]*(\d{4}|\*)", str(value)):
        raise TemplateFailed("it formats something wider than 999 characters")
    return str(FILTERS["format"](value, *args, **named))


def _short(value: Any) -> Any:
    """Limit the size of an assigned value, so that repeated concatenation cannot grow without bound."""
    if isinstance(value, (str, list)) and len(value) > LENGTH:
        raise TemplateFailed(f"it sets a variable to more than {LENGTH} characters or items")
    return value


def _plain(value: Any) -> Any:
    return "" if value is None else value


@lru_cache(maxsize=8)
def _language(finalize: Callable[[Any], Any]) -> _Language:
    return _Language(finalize)


@lru_cache(maxsize=4096)
def _parsed(source: str, expression: bool) -> nodes.Template:
    """Parse a template or an expression. Raises `TemplateSyntaxError` for anything outside the language."""
    language = _language(_plain)
    if expression:
        parser = Parser(language, source, state="variable")
        parsed = parser.parse_expression()
        if not parser.stream.eos:
            raise TemplateSyntaxError(f"unexpected {parser.stream.current.value!r}", 1)
        tree = nodes.Template([nodes.Output([parsed])], lineno=1)
        tree.set_environment(language)
    else:
        tree = language.parse(source)
    for node in [tree, *tree.find_all(nodes.Node)]:
        _permit(language, node)
    return tree


def _permit(language: _Language, node: nodes.Node) -> None:
    fault = ""
    if not isinstance(node, _NODES):
        fault = f"{type(node).__name__.lower()} is not part of this language"
    elif isinstance(node, nodes.Call) and not (isinstance(node.node, nodes.Getattr) and node.node.attr in _METHODS):
        fault = f"only these can be called: {', '.join(_METHODS)}"
    elif isinstance(node, nodes.For) and node.recursive:
        fault = "a loop cannot be recursive"
    elif isinstance(node, (nodes.Filter, nodes.Test)):
        permitted = language.filters if isinstance(node, nodes.Filter) else language.tests
        if node.name not in permitted:
            fault = f"there is no {type(node).__name__.lower()} {node.name!r}"
        elif node.name == "matches" and node.args and isinstance(node.args[0], nodes.Const):
            try:
                if not str(node.args[0].value).isprintable():
                    raise ValueError(r"write its backslashes twice, as in '\\b'")
                pattern(str(node.args[0].value))
            except ValueError as error:
                fault = f"{node.args[0].value!r} is not a regular expression: {error}"
    if fault:
        raise TemplateSyntaxError(fault, getattr(node, "lineno", 1) or 1)


def expression(source: str) -> str:
    """Return a guard or condition without optional braces: "{{ paid }}" becomes "paid"."""
    inner = re.fullmatch(r"\s*\{\{(.*)\}\}\s*", source, re.DOTALL)
    return (inner[1] if inner and "}}" not in inner[1] else source).strip()


def fault(source: str, *, guard: bool = False) -> str | None:
    """Return what is wrong with a template or a guard; None if it is valid."""
    try:
        _parsed(expression(source) if guard else source, guard)
    except TemplateError as error:
        return str(error.message).rstrip(".")
    return None


def names(source: str, *, guard: bool = False) -> frozenset[str]:
    """Return the variables that a template or guard uses; none if it is invalid."""
    try:
        return frozenset(meta.find_undeclared_variables(_parsed(expression(source) if guard else source, guard)))
    except TemplateError:
        return frozenset()


@lru_cache(maxsize=4096)
def _template(source: str, finalize: Callable[[Any], Any]) -> Template:
    _parsed(source, False)
    language = _language(finalize)
    tree = language.parse(source)
    for loop in tree.find_all(nodes.For):
        loop.iter = nodes.Filter(loop.iter, "_bounded", [], [], None, None, lineno=loop.lineno)
    for assigned in tree.find_all(nodes.Assign):
        assigned.node = nodes.Filter(assigned.node, "_short", [], [], None, None, lineno=assigned.lineno)
    return Template.from_code(language, language.compile(tree), {})


@lru_cache(maxsize=4096)
def _expression(source: str) -> TemplateExpression:
    _parsed(source, True)
    return _language(_plain).compile_expression(source)


def render(source: str, values: Mapping[str, Any], finalize: Callable[[Any], Any] = _plain) -> str:
    """Render a template, applying `finalize` to each value. Unknown variables are empty. Raises `TemplateFailed`."""
    token = _left.set([ITEMS])
    parts: list[str] = []
    length = 0
    try:
        for part in _template(source, finalize).generate(values):
            parts.append(part)
            length += len(part)
            if length > LENGTH:
                raise TemplateFailed(f"it makes a text of more than {LENGTH} characters")
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        raise TemplateFailed(str(error)) from error
    finally:
        _left.reset(token)
    return "".join(parts)


def evaluate(source: str, values: Mapping[str, Any]) -> Any:
    """Return an expression's value; None for an unknown variable. Raises `TemplateFailed`."""
    token = _left.set([ITEMS])
    try:
        return _expression(expression(source))(**values)
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        raise TemplateFailed(str(error)) from error
    finally:
        _left.reset(token)


def holds(source: str, values: Mapping[str, Any]) -> bool:
    """Return whether a guard holds. A comparison with an unknown or incomparable value does not hold."""
    try:
        return bool(evaluate(source, values))
    except TemplateFailed:
        return False
