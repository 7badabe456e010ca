"""The flags that configure a client, and the client that they make."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.items import ItemError

if TYPE_CHECKING:
    from wechatpay_chain.client import Wechatpay
    from wechatpay_chain.sandbox import Sandbox

__all__ = ["add_configuration", "client", "entries_of", "merge_entries", "sandbox"]


def add_configuration(parser: argparse.ArgumentParser, lives: str = "command") -> None:
    """Add the flags; a sandbox that ``--sandbox`` starts lives as long as this ``lives``."""
    where = parser.add_argument_group("configuration", "WECHATPAY_ variables, a profile, and flags, the last first")
    where.add_argument("--sandbox", action="store_true", help=f"call a sandbox that lives as long as this {lives}")
    where.add_argument(
        "--profile", metavar="NAME", help="a table of profiles.toml (wechatpay-chain help says where it is)"
    )
    where.add_argument("--mchid", metavar="NUMBER", help="the merchant's number")
    where.add_argument("--serial", metavar="HEX", help="serial of the merchant's certificate")
    where.add_argument("--private-key", metavar="FILE", help="the merchant's private key")
    where.add_argument("--cert", metavar="ID=FILE", action="append", default=[], help="a key of WeChat Pay's")
    where.add_argument("--base-url", metavar="URL", action="append", help="another host; again for a backup")
    where.add_argument("--timeout", metavar="SECONDS", type=float, help="to connect, and between bytes of the answer")


@contextlib.contextmanager
def client(
    arguments: argparse.Namespace,
    console: Console,
    gateway: Sandbox | None = None,
    made_up: Mapping[str, Any] | None = None,
) -> Iterator[Wechatpay]:
    """A client from flags, profile and environment, or of a sandbox: ``gateway``, or one that lives as long.

    ``made_up`` are entries that count where nothing else is configured.
    """
    from wechatpay_chain import settings
    from wechatpay_chain.client import Wechatpay

    with contextlib.ExitStack() as stack:
        if arguments.sandbox:
            gateway = gateway or stack.enter_context(sandbox(arguments))
            yield stack.enter_context(gateway.client(**_flags(arguments)))
            return
        entries = settings.merge_entries(made_up or {}, *_sources(arguments, console))
        yield stack.enter_context(Wechatpay(entries))


def entries_of(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """What environment, profile and flags configure of a client, the last first; of a sandbox its address alone."""
    if arguments.sandbox:
        return {"base_url": "of a sandbox"}
    return {name: value for source in _sources(arguments, console) for name, value in source.items()}


def merge_entries(arguments: argparse.Namespace, console: Console, flags_only: bool = False) -> dict[str, Any]:
    """The entries of a client, under the names of its constructor, as ``client`` would take them.

    Raises ConfigError for a profile that is not there, and where no merchant is named.
    """
    from wechatpay_chain import settings

    if flags_only:
        return _flags(arguments)
    return settings.merge_entries(*_sources(arguments, console))


def _sources(arguments: argparse.Namespace, console: Console) -> list[Mapping[str, Any]]:
    from wechatpay_chain import settings

    named = arguments.profile is not None
    profile = settings.from_profile(arguments.profile, console.environment) if named else {}
    return [settings.from_env(console.environment), profile, _flags(arguments)]


def sandbox(arguments: argparse.Namespace) -> Sandbox:
    """The sandbox of ``--sandbox``, for the merchant of ``--mchid``."""
    from wechatpay_chain.sandbox import Sandbox

    return Sandbox(mchid=arguments.mchid or "")


def _flags(arguments: argparse.Namespace) -> dict[str, Any]:
    """What the flags configure, under the names of the client's entries."""
    certs = dict(_certificate(text) for text in arguments.cert)
    flags = {
        "mchid": arguments.mchid,
        "serial": arguments.serial,
        "private_key": arguments.private_key,
        "apiv3_key": vars(arguments).get("apiv3_key"),
        "certs": certs or None,
        "base_url": arguments.base_url,
        "timeout": arguments.timeout,
    }
    return {name: value for name, value in flags.items() if value is not None}


def _certificate(text: str) -> tuple[str, str]:
    key_id, equals, path = text.partition("=")
    if not key_id or not equals or not path:
        raise ItemError(f"--cert: expected ID=FILE, found {text[:80]!r}")
    return key_id, path
