"""Rebuild the shipped catalogue from its source: ``python -m scripts.build_catalog [openapi.json]``."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

from scripts.corrections import correct
from scripts.labels import add_labels
from scripts.roles import mark_roles
from wechatpay_chain.catalog import facts

__all__ = ["SOURCE", "endpoints", "main", "read"]

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "tests/data/openapi.json.gz"


def read(path: Path) -> dict[str, Any]:
    """The source, plain or gzip."""
    data = path.read_bytes()
    parsed: dict[str, Any] = json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)
    return parsed


def endpoints(source: dict[str, Any]) -> list[dict[str, Any]]:
    """The operations of the source as they are shipped: with corrections, roles of fields, and labels it lacks."""
    return add_labels([mark_roles(correct(each)) for each in source["endpoints"]])


def main(argv: list[str]) -> None:
    """Write the files of the catalogue into the package; another source than the kept one is kept too."""
    given = read(Path(argv[0]) if argv else SOURCE)
    if argv:
        text = json.dumps(given, ensure_ascii=False, separators=(",", ":"))
        SOURCE.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    for name, data in facts.pack(endpoints(given), given["version"]).items():
        (ROOT / "wechatpay_chain/catalog" / name).write_bytes(data)
        print(f"{name}: {len(data)} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
