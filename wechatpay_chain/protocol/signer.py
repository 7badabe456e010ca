"""What a protocol hands back: a signature made, or an answer proven."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

__all__ = ["Proven", "Signed", "Signer", "is_file", "looks_like_xml", "strip_blanks"]

_BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"
_GZIP_BITS = 31
# As much of a gzip file is looked at; what WeChat Pay refuses with is far shorter.
_LOOK = 1 << 16


class Signed(NamedTuple):
    """One signature: the Authorization header's value, empty where there is none, and the bytes it covers."""

    authorization: str
    message: bytes


class Proven(NamedTuple):
    """Whether an answer's signature held, and its content where the protocol has read it already."""

    verified: bool
    data: Any = None


class Signer(Protocol):
    """A protocol as the transport sees it; ``refuses_in_body``: a refusal comes where else a file would."""

    refuses_in_body: bool

    def sign(self, method: str, target: str, body: bytes) -> Signed:
        """The signature of one attempt."""
        ...

    def is_unsigned(self, method: str, path: str) -> bool:
        """Whether the answer may be streamed, since nothing signs it."""
        ...

    def prove_digest(self, target: str, headers: Mapping[str, str]) -> bool:
        """Whether the signature covers a digest of the body, and holds; raises VerificationError when it does not."""
        ...

    def prove(
        self, method: str, path: str, target: str, status: int, headers: Mapping[str, str], body: bytes
    ) -> Proven:
        """Raise VerificationError or BusinessError for an answer that must not be handed over."""
        ...


def strip_blanks(body: bytes) -> bytes:
    """A body without the byte order mark and the blanks before it; of a gzip file the first 64 KiB inside."""
    if body.startswith(_GZIP):
        with contextlib.suppress(zlib.error):  # whoever reads the file tells that it is damaged
            body = zlib.decompressobj(_GZIP_BITS).decompress(body, _LOOK)
    return body.removeprefix(_BOM).lstrip()


def is_file(body: bytes) -> bool:
    """Whether a body can be a file of rows: in the place of one a refusal comes as XML, a fault as HTML or nothing."""
    text = strip_blanks(body)
    return bool(text) and not text.startswith(b"<")


def looks_like_xml(body: bytes) -> bool:
    """Whether a body begins as a document of fields does."""
    return strip_blanks(body).startswith((b"<xml", b"<?xml"))
