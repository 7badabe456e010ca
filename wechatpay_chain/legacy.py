"""APIv2 calls: which options carry the payload, and how it becomes XML or a query once it is signed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from wechatpay_chain import query, words
from wechatpay_chain.errors import ChainError
from wechatpay_chain.options import Face, mapping, read_flag

if TYPE_CHECKING:
    from wechatpay_chain.protocol.v2 import APIv2

__all__ = ["CONTENT_TYPE", "OPTIONS", "Payload"]

CONTENT_TYPE = "text/xml; charset=utf-8"
# Options that mean nothing in APIv3.
OPTIONS = ("xml", "nonceless", "security")
_BODIES = ("xml", "json", "data")
_FORMS = ("form", "multipart", "files", "meta")


class Payload(NamedTuple):
    """The fields of one call, unsigned; ``security`` asks for the merchant's TLS certificate."""

    fields: Mapping[str, Any]
    nonceless: bool = False
    security: bool = False

    def __repr__(self) -> str:
        return f"<Payload of {len(self.fields)} fields>"

    @classmethod
    def of(cls, method: str, options: Mapping[str, Any], face: Face) -> Payload:
        """The payload among the options; ChainError for a body that is no mapping, or two of them."""
        names = ("params",) if method == "GET" else _BODIES
        form = next((name for name in _FORMS if options.get(name) is not None), None)
        if form is not None:
            raise ChainError(f"{face.typed(form)}: APIv2 takes its fields as xml; nothing was sent")
        lost = next((name for name in _BODIES if method == "GET" and options.get(name) is not None), None)
        if lost is not None:
            raise ChainError(f"{lost}: get signs its query and sends no body; nothing was sent")
        given = {name: options[name] for name in names if options.get(name) is not None}
        if len(given) > 1:
            raise ChainError(f"{' and '.join(given)} are two bodies; pass one; nothing was sent")
        name, fields = next(iter(given.items()), (names[0], {}))
        return cls(
            fields=mapping(fields, face.typed(name)),
            nonceless=read_flag(options.get("nonceless"), "nonceless"),
            security=read_flag(options.get("security"), "security"),
        )

    def signed(self, method: str, protocol: APIv2, face: Face) -> tuple[bytes | None, str]:
        """Body and query of the call, signed by ``protocol``."""
        if method == "GET":
            fields = protocol.signed(_flat(self.fields, face), self.nonceless, face.xml_style)
            # Every SDK spells this query as forms do, colons encoded; only a space stays %20.
            return None, words.escape(query.build(fields, face.query_style._replace(safe="*")))
        fields = protocol.signed(self.fields, self.nonceless, face.xml_style)
        from wechatpay_chain.protocol.xml import to_xml

        return to_xml(fields, style=face.xml_style).encode("utf-8"), ""


def _flat(fields: Mapping[str, Any], face: Face) -> dict[str, str]:
    """The fields of a query as the texts that are sent, so that these are what is signed."""
    flat: dict[str, str] = {}
    for name, text in query.pairs(fields, face.query_style):
        if name in flat:
            raise ChainError(f"{name}: a list cannot be signed in a query; nothing was sent")
        flat[name] = text
    return flat
