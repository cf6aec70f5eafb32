"""Models of files: uploads, and descriptions of files."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from answerback.files import StoredFile

from ..route import Model
from .moments import Moment, moment

FileName = Annotated[str, StringConstraints(max_length=255)]


class UploadQuery(Model):
    """The name of an upload."""

    name: FileName = Field("", description="the file name; default: that of the form's field, or `file`")


class ThreadUploadQuery(UploadQuery):
    """The thread of an upload, and its name."""

    thread: Annotated[str, StringConstraints(min_length=1, max_length=64)] = Field(description="the thread's id")


class FileView(Model):
    """A file of a thread, without its content."""

    id: str = Field(description="name it in the `files` of a message")
    thread: str
    name: str
    content_type: str
    size: int = Field(description="bytes")
    created_at: Moment

    @classmethod
    def of(cls, thread: str, file: StoredFile) -> FileView:
        """Return the view of a file."""
        return cls(
            id=file.id,
            thread=thread,
            name=file.name,
            content_type=file.content_type,
            size=file.size,
            created_at=moment(file.at),
        )


class FileList(Model):
    """The files of a thread, oldest first."""

    files: list[FileView]
