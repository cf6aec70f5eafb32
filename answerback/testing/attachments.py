"""Files of a message."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from answerback.messages import Attachment


def attachment(path: str | Path) -> Attachment:
    """Return a file as the attachment of a message. Text and JSON are its `text`, anything else its `data`."""
    file = Path(path)
    content_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    if content_type.startswith("text/") or content_type == "application/json":
        return Attachment(name=file.name, content_type=content_type, text=file.read_text())
    return Attachment(name=file.name, content_type=content_type, data=file.read_bytes())
