"""The files of the console, with headers that keep the page from loading or running anything else."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from urllib.parse import parse_qs

from wechatpay_chain.display import qrcode
from wechatpay_chain.sandbox.answer import Answer

__all__ = ["answer"]

_PAGE = "/_/"
_FOLDER = "/_/console/"
_QR_CODE = f"{_FOLDER}qrcode.svg"
_TYPES: Mapping[str, str] = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_NAMES = frozenset(
    {
        *("page.html", "page.css", "icon.svg"),
        *("main.js", "control.js", "dom.js", "difference.js", "lists.js", "details.js", "forms.js", "settings.js"),
        *("languages.js", "messages.js"),
    }
)
# Nothing but the files beside this one, no inline script or style, no form that leaves, no frame around the page, and
# no text that becomes markup.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # A new version of the package serves from the same address.
    "Cache-Control": "no-cache",
}
_LONGEST_TEXT = 1024


def answer(method: str, target: str) -> Answer | None:
    """The answer to a request for one of the console's files, without a signature; None for any other path.

    ``/_/`` is the page, and ``/_/console/qrcode.svg?text=…`` a QR code of a text of at most 1,024 characters; 404
    says that the extra ``repl`` with segno is missing or the text makes no code.
    """
    path, _, query = target.partition("?")
    if path != _PAGE and not path.startswith(_FOLDER):
        return None
    if method not in ("GET", "HEAD"):
        return Answer(405, headers={**_HEADERS, "Allow": "GET, HEAD"}, is_signed=False)
    if path == _QR_CODE:
        return _file(_svg(query), "svg")
    name = "page.html" if path == _PAGE else path.removeprefix(_FOLDER)
    return _file(_read(name) if name in _NAMES else b"", name.rpartition(".")[2])


def _file(body: bytes, suffix: str) -> Answer:
    if not body:
        return Answer(404, headers=dict(_HEADERS), is_signed=False)
    return Answer(200, body, {**_HEADERS, "Content-Type": _TYPES[suffix]}, is_signed=False)


def _svg(query: str) -> bytes:
    text = parse_qs(query).get("text", [""])[-1]
    if not text or len(text) > _LONGEST_TEXT:
        return b""
    return qrcode.document(text)


@cache
def _read(name: str) -> bytes:
    return files(__package__).joinpath(name).read_bytes()
