"""Certificates as files in a folder that is made for them."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from wechatpay_chain.cli.items import ItemError
from wechatpay_chain.crypto import key_loader
from wechatpay_chain.transport.sink import beside

__all__ = ["certificate_folder", "write_certificate"]

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


@contextlib.contextmanager
def certificate_folder(output: str | None) -> Iterator[Path]:
    """A folder that can be written to; one that was made for nothing is gone again."""
    folder = _private_folder() if output is None else _absolute(output)
    is_new = _make(folder)
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


def _absolute(output: str) -> Path:
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


def _make(folder: Path) -> bool:
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


def write_certificate(certificate: x509.Certificate, folder: Path) -> str:
    """Write a certificate as ``wechatpay_SERIAL.pem``; returns the line about it."""
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
