"""What a protocol hands back: a signature made, or an answer proven."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

__all__ = ["Proven", "Signed", "Signer", "looks_like_xml"]


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


def looks_like_xml(body: bytes) -> bool:
    """Whether a body begins as a document of fields does, and not as a file: a refusal comes in the place of one."""
    return body.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"<xml", b"<?xml"))
