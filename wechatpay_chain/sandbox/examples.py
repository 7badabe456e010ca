"""Answers out of the catalogue: every documented field with its example, and what the request said of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from wechatpay_chain.catalog import sample

__all__ = ["Examples"]

# Where the documentation's examples point: a client of the sandbox must not be sent there.
_HOST = re.compile(r"https://api(hk)?2?\.(mch\.weixin\.qq\.com|wechatpay\.cn)(?=/)")
# Which of the numbered fields an example has.
_NUMBERED = re.compile(r"\$[nm]")
_CALLER = ("mchid", "sp_mchid", "mch_id")
_FILE = frozenset({"download_url", "hash_value"})


@dataclass(frozen=True)
class Examples:
    """How the answers to one request are written: its ``host``, whose it is, who encrypts a field, who names a file.

    ``file`` is told whether the file is to be encrypted.
    """

    host: str
    mchid: str
    seal: Callable[[str], str]
    file: Callable[[bool], Mapping[str, Any]]

    def answer(self, fields: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        """An answer with all ``fields``; one that was ``given`` by the same name and type is told back."""
        told = self._object(fields)
        for name, schema in fields.items():
            if name in given and (value := _as_type(schema, given[name])) is not None:
                told[name] = self.seal(str(value)) if sample.is_sealed(schema) else value
        return told

    def _object(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        told = {_NUMBERED.sub("0", name): self._value(name, schema) for name, schema in fields.items()}
        if fields.keys() >= _FILE:
            told.update(self.file("encrypt_key" in fields))
        return told

    def _value(self, name: str, schema: Mapping[str, Any]) -> Any:
        if sample.is_sealed(schema):
            return self.seal(name)
        if schema.get("type") == "object":
            return self._object(schema.get("fields", {}))
        if schema.get("type") == "array":
            return [self._value(name, schema.get("items", {}))]
        value = sample.value(name, schema, dict.fromkeys(_CALLER, self.mchid))
        return _HOST.sub(self.host, value) if isinstance(value, str) else value


def _as_type(schema: Mapping[str, Any], value: Any) -> Any:
    """A parameter as the answer's field holds it; None when it is of another type."""
    kind = schema.get("type")
    if kind in ("object", "array"):
        # What is encrypted in it is so for WeChat Pay, which is of no use to the merchant.
        fits = isinstance(value, dict if kind == "object" else list) and not _holds_sealed(schema)
        return value if fits else None
    if isinstance(value, dict | list | None):
        return None
    if kind == "boolean":
        return {"true": True, "false": False}.get(str(value).lower())
    if kind == "integer" or kind == "number":
        return _number(value)
    return value if isinstance(value, str) else None


def _holds_sealed(schema: Mapping[str, Any]) -> bool:
    inner = [*schema.get("fields", {}).values(), *([schema["items"]] if schema.get("items") else [])]
    return sample.is_sealed(schema) or any(map(_holds_sealed, inner))


def _number(value: Any) -> Any:
    if isinstance(value, str):
        return int(value) if re.fullmatch(r"-?[0-9]{1,18}", value) else None
    return None if isinstance(value, bool) else value
