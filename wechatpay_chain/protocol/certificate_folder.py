"""A folder of platform certificates: those that a person put there, and a file that processes share."""

from __future__ import annotations

import contextlib
import logging
import os
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wechatpay_chain.crypto import key_loader
from wechatpay_chain.errors import ConfigError
from wechatpay_chain.protocol.keyring import Fetched, key_of

if TYPE_CHECKING:
    from cryptography import x509

    from wechatpay_chain.protocol.authorities import Authorities

__all__ = ["SHARED", "Folder"]

_log = logging.getLogger("wechatpay_chain")

# One file for all of them, so that they are replaced as a whole; its time is that of the download.
SHARED = "wechatpay-platform.pem"


_EVERYBODY = "everybody"
_MEND = "name a folder of your own (chmod 700)"


class Folder:
    """``*.pem`` in a ``certs_dir``: platform certificates by their serials.

    ``is_cache``: what is downloaded is stored there too, so it may be empty, or come into being later.
    """

    def __init__(self, path: Path, is_cache: bool) -> None:
        self.path = path
        self.is_cache = is_cache

    @classmethod
    def of(cls, entry: object, is_cache: bool) -> Folder:
        """The folder that a ``certs_dir`` entry names; ConfigError for what can be none, and where everybody can write.

        Where a group or another user can write, or everybody in a folder above it, the log tells.
        """
        if not isinstance(entry, str | os.PathLike):
            raise ConfigError(f"certs_dir: expected a path, found {type(entry).__name__}", "certs_dir")
        if not os.fsdecode(entry).strip():
            raise ConfigError("certs_dir: empty", "certs_dir")
        path = Path(os.fsdecode(entry))
        shown = _display_path(path)
        try:
            path = path.expanduser()
            is_path = key_loader.names_a_file(entry) and (path.is_absolute() or key_loader.looks_like_a_path(str(path)))
            possible = path.is_dir() or (is_path and not path.exists())
        except (OSError, RuntimeError, ValueError):  # RuntimeError: ~ of a user who does not exist
            possible = False
        if is_cache and not possible:
            raise ConfigError(f"certs_dir: expected a folder, found {shown}", "certs_dir")
        for place in (path, *_pem_files(path)):
            who = _writers(place)
            if who == _EVERYBODY:
                raise ConfigError(
                    f"certs_dir: {_display_path(place)} can be written by {who},"
                    f" who then chooses the keys that are trusted; {_MEND}",
                    "certs_dir",
                )
            if who:
                _log.warning("certs_dir: %s can be written by %s; %s", place, who, _MEND)
        above = _open_folder_above(path)
        if above:
            _log.warning("certs_dir: everybody can put another folder in the place of one in %s; %s", above, _MEND)
        return cls(path, is_cache)

    def certificates(self) -> dict[str, x509.Certificate]:
        """The certificates that a person put there, by serial; files that hold none are passed over.

        Where the folder is no cache, the shared file is one of them, and ConfigError is raised for a folder
        without any.
        """
        try:
            files = sorted(file for file in self.path.glob("*.pem") if file.name != SHARED or not self.is_cache)
        except (OSError, ValueError):
            files = []
        found = {key_loader.serial_of(each): each for file in files for each in _certificates(file, self.is_cache)}
        if not found and not self.is_cache:
            raise ConfigError(f"certs_dir: no certificate (*.pem) in {_display_path(self.path)}", "certs_dir")
        return found

    def read_shared(self, authorities: Authorities | None = None) -> Fetched | None:
        """What a process stored last; None when there is nothing, or nothing that can be read, which is logged."""
        file = self.path / SHARED
        if _EVERYBODY in (_writers(self.path), _writers(file)):  # it came into being, or was opened, later
            _log.warning("certs_dir: %s can be written by %s and is ignored; %s", file, _EVERYBODY, _MEND)
            return None
        try:
            held = _bundle(file)
            at = file.stat().st_mtime
            # An authority that stands between was not stored; then they are asked for again.
            refused = [each for each in held if authorities and authorities.objection((each,), at)]
            if refused:
                _log.warning("certs_dir: %s is ignored (not issued by an authority of certs_ca)", file)
                return None
            return Fetched(tuple(key_of(each, "certs_dir") for each in held), at)
        except FileNotFoundError:
            return None
        except Exception as error:  # cryptography raises InvalidVersion and others that are bare Exceptions
            _log.warning("certs_dir: %s is damaged and ignored (%s)", file, type(error).__name__)
            return None

    def store(self, certificates: Sequence[x509.Certificate], at: float) -> None:
        """Replace the shared file, for this user alone; a folder that cannot be written is only logged."""
        from cryptography.hazmat.primitives.serialization import Encoding

        part = ""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, part = tempfile.mkstemp(dir=self.path, prefix=".wechatpay-", suffix=".part")  # mode 0600
            with os.fdopen(handle, "wb") as file:
                file.write(b"".join(each.public_bytes(Encoding.PEM) for each in certificates))
                file.flush()
                os.fsync(handle)
            os.utime(part, (at, at))
            os.replace(part, self.path / SHARED)
        except OSError as error:
            _log.warning("certs_dir: %s cannot be written (%s)", self.path / SHARED, error.strerror)
            with contextlib.suppress(OSError):
                os.unlink(part)


def _pem_files(folder: Path) -> list[Path]:
    try:
        return sorted(folder.glob("*.pem"))
    except (OSError, ValueError):
        return []


def _writers(path: Path) -> str:
    """Who but this user and root can write a file or a folder; empty for nobody, and where there is nothing yet.

    On Windows the rights of a file are not in its mode, and are not asked.
    """
    if not hasattr(os, "getuid"):
        return ""
    try:
        found = path.stat()
        if os.statvfs(path).f_flag & os.ST_RDONLY:
            return ""  # such as a secret that is mounted into a container
    except (OSError, ValueError):
        return ""
    if found.st_mode & stat.S_IWOTH:
        return _EVERYBODY
    if found.st_uid not in (0, os.getuid()):
        return f"user {found.st_uid}"
    return f"group {found.st_gid}" if found.st_mode & stat.S_IWGRP else ""


def _open_folder_above(path: Path) -> str:
    """The folder above ``path`` in which everybody can rename and replace what is there; empty where there is none."""
    if not hasattr(os, "getuid"):
        return ""
    with contextlib.suppress(OSError, ValueError):  # no name that a file can have
        path = Path(os.path.realpath(path))
    for folder in path.parents:
        with contextlib.suppress(OSError, ValueError):
            mode = folder.stat().st_mode
            if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
                return str(folder)
    return ""


def _display_path(path: Path) -> str:
    """A path as an error shows it: what does not look like one may be a key."""
    name = str(path)
    return repr(name) if key_loader.can_be_shown(name) else f"{len(name)} characters"


def _bundle(file: Path) -> list[x509.Certificate]:
    if file.exists() and not file.is_file():
        raise OSError("no regular file")  # a pipe would be waited for
    from cryptography import x509

    return x509.load_pem_x509_certificates(file.read_bytes())


def _certificates(file: Path, is_cache: bool) -> list[x509.Certificate]:
    if file.name == SHARED:
        with contextlib.suppress(Exception):  # as above
            return _bundle(file)
    try:
        certificate = key_loader.load_certificate(file, "certs_dir")
    except ConfigError:
        if not is_cache:
            raise
        certificate = None
    if certificate is not None:
        return [certificate]
    if "key" not in file.name:
        _log.warning("certs_dir: %s holds no certificate that can be read, and is ignored", file)
    return []
