"""How a client is made again in another process: from files and the environment, never from keys."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from wechatpay_chain.crypto import pem
from wechatpay_chain.errors import ConfigError
from wechatpay_chain.protocol.merchant import Merchant

__all__ = ["Recipe"]

# Where an entry, or a part of one, may name a file; what else it may be is a key.
_FILES = frozenset({"private_key", "public_key", "cert", "ssl_key"})
_PARTS = {"certs": None, "merchant": frozenset({"cert", "key", "pkcs12", "pfx"})}
# These are secrets wherever they stand.
_SECRETS = frozenset({"apiv3_key", "secret", "auth"})


class Recipe(NamedTuple):
    """Entries without keys, and the names of those that are keys.

    ``source`` is ``("env", "")`` or ``("profile", name)`` where these bring the other entries; then ``whose`` is the
    merchant whom they must name again.
    """

    entries: Mapping[str, Any]
    held: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    whose: tuple[str, str] = ("", "")

    @classmethod
    def of(cls, entries: Mapping[str, Any], source: tuple[str, ...] = (), merchant: Merchant | None = None) -> Recipe:
        """The recipe for a client of ``merchant`` that was made from ``entries``, and from ``source``."""
        given = {name: value for name, value in entries.items() if value is not None}
        held = tuple(told for name, value in given.items() for told in _held(name, value))
        whose = (merchant.identity, merchant.serial) if merchant else ("", "")
        return cls({} if held else {name: _placed(name, value) for name, value in given.items()}, held, source, whose)

    def plus(self, entries: Mapping[str, Any]) -> Recipe:
        """This recipe with more entries."""
        more = Recipe.of(entries)
        held = (*self.held, *more.held)
        return self._replace(entries={} if held else {**self.entries, **more.entries}, held=held)

    def check(self, merchant: Merchant) -> None:
        """Raise ConfigError when another process's environment names another merchant."""
        if self.source and self.whose != (merchant.identity, merchant.serial):
            found, expected = merchant.identity, self.whose[0]
            told = found if found != expected else f"another serial of {found}"
            raise ConfigError(f"mchid: this process configures {told}, the client was made for {expected}", "mchid")

    def require(self, client: object) -> Recipe:
        """This recipe; TypeError, which names the entries, when it would have to hold a key."""
        if self.held:
            raise TypeError(
                f"{client!r} holds keys and connections and is not pickled, since {', '.join(self.held)} would be in"
                " it: give keys as files, or make it by from_env() or from_profile()"
            )
        return self


def _held(name: str, value: Any) -> Iterator[str]:
    """The parts of an entry that are no names of files and no plain settings."""
    if name in _SECRETS or (name in _FILES and not pem.names_a_file(value)):
        yield name
    elif name in _PARTS and isinstance(value, Mapping):
        files = _PARTS[name]
        for part, item in value.items():
            if item is not None and not (pem.names_a_file(item) and (files is None or part in files)):
                yield f"{name}[{str(part)[:64]!r}]"
    elif (not _is_plain(value) and not pem.names_a_file(value)) or (name == "proxy" and "@" in f"{value}"):
        yield name


def _is_plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(_is_plain(item) for pair in value.items() for item in pair)
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, str | bytes | int | float)


def _placed(name: str, value: Any) -> Any:
    """Paths as absolute ones, since another process may start in another folder."""
    if name in _PARTS and isinstance(value, Mapping):
        return {part: _absolute(item) for part, item in value.items()}
    return _absolute(value) if name in _FILES or name == "certs_dir" else value


def _absolute(path: Any) -> Any:
    if path is None or (isinstance(path, str) and path.strip().startswith("file://")):
        return path
    text = os.fspath(path)
    return os.path.abspath(os.path.expanduser(text.strip() if isinstance(text, str) else text))
