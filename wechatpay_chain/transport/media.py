"""Files for WeChat Pay: what is signed of an upload is its ``meta``, and the file is streamed behind it.

Source: https://pay.weixin.qq.com/doc/v3/partner/4012760490
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from wechatpay_chain.crypto.digest import FILE_DIGESTS, digest
from wechatpay_chain.encoding.scalars import spell
from wechatpay_chain.errors import ChainError
from wechatpay_chain.transport.multipart import File, Multipart, Part, Source

__all__ = ["Media", "build_form", "file_parts", "parts"]

_JSON = {"Content-Type": "application/json"}
# Who names an algorithm wants its digest: https://pay.weixin.qq.com/doc/v3/partner/4015792580 (so spelled there).
_ALGORITHM_NAMES = ("digest_algorithm", "digest_alogrithm")
# A field of the meta that is named after one holds it.
_ALGORITHMS = (*(name.lower() for name in FILE_DIGESTS), "md5")


class Media:
    """A file to upload, and the ``meta`` that goes before it and is signed.

    ``Media("logo.png")`` has the meta ``{"filename", "sha256"}``. Fields that are given stand in its place in
    their order; ``...`` as a value is filled in: ``filename`` with the file's name, any other field with the
    digest, made as ``digest_algorithm`` says (``SM3``), or as the field is named (``sha256``), else by SHA-256.
    An algorithm without a ``digest`` gets one. The file is a path, a ``file://`` URL, a binary file from where
    it stands, bytes, or a file that a web framework received, with its own name and type; it is read once for the
    digest and once while it is sent, at each call.
    """

    def __init__(self, file: Source, /, **meta: Any) -> None:
        self.file = File(file)
        self._given = meta

    @property
    def filename(self) -> str:
        """The name under which the file is sent: that of the meta, else its own; ChainError when there is none."""
        given = self._given.get("filename", ...)
        name = self.file.name if given is ... else given
        if isinstance(name, str) and name:
            return name
        raise ChainError("media: the file has no name; pass filename='logo.png'; nothing was sent")

    def meta(self) -> str:
        """The JSON text that is sent and signed; reads the file."""
        return _describe(self.file, self.filename, self._given)

    def form(self) -> Multipart:
        """The form of one call; reads the file for its digest."""
        return Multipart(parts(self.meta(), self.file, self.filename))

    def with_meta(self, meta: Mapping[str, Any]) -> Media:
        """The same file with other meta."""
        other = copy.copy(self)
        other._given = dict(meta)
        return other

    def __repr__(self) -> str:
        return f"<Media {self.file.name or 'without a name'}>"


def parts(meta: str, file: File, filename: str) -> tuple[Part, Part]:
    """The two parts of an upload, as wechatpay-php writes them."""
    try:
        text = meta.encode("utf-8")
    except UnicodeEncodeError:
        raise ChainError("meta: text that UTF-8 cannot hold; nothing was sent") from None
    return Part("meta", text, headers=_JSON, tells_length=False), Part("file", file, filename)


def build_form(files: object, fields: object = None) -> Multipart:
    """The form of ``files`` and other ``fields``, both as requests takes them; ``meta`` may be a mapping.

    A ``meta`` that is left out, or a mapping, is made as ``Media`` does for the first file. Raises ChainError
    that names what is wrong.
    """
    sent = file_parts(files)
    data = dict(_pairs({} if fields is None else fields, "data"))
    meta = data.pop("meta", {})
    if not isinstance(meta, str | Mapping):
        raise ChainError(f"data.meta: expected a mapping or JSON text, found {type(meta).__name__}; nothing was sent")
    text = meta if isinstance(meta, str) else _describe(sent[0].content, sent[0].filename, meta)
    texts = [Part(name, spell(value, f"data.{name}").encode("utf-8")) for name, value in data.items()]
    return Multipart([Part("meta", text.encode("utf-8"), headers=_JSON), *texts, *sent])


def file_parts(files: object) -> list[Part]:
    """The parts of ``files``, a mapping or pairs, at least one; ChainError names what is wrong.

    A file is given by its name in the form, as a source of ``Media``, ``(filename, source)`` or ``(filename,
    source, content type)``.
    """
    sent = [_file_part(name, given) for name, given in _pairs(files, "files")]
    if not sent:
        raise ChainError("files: empty; nothing was sent")
    return sent


def _pairs(given: object, field: str) -> list[tuple[str, Any]]:
    pairs = list(given.items()) if isinstance(given, Mapping) else given
    if isinstance(pairs, list | tuple) and all(map(_is_pair, pairs)):
        return [(name, value) for name, value in pairs]
    raise ChainError(f"{field}: expected a mapping with text for names, found {type(given).__name__}; nothing was sent")


def _is_pair(thing: object) -> bool:
    return isinstance(thing, list | tuple) and len(thing) == 2 and isinstance(thing[0], str) and bool(thing[0])


def _file_part(name: str, given: Any) -> Part:
    filename, source, *kind = given if isinstance(given, tuple) and len(given) in (2, 3) else ("", given)
    file = source.file if isinstance(source, Media) else File(source, f"files.{name}")
    filename = filename or file.name
    if not isinstance(filename, str) or not filename or not all(isinstance(each, str) for each in kind):
        raise ChainError(f"files.{name}: the file has no name; pass ('logo.png', file); nothing was sent")
    return Part(name, file, filename, {"Content-Type": kind[0]} if kind else {})


def _describe(file: Any, filename: str, given: Mapping[str, Any]) -> str:
    """The meta of a file as JSON text, with what ``Media`` fills in."""
    fields = dict(given)
    algorithm = next((str(fields[name]) for name in _ALGORITHM_NAMES if name in fields), "")
    if not fields.keys() - {"filename"}:
        fields = {"filename": ..., "sha256": ...} | fields
    elif algorithm:
        fields.setdefault("digest", ...)
    for name, value in fields.items():
        if value is ...:
            fields[name] = filename if name == "filename" else _digest(file, name, algorithm)
    try:
        text = json.dumps(fields, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        text.encode("utf-8")
        return text
    except (TypeError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
    raise ChainError(f"meta: no JSON ({reason}); nothing was sent")


def _digest(file: File, name: str, algorithm: str) -> str:
    own = next((each for each in _ALGORITHMS if each in name.lower()), "sha256")
    # DIGEST_ALGORITHM_SM3 is how one API spells it.
    algorithm = algorithm.lower().removeprefix("digest_algorithm_") or own
    with file.open() as reader:
        try:
            return digest(reader, algorithm)
        except ChainError as error:
            reason = str(error)
    raise ChainError(f"meta: {reason}; nothing was sent")
