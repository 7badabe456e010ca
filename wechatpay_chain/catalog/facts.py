"""The operations as they are shipped: an index that is read whole, and details that are read by the shelf."""

from __future__ import annotations

import json
import logging
import pkgutil
import zlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

__all__ = [
    "DETAILS",
    "INDEX",
    "Operation",
    "is_available",
    "is_legacy",
    "operations",
    "packed",
    "source",
    "version",
]

_log = logging.getLogger("wechatpay_chain")
INDEX = "index.json"
DETAILS = "details.bin"
_APIV3 = ("/v3/", "/hk/", "/global/")
_IN_INDEX = ("method", "path", "name", "tags")
# So many operations are compressed together: more would be smaller, and slower to open for one of them.
_SHELF = 32


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
        words = tuple(self.path.split("/")[1:])
        return ("v2", *words) if is_legacy(self.path) else words

    @property
    def facts(self) -> Mapping[str, Any]:
        """The rest: ``docs roles updated deprecated path_params query headers form body responses consumes``.

        Parameters are schemas by name; a schema has ``type``, ``fields``, ``items``, ``required``, ``enum``,
        ``max_length``, ``format``, ``example``, as far as they are known.
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


def packed(endpoints: Iterable[Mapping[str, Any]], version: str) -> dict[str, bytes]:
    """The files of the catalogue for ``endpoints`` as their source lists them."""
    ordered = sorted(endpoints, key=lambda each: str(each["path"]))
    tags = sorted({tag for each in ordered for tag in each.get("tags", ())})
    rows = [
        [each["method"], each["path"], each["name"], list(map(tags.index, each.get("tags", ())))] for each in ordered
    ]
    details = [{name: value for name, value in each.items() if name not in _IN_INDEX} for each in ordered]
    shelves = [zlib.compress(_compact(details[at : at + _SHELF]), 9) for at in range(0, len(details), _SHELF)]
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


@lru_cache(maxsize=8)
def _shelf(number: int) -> list[Mapping[str, Any]]:
    sizes = _index()[2]
    begin = sum(sizes[:number])
    try:
        shelf: list[Mapping[str, Any]] = json.loads(zlib.decompress(_file(DETAILS)[begin : begin + sizes[number]]))
        return shelf
    except Exception as error:
        _log.info("the catalogue's details cannot be read (%s: %s)", type(error).__name__, error)
        return [{} for _ in range(_SHELF)]


def _file(name: str) -> bytes:
    return pkgutil.get_data("wechatpay_chain.catalog", name) or b""
