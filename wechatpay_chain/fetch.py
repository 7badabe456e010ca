"""What a download starts from: an answer that names files, a URL, or an answer that is the file itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from wechatpay_chain.errors import ChainError
from wechatpay_chain.protocol.files import NamedFile, asks_gzip, files_in
from wechatpay_chain.response import Response
from wechatpay_chain.transport.download import Source

__all__ = ["Opening", "sources"]

Opening: TypeAlias = "Callable[[], Response]"


def sources(source: Any, opening: Callable[[NamedFile], Opening], progress: Any = None) -> list[Source]:
    """The files of a download; ``opening`` makes of each the function that asks for it.

    Raises what would be wrong with it before anything is sent: ChainError, IntegrityError, ConfigError.
    """
    if progress is not None and not callable(progress):
        raise ChainError(f"progress: expected a function, found {type(progress).__name__}; nothing was sent")
    if not isinstance(source, Response):
        return [Source(file, opening(file)) for file in files_in(source)]
    if source.status_code is not None and source.status_code >= 300:
        raise ChainError(f"download: the answer is a refusal ({source.status_code}); nothing was sent")
    request: Any = source.request
    target, body = ("", None) if request is None else (request.path_url, request.body)
    is_gzip = asks_gzip(target.partition("?")[2], body if isinstance(body, bytes) else None)
    if _is_json(source):
        return [Source(file, opening(file)) for file in files_in(source.data, is_gzip)]
    return [Source(NamedFile("", is_gzip=is_gzip), lambda: source)]


def _is_json(answer: Response) -> bool:
    """Whether an answer names files; one that streams is a file, and to look into it would be to read it."""
    if not answer._content_consumed:  # type: ignore[attr-defined]
        return False
    if isinstance(answer._content, bool):
        raise ChainError("download: the answer streamed, and was read already; ask for it again")
    return isinstance(answer.data, Mapping)
