"""What the transport asks of APIv2 and APIv3: sign a request, verify an answer."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

__all__ = ["Signature", "Signer", "VerifyResult", "is_file", "looks_like_xml", "strip_blanks"]

_BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"
_GZIP_BITS = 31
# As much of a gzip file is looked at; what WeChat Pay refuses with is far shorter.
_LOOK = 1 << 16


class Signature(NamedTuple):
    """One signature: the Authorization header's value, empty where there is none, and the bytes it covers."""

    authorization: str
    message: bytes


class VerifyResult(NamedTuple):
    """Whether an answer's signature held, and its content where the protocol has read it already."""

    verified: bool
    data: Any = None


class Signer(Protocol):
    """APIv2 or APIv3; ``refuses_in_body`` says that a refusal may come in the place of a file, with status 200."""

    refuses_in_body: bool

    def sign(self, method: str, target: str, body: bytes) -> Signature:
        """The signature of one attempt."""
        ...

    def is_unsigned(self, method: str, path: str) -> bool:
        """Whether the answer may be streamed, since nothing signs it."""
        ...

    def verify_digest(self, target: str, headers: Mapping[str, str]) -> bool:
        """Whether the signature covers a digest of the body, and holds; raises VerificationError when it does not."""
        ...

    def verify_answer(
        self, method: str, path: str, target: str, status: int, headers: Mapping[str, str], body: bytes
    ) -> VerifyResult:
        """Verify one answer; raises VerificationError or BusinessError for one that must not be handed over."""
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
