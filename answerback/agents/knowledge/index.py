"""A lexical index in memory: SQLite's full-text search, which ranks with BM25 (https://sqlite.org/fts5.html).

SQLite comes with Python, and is kept by people who test it more than we could: no other library is needed.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable
from threading import Lock

from answerback.errors import ConfigurationError
from answerback.messages import Document

WORDS = 64
"""The most words of a query that are looked for."""
TITLE = 2.0
"""How much more a word counts in the source of a document than in its text."""


class LexicalIndex:
    """Documents that are found by the words they contain, whatever their forms, cases and accents.

    Args:
        documents: What is found, in pieces that can be read by themselves.

    Raises:
        ConfigurationError: This Python's SQLite has no full-text search.
    """

    def __init__(self, documents: Iterable[Document]) -> None:
        self._documents = tuple(documents)
        self._lock = Lock()
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        try:
            self._database.execute(
                "CREATE VIRTUAL TABLE documents USING "
                "fts5(source, text, content='', tokenize='porter unicode61 remove_diacritics 2')"
            )
        except sqlite3.OperationalError as error:
            raise ConfigurationError(
                f"knowledge needs SQLite with FTS5, which this Python lacks ({error}): use another build of Python, or "
                "give a retriever: knowledge=search"
            ) from None
        rows = ((number, document.source, document.text) for number, document in enumerate(self._documents))
        self._database.executemany("INSERT INTO documents (rowid, source, text) VALUES (?, ?, ?)", rows)

    def __len__(self) -> int:
        return len(self._documents)

    def search(self, query: str, limit: int) -> list[Document]:
        """Return the documents that match best, each with its score; higher is better."""
        words = re.findall(r"\w+", query)[:WORDS]
        if not words:
            return []
        # As phrases: nothing in a query is an operator.
        wanted = " OR ".join(f'"{word}"' for word in words)
        with self._lock:
            rows = self._database.execute(
                f"SELECT rowid, bm25(documents, {TITLE}, 1.0) AS rank FROM documents WHERE documents MATCH ? "
                "ORDER BY rank, rowid LIMIT ?",
                (wanted, limit),
            ).fetchall()
        return [
            Document(source=document.source, text=document.text, score=round(-rank, 4))
            for document, rank in ((self._documents[number], rank) for number, rank in rows)
        ]
