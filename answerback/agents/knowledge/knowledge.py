"""`Agent(knowledge=…)`: a folder, documents, or a function that retrieves them from elsewhere."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

from answerback.agents.knowledge.chunks import chunks
from answerback.agents.knowledge.index import LexicalIndex
from answerback.errors import ConfigurationError, TurnFailed
from answerback.messages import Document

Retriever = Callable[[str, int], Awaitable[Sequence[Document]]]
"""Returns at most so many documents that match a query, the best first."""
Source = str | Path | Sequence[Document] | Retriever

SEARCH_KNOWLEDGE = "search_knowledge"
"""The name of the tool with which a model retrieves documents."""
MARKDOWN = frozenset({".md", ".markdown"})
SUFFIXES = MARKDOWN | {".txt"}
"""The files of a folder that are read."""
BYTES = 52_428_800
"""The most bytes that the files of a folder may have together."""
MOST = 20
"""The most documents that are retrieved at once."""
SHOWN = 8000
"""The most characters of a document's text that are passed on."""


class Knowledge:
    """What an agent may look up.

    Args:
        agent: The name of the agent, for messages.
        source: A folder or a file (.md, .txt), documents, or a retriever.

    Raises:
        ConfigurationError: The source cannot be used.
    """

    def __init__(self, agent: str, source: Source) -> None:
        self._agent = agent
        self._source = source
        self._retriever: Retriever | None = None
        if isinstance(source, str | Path):
            return
        if callable(source):
            # An object may be called as an async function.
            calls = (source, getattr(source, "__call__", None))  # noqa: B004
            if not any(map(inspect.iscoroutinefunction, calls)):
                raise ConfigurationError(
                    f'agent "{agent}": its retriever is not async. Declare it with `async def search(query, limit)`.'
                )
            self._retriever = source
        elif not isinstance(source, list | tuple) or not all(isinstance(each, Document) for each in source):
            raise ConfigurationError(
                f'agent "{agent}": knowledge must be a folder, a list of Document(source=…, text=…), or an async '
                f"function, not {source!r}"
            )

    def load(self) -> None:
        """Read and index the documents, once. Raises `ConfigurationError` for files that cannot be read."""
        if self._retriever is not None:
            return
        if isinstance(self._source, str | Path):
            pieces = [
                piece
                for file, document in self._files(Path(self._source))
                for piece in chunks(document, markdown=file.suffix.lower() in MARKDOWN)
            ]
        else:
            assert not callable(self._source)
            pieces = [piece for document in self._source for piece in chunks(document, markdown=True)]
        if not pieces:
            raise ConfigurationError(f'agent "{self._agent}": its knowledge has no text: {self._source!r}')
        index = LexicalIndex(pieces)

        async def search(query: str, limit: int) -> Sequence[Document]:
            return await asyncio.to_thread(index.search, query, limit)

        self._retriever = search

    async def retrieve(self, query: str, limit: int) -> tuple[Document, ...]:
        """Return the documents that match a query best. Raises `TurnFailed` if the retriever returns anything else."""
        self.load()
        assert self._retriever is not None
        limit = max(1, min(limit, MOST))
        documents = await self._retriever(query, limit)
        for document in documents:
            if not isinstance(document, Document):
                raise TurnFailed(
                    f'the retriever of agent "{self._agent}" must return a list of Document(source=…, text=…), not '
                    f"{document!r}"
                )
        return tuple(
            Document(source=document.source, text=document.text[:SHOWN], score=float(document.score))
            for document in documents[:limit]
        )

    def _files(self, root: Path) -> Iterator[tuple[Path, Document]]:
        """Yield the files of a folder that can be read as text, by name, without hidden ones."""
        place = f'agent "{self._agent}": its knowledge, {root.resolve()},'
        if not root.exists():
            raise ConfigurationError(f"{place} does not exist")
        folder = root if root.is_dir() else root.parent
        files = sorted(root.rglob("*")) if root.is_dir() else [root]
        size = 0
        for file in files:
            name = file.relative_to(folder)
            hidden = any(part.startswith(".") for part in name.parts)
            if hidden or file.suffix.lower() not in SUFFIXES or not file.is_file():
                continue
            size += file.stat().st_size
            if size > BYTES:
                raise ConfigurationError(f"{place} has more than {BYTES} bytes: use a retriever, knowledge=search")
            try:
                text = file.read_text(encoding="utf-8-sig")
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigurationError(f"{place} has a file that cannot be read: {name}: {error}") from None
            yield file, Document(source=name.as_posix(), text=text)
        if not size:
            raise ConfigurationError(f"{place} has no text in files ending in {', '.join(sorted(SUFFIXES))}")
