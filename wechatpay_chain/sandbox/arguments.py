"""What a sandbox may be made and steered with: each argument is read to what it means, or refused by its name."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterable
from typing import Any

from wechatpay_chain.errors import ArgumentError, ConfigError
from wechatpay_chain.sandbox.faults import Fault, parse_rule
from wechatpay_chain.sandbox.parameters import Rule

__all__ = [
    "read_amount",
    "read_count",
    "read_faults",
    "read_host",
    "read_mchid",
    "read_path",
    "read_port",
    "read_seconds",
    "read_text",
    "read_tls",
]

_LAST_PORT = 65_535
# Longer than any that WeChat Pay gives; it travels in the header Authorization, in paths and in file names.
_MCHID = re.compile("[0-9]{1,32}")


def read_mchid(value: Any) -> str:
    """A merchant's number as text; empty for any."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else "" if value is None else value
    if not isinstance(text, str) or (text and not _MCHID.fullmatch(text)):
        raise ConfigError(f"mchid: expected digits such as 1900000109, found {value!r:.40}", "mchid")
    return text


def read_port(name: str, value: Any) -> int:
    """A port, 0 for any that is free."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LAST_PORT:
        raise ConfigError(f"{name}: expected 0 to {_LAST_PORT}, found {value!r:.40}", name)
    return value


def read_host(value: Any) -> str:
    """A name or an address."""
    if not isinstance(value, str) or not value:
        told = f"host: expected 127.0.0.1, 0.0.0.0 or another address of this machine, found {value!r:.40}"
        raise ConfigError(told, "host")
    return value


def read_tls(value: Any) -> bool | ssl.SSLContext:
    """Whether to speak TLS, or a server's own context."""
    if not isinstance(value, bool | ssl.SSLContext):
        raise ConfigError(f"tls: expected True, False or a server's ssl.SSLContext, found {value!r:.40}", "tls")
    return value


def read_path(name: str, value: Any) -> Any:
    """A path, None for none. An empty text is a variable that is not set, and not the folder of the program."""
    is_path = isinstance(value, str | os.PathLike) and bool(os.fspath(value)) and "\0" not in str(value)
    if value is not None and not is_path:
        raise ConfigError(f"{name}: expected a path, found {value!r:.40}", name)
    return value


def read_seconds(name: str, value: Any) -> float | None:
    """Seconds, None for never."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e10:
        raise ConfigError(f"{name}: expected seconds from 0 on, or None for never, found {value!r:.40}", name)
    return float(value)


def read_count(name: str, value: Any) -> int:
    """A whole number from 0 on."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ConfigError(f"{name}: expected a whole number from 0 on, found {value!r:.40}", name)
    return value


def read_amount(name: str, value: Any) -> int | None:
    """An amount in fen, None for all that is left. Raises ArgumentError."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ArgumentError(f"{name}: expected fen from 1 on, found {value!r:.40}")
    return value


def read_text(name: str, value: Any, rule: Rule | None = None) -> str:
    """A text that can be written down, empty for none; what is there is as its rule says. Raises ArgumentError."""
    if not isinstance(value, str):
        raise ArgumentError(f"{name}: expected text, found {value!r:.40}")
    try:
        size = len(value.encode("utf-8"))
    except UnicodeEncodeError:
        raise ArgumentError(f"{name}: expected text, found half of a character in {value!r:.40}") from None
    if value and rule is not None and size > rule.most:
        raise ArgumentError(f"{name}: expected at most {rule.most} bytes, found {size}")
    if value and rule is not None and rule.pattern is not None and not rule.pattern.fullmatch(value):
        raise ArgumentError(f"{name}: expected {rule.pattern.pattern}, found {value!r:.40}")
    return value


def read_faults(value: Any) -> tuple[Fault, ...]:
    """Rules, or texts that are rules. Raises ArgumentError."""
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise ArgumentError(f'faults: expected a list of rules such as "5%:SYSTEM_ERROR", found {value!r:.80}')
    return tuple(_rule(each) for each in value)


def _rule(value: Any) -> Fault:
    if isinstance(value, Fault):
        return value
    if not isinstance(value, str):
        raise ArgumentError(f'faults: expected a rule such as "5%:SYSTEM_ERROR", found {value!r:.80}')
    return parse_rule(value)
