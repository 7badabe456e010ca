"""The operations as they are shipped: an index that is read whole, and details that are read by the shelf."""

from __future__ import annotations

import json
import logging
import pkgutil
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote

__all__ = [
    "DETAILS",
    "INDEX",
    "Operation",
    "is_available",
    "is_legacy",
    "links",
    "operations",
    "pack",
    "source",
    "version",
]

_log = logging.getLogger("wechatpay_chain")
INDEX = "index.json"
DETAILS = "details.bin"
_APIV3 = ("/v3/", "/hk/", "/global/")
_IN_INDEX = ("method", "path", "name", "tags")
# So many operations are compressed together: more would be smaller, and slower to open for one of them.
_SHELF = 128
# Where the community's documentation has an operation, unless its details say otherwise.
_PAGE = "https://wechatpay.im/openapi/{}"
_PLACES = ("path_params", "query", "headers", "form")


class Operation(NamedTuple):
    """One operation: HTTP method, path as documented, official name, tags, and its place in the catalogue."""

    method: str
    path: str
    name: str
    tags: tuple[str, ...]
    number: int

    @property
    def words(self) -> tuple[str, ...]:
        """The segments of its path in a chain, where APIv2 begins with ``v2``."""
        return _words(self.path)

    @property
    def facts(self) -> Mapping[str, Any]:
        """The rest: ``docs page roles updated deprecated path_params query headers form body responses consumes``.

        Parameters are schemas by name; a schema has ``type``, ``label`` (the official name in Chinese), ``fields``,
        ``items``, ``required``, ``enum``, ``max_length``, ``format``, ``example``, as far as they are known.
        """
        shelf, place = divmod(self.number, _SHELF)
        return _shelf(shelf)[place]


def is_legacy(path: str) -> bool:
    """Whether a documented path belongs to APIv2."""
    return not path.startswith(_APIV3)


def is_available() -> bool:
    """Whether the catalogue's files are in this installation, and can be read."""
    return bool(operations())


def operations() -> tuple[Operation, ...]:
    """All of them, by path; none where the files are missing, since the catalogue only helps."""
    return _index()[1]


def version() -> str:
    """The release of the source that the facts are from."""
    return _index()[0]


def links(operation: Operation) -> list[str]:
    """The pages of an operation: the official ones, and that of the community's documentation."""
    details = operation.facts
    return [*details.get("docs", ()), *([details["page"]] if details.get("page") else ())]


def pack(endpoints: Iterable[Mapping[str, Any]], version: str) -> dict[str, bytes]:
    """The files of the catalogue for ``endpoints`` as their source lists them."""
    ordered = sorted(endpoints, key=lambda each: str(each["path"]))
    tags = sorted({tag for each in ordered for tag in each.get("tags", ())})
    rows = [
        [each["method"], each["path"], each["name"], list(map(tags.index, each.get("tags", ())))] for each in ordered
    ]
    shelves = [zlib.compress(_pack_shelf(ordered[at : at + _SHELF]), 9) for at in range(0, len(ordered), _SHELF)]
    sizes = list(map(len, shelves))
    head = json.dumps({"version": version, "sizes": sizes, "tags": tags}, ensure_ascii=False)
    lines = ",\n".join(_compact(row).decode() for row in rows)
    index = f'{head[:-1]}, "operations": [\n{lines}\n]}}\n'
    return {INDEX: index.encode(), DETAILS: b"".join(shelves)}


def source(operation: Operation) -> dict[str, Any]:
    """An operation as its source lists it."""
    own = {"method": operation.method, "path": operation.path, "name": operation.name}
    return {**own, **({"tags": list(operation.tags)} if operation.tags else {}), **operation.facts}


def _compact(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


@cache
def _index() -> tuple[str, tuple[Operation, ...], Sequence[int]]:
    try:
        read = json.loads(_file(INDEX))
        tags = read["tags"]
        listed = tuple(
            Operation(method, path, name, tuple(tags[tag] for tag in own), number)
            for number, (method, path, name, own) in enumerate(read["operations"])
        )
        return read["version"], listed, read["sizes"]
    except Exception as error:
        # A packager may leave data files out, or cut them. Help then knows nothing, and every call works.
        _log.info(
            "the catalogue cannot be read (%s: %s); help and hints know no operation", type(error).__name__, error
        )
        return "", (), ()


def _pack_shelf(endpoints: Sequence[Mapping[str, Any]]) -> bytes:
    """A shelf: the schemas that occur in it, each once and behind those in it, then operations that number them."""
    numbers: dict[bytes, int] = {}

    def numbered(schema: Mapping[str, Any]) -> int:
        told = dict(schema)
        if "fields" in told:
            told["fields"] = {name: numbered(each) for name, each in told["fields"].items()}
        if "items" in told:
            told["items"] = numbered(told["items"])
        return numbers.setdefault(_compact(told), len(numbers))

    rows = [_with_schemas(_without_page(each), numbered) for each in endpoints]
    told = [{name: value for name, value in row.items() if name not in _IN_INDEX} for row in rows]
    return b"[[" + b",".join(numbers) + b"]," + _compact(told) + b"]"


def _with_schemas(details: Mapping[str, Any], convert: Callable[[Any], Any]) -> dict[str, Any]:
    """``details`` with every schema at its top converted."""
    told = dict(details)
    for place in (*_PLACES, "responses"):
        if told.get(place):
            told[place] = {name: None if each is None else convert(each) for name, each in told[place].items()}
    if told.get("body") is not None:
        told["body"] = convert(told["body"])
    return told


def _without_page(endpoint: Mapping[str, Any]) -> dict[str, Any]:
    """The endpoint whose page is left out where it follows from the path, and "" where it has none."""
    told = dict(endpoint)
    page, known = told.pop("page", ""), _pages(str(told["method"]), str(told["path"]))
    return {
        **told,
        **({"page": known.index(page)} if page in known[1:] else {"page": page} if page != known[0] else {}),
    }


def _pages(method: str, path: str) -> tuple[str, str]:
    address = _PAGE.format(quote("/".join(_words(path))))
    return (address, f"{address}#{method.lower()}")


def _words(path: str) -> tuple[str, ...]:
    words = tuple(path.split("/")[1:])
    return ("v2", *words) if is_legacy(path) else words


@lru_cache(maxsize=8)
def _shelf(number: int) -> list[Mapping[str, Any]]:
    _, listed, sizes = _index()
    begin = sum(sizes[:number])
    own = listed[number * _SHELF :]
    try:
        schemas, rows = json.loads(zlib.decompress(_file(DETAILS)[begin : begin + sizes[number]]))
    except Exception as error:
        _log.info("the catalogue's details cannot be read (%s: %s)", type(error).__name__, error)
        return [{} for _ in range(_SHELF)]
    for schema in schemas:
        # Each is behind those in it, so these are whole already.
        if "fields" in schema:
            schema["fields"] = {name: schemas[each] for name, each in schema["fields"].items()}
        if "items" in schema:
            schema["items"] = schemas[schema["items"]]
    return [_with_page(each, _with_schemas(row, schemas.__getitem__)) for each, row in zip(own, rows, strict=False)]


def _with_page(operation: Operation, details: dict[str, Any]) -> Mapping[str, Any]:
    page = details.pop("page", 0)
    page = _pages(operation.method, operation.path)[page] if isinstance(page, int) else page
    return {**details, **({"page": page} if page else {})}


def _file(name: str) -> bytes:
    return pkgutil.get_data("wechatpay_chain.catalog", name) or b""
