"""Why a path is not there: what a caller may have meant, for the header ``Sandbox-Hint`` of 404 and 405.

WeChat Pay's own answer to them has no body (measured), so a header is the only place for it.
"""

from __future__ import annotations

import difflib
from functools import cache

from wechatpay_chain.catalog import tree
from wechatpay_chain.catalog.facts import is_legacy, operations

__all__ = ["HINT", "explain_absence"]

HINT = "Sandbox-Hint"
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# What stands before a path by mistake: the version where the path has it already, or a word of a chain.
_PREFIXES = ("/v3", "/v2", "/v3/v2", "/v3/v3", "/api")
_HOSTS = ("/https://", "/http://")


def explain_absence(method: str, path: str) -> str:
    """What is known of a path (without its query) that this method does not have, in one line of ASCII."""
    methods = [other for other in _METHODS if other != method and _is_known(other, path)]
    if methods:
        return f"{_ascii(path)} takes {', '.join(methods)}, not {_ascii(method)}"
    meant = _meant(method, path)
    if meant:
        version = "an APIv2 path, which takes XML" if is_legacy(meant) else "an APIv3 path, which takes JSON"
        return f"no such path; {_ascii(meant)} is {version}"
    near = difflib.get_close_matches(path, _paths(), n=3, cutoff=0.8)
    told = f"; near it: {', '.join(map(_ascii, near))}" if near else ""
    return f"no operation {_ascii(method)} {_ascii(path)[:200]} is known{told}"


def _is_known(method: str, path: str) -> bool:
    return tree.match(method, f"v2{path}" if is_legacy(path) else path) is not None


def _meant(method: str, path: str) -> str:
    candidates = [
        f"/{path.lstrip('/')}",
        f"/v3{path}",
        f"/v3/{path.strip('/')}",
        path.rstrip("/"),
        f"{path}/",
        path.lower(),
    ]
    candidates += [path.removeprefix(prefix) for prefix in _PREFIXES if path.startswith(f"{prefix}/")]
    candidates += ["/" + path.removeprefix(start).partition("/")[2] for start in _HOSTS if path.startswith(start)]
    return next((each for each in candidates if each != path and each.startswith("/") and _is_known(method, each)), "")


@cache
def _paths() -> tuple[str, ...]:
    return tuple(each.path for each in operations())


def _ascii(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode("ascii")
