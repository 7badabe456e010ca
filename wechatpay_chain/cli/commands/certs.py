"""``wechatpay-chain certs``: WeChat Pay's platform certificates into a folder, as wechatpay-php's tool does it."""

from __future__ import annotations

import argparse
import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from wechatpay_chain.cli.commands.request import client
from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.items import ItemError
from wechatpay_chain.cli.status import Status
from wechatpay_chain.client import Wechatpay
from wechatpay_chain.crypto import key_loader
from wechatpay_chain.errors import ConfigError
from wechatpay_chain.protocol.merchant import Merchant
from wechatpay_chain.transport.sink import beside

__all__ = ["run"]

_LONGEST_KEY_FILE = 4096
_FLAGS = {"serial": "-s", "private_key": "-f", "apiv3_key": "-k"}
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Download and verify, write each into a file of its own, and print a line for it."""
    if arguments.apiv3_key is not None:
        arguments.apiv3_key = _key(arguments.apiv3_key, console)
    if arguments.certificate is not None:
        arguments.cert.append(f"{_serial(arguments.certificate)}={arguments.certificate}")
    with client(arguments, console) as wxpay:
        _check(wxpay._settings.merchant)
        with _folder(arguments.output) as folder:
            for certificate in _downloaded(wxpay):
                console.say(_written(certificate, folder))
    return Status.OK


def _key(text: str, console: Console) -> bytes:
    """The APIv3 key of ``-k``; the file of ``@file`` may end with a line break."""
    if not text.startswith("@"):
        return text.encode("utf-8", "surrogateescape")
    if text == "@-":
        return console.take(_LONGEST_KEY_FILE).strip()
    try:
        with Path(text[1:]).expanduser().open("rb") as file:
            return file.read(_LONGEST_KEY_FILE).strip()
    except (OSError, ValueError, RuntimeError) as error:  # the last: ~ of a user who does not exist
        reason = getattr(error, "strerror", None) or "not a path"
    # What does not look like a path may be the key itself.
    shown = repr(text[1:]) if key_loader.looks_like_a_path(text[1:]) else f"@ and {len(text) - 1} characters"
    raise ItemError(f"-k: {shown} cannot be read ({reason})")


def _serial(path: str) -> str:
    certificate = key_loader.load_certificate(Path(path), "-c")
    if certificate is None:
        raise ConfigError("-c: expected a platform certificate; a public key is configured with --cert ID=FILE", "-c")
    return key_loader.serial_of(certificate)


def _check(merchant: Merchant) -> None:
    """ConfigError unless this merchant can ask for certificates and open them."""
    if merchant.brand_id:
        raise ConfigError("brand_id: a brand has no platform certificates; configure the public key", "brand_id")
    missing = [name for name in _FLAGS if not getattr(merchant, name)]
    if missing:
        given = ", ".join(f"{_FLAGS[name]} or WECHATPAY_{name.upper()}" for name in missing)
        raise ConfigError(f"{', '.join(missing)}: missing; give {given}; nothing was sent", missing[0])


def _downloaded(wxpay: Wechatpay) -> list[x509.Certificate]:
    try:
        return wxpay.download_certificates()
    except ConfigError as error:
        raise ConfigError(f"{error}, or set WECHATPAY_PUBLIC_KEY_ID and WECHATPAY_PUBLIC_KEY", "certs") from error


@contextlib.contextmanager
def _folder(output: str | None) -> Iterator[Path]:
    """A folder that can be written to; one that was made for nothing is gone again."""
    folder = _private_folder() if output is None else _given(output)
    is_new = _made(folder)
    try:
        if output is None:
            _check_private(folder)
        try:
            tempfile.TemporaryFile(dir=folder).close()
        except OSError as error:
            raise ItemError(f"-o: {str(folder)!r} cannot be written ({error.strerror}); nothing was sent") from None
        yield folder
    finally:
        if is_new:
            with contextlib.suppress(OSError):  # as a rule there are files in it
                folder.rmdir()


def _given(output: str) -> Path:
    if not output.strip():
        # An unset variable more often than the current folder.
        raise ItemError("-o: empty; nothing was sent")
    try:
        return Path(output).expanduser().absolute()
    except RuntimeError:  # ~ of a user who does not exist
        raise ItemError(f"-o: {output[:80]!r} is no folder; nothing was sent") from None


def _private_folder() -> Path:
    """Always the same for one user, as other processes have to find it."""
    user = str(os.getuid()) if hasattr(os, "getuid") else "certificates"
    return Path(tempfile.gettempdir(), f"wechatpay-{user}")


def _made(folder: Path) -> bool:
    try:
        folder.mkdir(mode=0o755)
        return True
    except FileExistsError:
        return False
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no path"
    raise ItemError(f"-o: {str(folder)[:200]!r} cannot be made ({reason}); nothing was sent")


def _check_private(folder: Path) -> None:
    """Where everybody may write, somebody else may have put a folder of this name there, or a link."""
    found = folder.lstat()
    is_own = not hasattr(os, "getuid") or (found.st_uid == os.getuid() and not found.st_mode & _OTHERS_WRITE)
    if not stat.S_ISDIR(found.st_mode) or not is_own:
        raise ItemError(f"-o: {str(folder)!r} is not this user's alone; name another folder; nothing was sent")


def _written(certificate: x509.Certificate, folder: Path) -> str:
    """The line about a certificate that is in its place."""
    serial = key_loader.serial_of(certificate)
    path = folder / f"wechatpay_{serial}.pem"
    try:
        # What is written is public; a link would lead out of the folder.
        with beside(path, is_private=False, follows=False) as file:
            file.write(certificate.public_bytes(Encoding.PEM))
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    since, until = _day(certificate.not_valid_before_utc), _day(certificate.not_valid_after_utc)
    return f"{serial}  valid from {since} until {until}  {path}"


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
