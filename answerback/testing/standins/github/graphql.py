"""Just enough GraphQL to return the requested fields, and to refuse fields that do not exist.

https://spec.graphql.org/October2021/ without directives, subscriptions and introspection.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

_TOKEN = re.compile(r'[\s,]+|#[^\n]*|(\.\.\.|"(?:\\.|[^"\\])*"|-?\d+(?:\.\d+)?|[A-Za-z_]\w*|[{}()\[\]:!=$@|&])')

Object = Mapping[str, Any]
"""An object as a resolver gives it: a field is a value, or a function of its arguments. "__typename" is its
type, "__interfaces" what else it is."""


class GraphQLError(Exception):
    """The document is invalid, or names something that does not exist. `type`: GitHub's, "NOT_FOUND", ..."""

    def __init__(self, message: str, type: str | None = None) -> None:
        self.type = type
        super().__init__(message)


class Undefined(GraphQLError):
    """The document does not match the schema: nothing is executed."""


@dataclass
class Field:
    """A requested field; `name` "..." is a fragment on the type `key`."""

    key: str
    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    fields: list[Field] = field(default_factory=list)


@dataclass
class Document:
    """A parsed request: its first operation, with its variables' values in place."""

    kind: str
    fields: list[Field]


class _Parser:
    def __init__(self, text: str, variables: Mapping[str, Any]) -> None:
        self._tokens: list[str] = []
        self._variables = dict(variables)
        self._fragments: dict[str, Field] = {}
        at = 0
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise Undefined(f"Parse error on {text[at]!r}")
            if match.group(1):
                self._tokens.append(match.group(1))
            at = match.end()
        self._tokens.append("")
        self._at = 0

    def _next(self) -> str:
        self._at += 1
        if not self._tokens[self._at - 1]:
            raise Undefined("Expected more, actual: end of document")
        return self._tokens[self._at - 1]

    def _take(self, token: str) -> bool:
        if self._tokens[self._at] != token:
            return False
        self._at += 1
        return True

    def _expect(self, token: str) -> None:
        if not self._take(token):
            raise Undefined(f"Expected {token!r}, actual: {self._tokens[self._at] or 'end of document'!r}")

    def document(self) -> Document:
        found: Document | None = None
        while self._tokens[self._at]:
            kind = "query" if self._tokens[self._at] == "{" else self._next()
            if kind == "fragment":
                name = self._next()
                self._expect("on")
                self._fragment(name).key = self._next()
                self._fragment(name).fields += self._fields()
                continue
            if self._tokens[self._at] not in ("{", "("):
                self._next()
            if self._take("("):
                while not self._take(")"):
                    self._variable()
            fields = self._fields()
            found = found or Document(kind, fields)
        if found is None or found.kind not in ("query", "mutation"):
            raise Undefined("A query attribute must be specified and must be a string.")
        return found

    def _fragment(self, name: str) -> Field:
        return self._fragments.setdefault(name, Field("", "..."))

    def _variable(self) -> None:
        self._expect("$")
        name = self._next()
        self._expect(":")
        while self._tokens[self._at] in ("[", "]", "!") or self._tokens[self._at].isidentifier():
            self._next()
        needed = self._tokens[self._at - 1] == "!"
        if self._take("="):
            self._variables.setdefault(name, self._value())
        elif needed and self._variables.get(name) is None:
            raise Undefined(f"Variable ${name} was provided invalid value")
        else:
            self._variables.setdefault(name, None)

    def _fields(self) -> list[Field]:
        self._expect("{")
        found = []
        while not self._take("}"):
            if self._take("..."):
                if self._tokens[self._at] not in ("on", "{"):
                    found.append(self._fragment(self._next()))
                    continue
                kind = (self._take("on") and self._next()) or ""
                found.append(Field(kind, "...", {}, self._fields()))
                continue
            key = name = self._next()
            if not name.isidentifier():
                raise Undefined(f"Expected a field, actual: {name or 'end of document'!r}")
            if self._take(":"):
                name = self._next()
            arguments = self._arguments(")") if self._take("(") else {}
            found.append(Field(key, name, arguments, self._fields() if self._tokens[self._at] == "{" else []))
        return found

    def _arguments(self, end: str) -> dict[str, Any]:
        found = {}
        while not self._take(end):
            name = self._next()
            self._expect(":")
            found[name] = self._value()
        return found

    def _value(self) -> Any:
        token = self._next()
        if token == "$":
            name = self._next()
            if name not in self._variables:
                raise Undefined(f"Variable ${name} is used but not declared")
            return self._variables[name]
        if token == "{":
            return self._arguments("}")
        if token == "[":
            found = []
            while not self._take("]"):
                found.append(self._value())
            return found
        if token[:1] in ('"', "-") or token[:1].isdigit():
            return msgspec.json.decode(token)
        return {"true": True, "false": False, "null": None}.get(token, token)


def parse(text: str, variables: Mapping[str, Any]) -> Document:
    """Parse a document. Raises `Undefined`."""
    return _Parser(text, variables).document()


def select(found: Object, fields: list[Field]) -> dict[str, Any]:
    """Return the requested fields of an object. Raises `GraphQLError`, or `Undefined` for one that it lacks."""
    chosen: dict[str, Any] = {}
    for wanted in fields:
        if wanted.name == "...":
            if wanted.key in ("", found["__typename"], *found.get("__interfaces", ())):
                chosen |= select(found, wanted.fields)
            continue
        if wanted.name not in found or wanted.name == "__interfaces":
            raise Undefined(f"Field '{wanted.name}' doesn't exist on type '{found['__typename']}'")
        value = found[wanted.name]
        if callable(value):
            try:
                inspect.signature(value).bind(**wanted.arguments)
            except TypeError as error:
                raise Undefined(f"Field '{wanted.name}': {error}") from None
            value = value(**wanted.arguments)
        chosen[wanted.key] = _complete(value, wanted)
    return chosen


def _complete(value: Any, wanted: Field) -> Any:
    if isinstance(value, list):
        return [_complete(item, wanted) for item in value]
    if isinstance(value, Mapping):
        if not wanted.fields:
            raise Undefined(f"Field must have selections (field '{wanted.name}' returns {value['__typename']})")
        return select(value, wanted.fields)
    return value
