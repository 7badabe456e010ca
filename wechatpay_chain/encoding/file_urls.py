"""``file://`` URLs as paths, by one rule for keys and uploads."""

from __future__ import annotations

import re
from urllib.parse import unquote

__all__ = ["is_file_url", "path_of"]

_SCHEME = "file://"
# RFC 8089, appendix E.2: file:///C:/key.pem, and older file:///C|/key.pem, name a drive.
_DRIVE = re.compile(r"/*([A-Za-z])[:|](?=[/\\]|$)")


def is_file_url(text: str) -> bool:
    """Whether text is a ``file://`` URL, the scheme in any case."""
    return text[: len(_SCHEME)].lower() == _SCHEME


def path_of(text: str) -> str:
    """The path that a ``file://`` URL names, percent-decoded, with its drive; other text as it is.

    Source: https://www.rfc-editor.org/rfc/rfc8089
    """
    if not is_file_url(text):
        return text
    path = unquote(text[len(_SCHEME) :])
    if path.startswith("localhost/"):
        path = path.removeprefix("localhost")
    return _DRIVE.sub(r"\1:", path, count=1) if _DRIVE.match(path) else path
