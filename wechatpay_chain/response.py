"""The answer: a requests.Response that also reads as the JS documentation reads it."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, NoReturn, TypeAlias

import requests
from requests.structures import CaseInsensitiveDict

__all__ = [
    "RESPONSE_TYPES",
    "BodyState",
    "HeaderFields",
    "Response",
    "keep_body",
    "mark_streamed",
    "parse_json",
]


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text; ValueError also for NaN, Infinity and 1E400, which Python's own reader takes.

    Source: https://www.rfc-editor.org/rfc/rfc8259#section-6
    """
    if isinstance(text, bytes):
        if text[:1] not in _PLAIN_STARTS or b"\0" in text[:4]:  # json tells other encodings by their first bytes
            return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
        text = text.decode("utf-8")
        # Most often nothing is around the value: then it need not be looked for.
        value, end = _DECODER.raw_decode(text)
        if end == len(text):
            return value
    return _DECODER.decode(text)


def _refuse_constant(text: str) -> NoReturn:
    raise json.JSONDecodeError("no number of JSON", text, 0)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise json.JSONDecodeError("a number beyond all numbers", text, 0)
    return value


# Made once: json.loads makes a decoder for each text that has rules of its own.
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)
_PLAIN_STARTS = (b"{", b"[")


class HeaderFields(CaseInsensitiveDict[str]):
    """A ``CaseInsensitiveDict`` of header fields, with a dictionary of its own behind the same methods.

    What every call does to two of them costs a fifth of what ``MutableMapping`` does for it.
    """

    # By the name in lower case: the name as it was written, and the value.
    _fields: dict[str, tuple[str, str]]

    def __init__(self, data: Mapping[str, str] | Iterable[tuple[str, str]] = (), **more: str) -> None:
        pairs = data.items() if isinstance(data, Mapping) else data
        self._fields = {name.lower(): (name, value) for name, value in (*pairs, *more.items())}

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> HeaderFields:
        """The fields in ``pairs``; the values of a name that comes again are joined with a comma, as RFC 9110 says."""
        made = cls()
        fields = made._fields
        for name, value in pairs:
            key = name.lower()
            known = fields.get(key)
            fields[key] = (name, value) if known is None else (known[0], f"{known[1]}, {value}")
        return made

    @classmethod
    def of_lower(cls, fields: dict[str, tuple[str, str]]) -> HeaderFields:
        """The fields by their names in lower case, each with the name as it was written."""
        made = cls()
        made._fields = fields
        return made

    def plain(self) -> dict[str, str]:
        """The names as they were written, and their values."""
        return dict(self._fields.values())

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a field, ``default`` where there is none."""
        found = self._fields.get(name.lower())
        return default if found is None else found[1]

    def lower_items(self) -> Iterator[tuple[str, str]]:
        """As ``items``, with the names in lower case."""
        return ((name, value) for name, (_, value) in self._fields.items())

    def copy(self) -> HeaderFields:
        """Another one with the same fields."""
        return HeaderFields(self._fields.values())

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower()][1]

    def __setitem__(self, name: str, value: str) -> None:
        self._fields[name.lower()] = (name, value)

    def __delitem__(self, name: str) -> None:
        del self._fields[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._fields.values())

    def __len__(self) -> int:
        return len(self._fields)


# Whether a body may still stream, is in memory, or went past without being kept.
BodyState: TypeAlias = Literal["unread", "kept", "streamed"]

# What axios may be asked for as .data: https://axios-http.com/docs/req_config
RESPONSE_TYPES = ("json", "text", "arraybuffer", "blob", "document", "stream")


class Response(requests.Response):
    """An answer of WeChat Pay.

    ``verified`` tells whether its signature was checked and held; it is False only on paths that WeChat
    Pay does not sign, and inside errors. It prints as its status and its body, of which a long one is cut, and a
    stream is never read for it. Everything of ``requests.Response`` is there too.
    """

    __attrs__ = [*requests.Response.__attrs__, "parsed", "response_type", "verified"]  # noqa: RUF012  # as in requests; what is pickled

    verified: bool = False
    parsed: Any = None
    response_type: str = ""

    def iter_content(self, chunk_size: int | None = 1, decode_unicode: bool = False) -> Iterator[Any]:
        """The body in pieces, as requests gives it.

        ChunkedEncodingError for a chunk of a negative size too, of which urllib3 makes a ValueError.
        """
        return _as_requests_raises(super().iter_content(chunk_size, decode_unicode))

    @property
    def status(self) -> int:
        """The HTTP status, as axios names it."""
        return self.status_code

    @property
    def data(self) -> Any:
        """The body: parsed when it is JSON or APIv2's XML, None when empty, else text, or bytes that are no UTF-8.

        ``responseType`` asks for another form: ``text``, bytes (``arraybuffer``, ``blob``), or a binary file
        (``stream``).
        """
        if self.response_type in _FORMS:
            return _FORMS[self.response_type](self)
        if self.parsed is not None:
            return self.parsed
        content = self.content
        if not content:
            return None
        try:
            return parse_json(content)
        except (ValueError, RecursionError):
            pass
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            return content

    def json(self, **options: Any) -> Any:
        """The parsed body, as requests has it; its JSONDecodeError also for NaN, Infinity and 1E400."""
        return super().json(**{"parse_constant": _refuse_constant, "parse_float": _finite, **options})

    @property
    def body_state(self) -> BodyState:
        """Where the body is: ``unread`` and perhaps still on its way, ``kept`` in memory, or ``streamed`` past."""
        known = vars(self)  # requests has no public name for it
        if known.get("_content", False) is not False:
            return "kept"
        return "streamed" if known.get("_content_consumed") else "unread"

    @property
    def request_id(self) -> str:
        """WeChat Pay's id of this request, to be quoted to its support; empty when the answer has none."""
        return str(self.headers.get("Request-ID", "")).rstrip(" \t")

    # A program that only sends never loads how answers look.
    def __repr__(self) -> str:
        from wechatpay_chain.display import rendering

        return rendering.text(self)

    def _repr_html_(self) -> str:
        from wechatpay_chain.display import rendering

        return rendering.html(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        from wechatpay_chain.display import rendering, terminal

        # IPython has on its stack what it is in the middle of printing: a list of answers should stay a list.
        nested = len(getattr(printer, "stack", ())) > 1
        printer.text(rendering.brief(self) if nested else terminal.display(self, terminal.here()))


def _as_requests_raises(pieces: Iterable[Any]) -> Iterator[Any]:
    try:
        yield from pieces
    except requests.RequestException:
        raise
    except ValueError as error:
        raise requests.exceptions.ChunkedEncodingError(error) from error


def keep_body(answer: Response, body: bytes) -> None:
    """Make ``body`` the content of an answer, as if requests had read it from the connection."""
    raw, answer.raw = answer.raw, io.BytesIO(body)
    _ = answer.content
    answer.raw = raw


def mark_streamed(answer: Response) -> None:
    """Let ``content`` refuse, as it does after a stream: the body was read elsewhere, or is not to be read."""
    raw, answer.raw = answer.raw, io.BytesIO()
    for _ in answer.iter_content():
        pass
    answer.raw = raw


def _file(answer: Response) -> Any:
    """The body as a binary file: what is still to come of it when it streams."""
    return answer.raw if answer.body_state == "unread" else io.BytesIO(answer.content)


_FORMS: dict[str, Callable[[Response], Any]] = {
    "text": lambda answer: answer.content.decode("utf-8", "replace"),
    "document": lambda answer: answer.content.decode("utf-8", "replace"),
    "arraybuffer": lambda answer: answer.content,
    "blob": lambda answer: answer.content,
    "stream": _file,
}
