"""APIv2 calls: which options carry the payload, and how it becomes XML, a query or a form once it is signed."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from wechatpay_chain.crypto.digest import digest
from wechatpay_chain.encoding import json_text, paths, query
from wechatpay_chain.encoding.scalars import spell
from wechatpay_chain.errors import ChainError
from wechatpay_chain.request.options import Face, mapping, read_flag
from wechatpay_chain.transport.media import file_parts
from wechatpay_chain.transport.multipart import File, Multipart, Part

if TYPE_CHECKING:
    from wechatpay_chain.protocol.v2 import APIv2

__all__ = ["Payload"]

_BODIES = ("xml", "json", "data", "multipart")
_FORMS = ("form", "meta")


class Payload(NamedTuple):
    """The fields of one call, unsigned, and the ``files`` that go with them as a form.

    ``security`` asks for the merchant's TLS certificate.
    """

    fields: Mapping[str, Any]
    nonceless: bool = False
    security: bool = False
    files: tuple[Part, ...] = ()

    def __repr__(self) -> str:
        return f"<Payload of {len(self.fields)} fields>"

    @classmethod
    def of(cls, method: str, options: Mapping[str, Any], face: Face) -> Payload:
        """The payload among the options; ChainError for a body that is no mapping, or two of them.

        Of a form whose parts are given, those that are no files are the fields.
        """
        names = ("params",) if method == "GET" else _BODIES
        form = next((name for name in _FORMS if options.get(name) is not None), None)
        if form is not None:
            raise ChainError(f"{face.typed_name(form)}: APIv2 takes its fields as xml; nothing was sent")
        lost = next((name for name in (*_BODIES, "files") if method == "GET" and options.get(name) is not None), None)
        if lost is not None:
            raise ChainError(f"{lost}: get signs its query and sends no body; nothing was sent")
        given = {name: options[name] for name in names if options.get(name) is not None}
        if len(given) > 1:
            raise ChainError(f"{' and '.join(given)} are two bodies; pass one; nothing was sent")
        name, fields = next(iter(given.items()), (names[0], {}))
        files = [] if options.get("files") is None else file_parts(options["files"])
        if isinstance(fields, Multipart):
            fields, files = _split_form(fields)
        named = mapping(fields, face.typed_name(name))
        return cls(
            fields=named if method == "GET" else _with_texts(named, face),
            nonceless=read_flag(options.get("nonceless"), "nonceless"),
            security=read_flag(options.get("security"), "security"),
            files=tuple(files),
        )

    def sign(self, method: str, protocol: APIv2, face: Face) -> tuple[bytes | Multipart | None, str]:
        """Body and query of the call, signed by ``protocol``; ChainError for a file that cannot be read."""
        if self.files:
            return self._form(protocol, face), ""
        if method == "GET":
            fields = protocol.sign_fields(_flatten(self.fields, face), self.nonceless, face.style)
            # Every SDK spells this query as forms do, colons encoded; only a space stays %20.
            return None, paths.escape(query.build(fields, face.style._replace(safe="*")))
        fields = protocol.sign_fields(self.fields, self.nonceless, face.style)
        from wechatpay_chain.protocol.xml import to_xml

        return to_xml(fields, style=face.style, strict=True).encode("utf-8"), ""

    def _form(self, protocol: APIv2, face: Face) -> Multipart:
        """The fields before the files; what is signed of a file is its MD5, beside it.

        Source: https://pay.weixin.qq.com/wiki/doc/api/xiaowei.php?chapter=19_9, which has no nonce_str.
        """
        fields = {"sign_type": "MD5", **{name: value for name, value in self.fields.items() if value is not None}}
        for file in self.files:
            if f"{file.name}_hash" not in fields:
                fields[f"{file.name}_hash"] = _md5(file.content)
        signed = protocol.sign_fields(fields, nonceless=True, style=face.style)
        texts = {name: spell(value, name, face.style).encode("utf-8") for name, value in signed.items()}
        return Multipart([*(Part(name, text) for name, text in texts.items()), *self.files])


def _with_texts(fields: Mapping[str, Any], face: Face) -> Mapping[str, Any]:
    """The fields, those that hold structures as JSON text: WeChat Pay takes no elements there, and that is signed."""
    return {key: json_text.field_text(value, str(key), face.style) for key, value in fields.items()}


def _split_form(form: Multipart) -> tuple[dict[str, str], list[Part]]:
    """The fields of a form that is given by its parts, and its files."""
    fields: dict[str, str] = {}
    files = []
    for part in form.parts:
        if part.filename or isinstance(part.content, File):
            files.append(part)
        elif part.name in fields:
            raise ChainError(f"multipart: {part.name[:40]} is there twice; a field is signed once; nothing was sent")
        else:
            fields[part.name] = _decode_field(part.name, part.content)
    if not files:
        raise ChainError("multipart: no file is in it; APIv2 takes its fields as xml; nothing was sent")
    return fields, files


def _decode_field(name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise ChainError(f"multipart: {name[:40]} is no UTF-8 text, and has no filename; nothing was sent") from None


def _md5(content: bytes | File) -> str:
    with content.open() if isinstance(content, File) else io.BytesIO(content) as reader:
        return digest(reader, "md5")


def _flatten(fields: Mapping[str, Any], face: Face) -> dict[str, str]:
    """The fields of a query as the texts that are sent, so that these are what is signed."""
    flat: dict[str, str] = {}
    for name, text in query.pairs(fields, face.style):
        if name in flat:
            raise ChainError(f"{name}: a list cannot be signed in a query; nothing was sent")
        flat[name] = text
    return flat
