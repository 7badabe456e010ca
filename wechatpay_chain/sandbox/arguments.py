"""What a program gives a sandbox by Python: checked before anything is done, and named where nothing is under it."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from wechatpay_chain.errors import ArgumentError, ConfigError
from wechatpay_chain.sandbox.parameters import Rule

__all__ = [
    "UnknownNumber",
    "check_count",
    "check_fen",
    "check_host",
    "check_merchant",
    "check_number",
    "check_path",
    "check_port",
    "check_schedule",
    "check_seconds",
    "check_setting",
    "check_text",
    "check_tls",
]

_LAST_PORT = 65_535
# Longer than any that WeChat Pay gives; it travels in the header Authorization, in paths and in file names.
_MERCHANT = re.compile("[0-9]{1,32}")
# What makes a number, by what it is of.
_MAKE: Mapping[str, str] = {
    "order": "place it first; GET /_/orders lists those that are there",
    "refund": "ask for it first; GET /_/refunds lists those that are there",
    "transfer": "make it first; GET /_/transfers lists those that are there",
    "PayScore order": "create it first",
    "application": "hand it in first",
}


class UnknownNumber(KeyError):
    """A number that nobody made in this sandbox: ``kind`` says what it would be of, ``number`` what was given."""

    def __init__(self, kind: str, number: str) -> None:
        super().__init__(number)
        self.kind = kind
        self.number = number

    def __str__(self) -> str:
        return f"{self.kind} {self.number!r:.80} is not there: {_MAKE[self.kind]}"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.kind, self.number)


def check_number(name: str, value: object) -> str:
    """A number as text; an int is taken as its digits. Raises ArgumentError for what is no number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    text = check_text(name, value)
    if not text:
        raise ArgumentError(f"{name}: expected a number, found empty text")
    return text


def check_text(name: str, value: object, rule: Rule | None = None) -> str:
    """A text that can be written down; one that is not empty follows its rule. Raises ArgumentError for another."""
    if not isinstance(value, str):
        raise ArgumentError(f"{name}: expected text, found {value!r:.40}")
    try:
        size = len(value.encode("utf-8"))
    except UnicodeEncodeError:
        raise ArgumentError(f"{name}: expected text that UTF-8 can write, found {value!r:.40}") from None
    if value and rule is not None and size > rule.most:
        raise ArgumentError(f"{name}: expected at most {rule.most} bytes, found {size}")
    if value and rule is not None and rule.pattern is not None and not rule.pattern.fullmatch(value):
        raise ArgumentError(f"{name}: expected {rule.pattern.pattern}, found {value!r:.40}")
    return value


def check_setting(name: str, value: object) -> str:
    """A text that a sandbox is made with. Raises ConfigError for anything else."""
    try:
        return check_text(name, value)
    except ArgumentError as error:
        told = str(error)
    raise ConfigError(told, name)


def check_fen(name: str, value: object) -> int:
    """An amount in fen, from 1 on. Raises ArgumentError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ArgumentError(f"{name}: expected fen from 1 on, found {value!r:.40}")
    return value


def check_schedule(value: object) -> tuple[float, ...]:
    """The pauses between attempts, in seconds. Raises ArgumentError for anything else."""
    pauses = tuple(value) if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping) else None
    if pauses is None or any(
        isinstance(each, bool) or not isinstance(each, int | float) or not 0 <= each < 1e10 for each in pauses
    ):
        raise ArgumentError(f"schedule: expected the seconds of each pause, found {value!r:.40}")
    return pauses


def check_seconds(name: str, value: object) -> float | None:
    """Seconds from 0 on, None for never. Raises ConfigError for anything else."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e10:
        raise ConfigError(f"{name}: expected seconds from 0 on, or None for never, found {value!r:.40}", name)
    return float(value)


def check_count(name: str, value: object) -> int:
    """A whole number from 0 on. Raises ConfigError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ConfigError(f"{name}: expected a whole number from 0 on, found {value!r:.40}", name)
    return value


def check_port(name: str, value: object) -> int:
    """A port, 0 for any. Raises ConfigError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LAST_PORT:
        raise ConfigError(f"{name}: expected 0 to {_LAST_PORT}, found {value!r:.40}", name)
    return value


def check_merchant(value: object) -> str:
    """A merchant's number, empty for any; an int is taken as its digits. Raises ConfigError for anything else."""
    if value is None or value == "":
        return ""
    number = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(number, str) or not _MERCHANT.fullmatch(number):
        raise ConfigError(f"mchid: expected digits such as 1900000109, found {value!r:.40}", "mchid")
    return number


def check_host(value: object) -> str:
    """A name or an address. Raises ConfigError for anything else, and for empty text."""
    if not isinstance(value, str) or not value:
        told = f"host: expected 127.0.0.1, 0.0.0.0 or another address of this machine, found {value!r:.40}"
        raise ConfigError(told, "host")
    return value


def check_path(name: str, value: object) -> Path | None:
    """A path, None for none. Raises ConfigError for anything else, and for empty text."""
    if value is None:
        return None
    text = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(text, str) or not text or "\0" in text:
        raise ConfigError(f"{name}: expected a path, found {value!r:.40}", name)
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        raise ConfigError(f"{name}: expected a path, found {value!r:.40}", name) from None
    return Path(text)


def check_tls(value: object) -> bool | ssl.SSLContext:
    """True, False or a server's context. Raises ConfigError for anything else."""
    if isinstance(value, bool | ssl.SSLContext):
        return value
    raise ConfigError(f"tls: expected True, False or a server's ssl.SSLContext, found {value!r:.40}", "tls")
