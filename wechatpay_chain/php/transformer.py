"""``Transformer`` of wechatpay-php: APIv2's XML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wechatpay_chain.encoding.style import PHP
from wechatpay_chain.errors import ChainError
from wechatpay_chain.protocol.xml import from_xml, sanitize, to_xml

__all__ = ["Transformer"]

# Byte for byte what PHP writes; on the wire a carriage return in CDATA is kept from becoming a line feed.
_STYLE = PHP._replace(splits_returns=False)


class Transformer:
    """XML to dict and back."""

    @staticmethod
    def toArray(xml: str | bytes = "<xml/>") -> dict[str, Any]:
        """What the root element holds, as PHP's SimpleXML sees it, comments included.

        An empty text is an empty dict. Where PHP warns and gives an empty array, and for bytes that are no UTF-8
        and any DOCTYPE, this raises XMLError.
        """
        return from_xml(xml, comments=True) if xml else {}

    @staticmethod
    def toXml(
        data: Mapping[Any, Any] | Sequence[Any],
        headless: bool = True,
        indent: bool = False,
        root: str = "xml",
        item: str = "item",
    ) -> str:
        """The fields as XML; with its declaration when not ``headless``, one element a line with ``indent``."""
        return to_xml(data, root, item=item, style=_STYLE, indent=indent, declaration=not headless)

    @staticmethod
    def sanitize(xml: str | bytes) -> str:
        """The text without the characters that XML cannot hold; nothing of bytes that are no UTF-8."""
        if not isinstance(xml, str | bytes):
            raise ChainError(f"xml: expected text or bytes, found {type(xml).__name__}")
        try:
            return sanitize(xml if isinstance(xml, str) else xml.decode("utf-8"))
        except UnicodeDecodeError:
            return ""
