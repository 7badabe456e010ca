"""The folder of a sandbox: the files that WeChat Pay's merchant platform gives out, made once and used again.

All are readable by their owner alone. ``identity.json`` is WeChat Pay's side: the keys that sign answers, and the
authority's; no client reads it.
"""

from __future__ import annotations

import json
import os
import shlex
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12, serialize_key_and_certificates

from wechatpay_chain.errors import ConfigError
from wechatpay_chain.sandbox.certificate import Authority
from wechatpay_chain.sandbox.identity import Identity, public_pem
from wechatpay_chain.sandbox.sample_programs import snippets

__all__ = ["CA_FILE", "Directory"]

CA_FILE = "ca.pem"

_IDENTITY = "identity.json"
_README = "README"
_ENV = "sandbox.env"
_JSON = "sandbox.json"
_MODE, _FOLDER_MODE = 0o600, 0o700


class Directory:
    """A folder with one identity. Raises ConfigError for one that cannot be used, or holds another merchant."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self.path = self.path.expanduser().absolute()
            self.path.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        except RuntimeError as error:
            # ~somebody who is not there.
            raise self._wrong(f"cannot be found: {error}") from None
        except OSError as error:
            raise self._wrong(f"cannot be made: {error.strerror}") from None

    def __repr__(self) -> str:
        return f"<Directory {str(self.path)!r}>"

    def identity(self) -> Identity | None:
        """The one that it holds, None for an empty folder."""
        path = self.path / _IDENTITY
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            foreign = [name for name in ("apiclient_key.pem", "apiclient_cert.pem") if (self.path / name).exists()]
            if foreign:
                # They may be a real merchant's.
                raise self._wrong(f"has {foreign[0]} and no {_IDENTITY}: it is no sandbox's; take another") from None
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise self._wrong(f"{_IDENTITY} cannot be read: {type(error).__name__}") from None
        try:
            return Identity.from_json(text)
        except (ValueError, TypeError, KeyError) as error:
            raise self._wrong(f"{_IDENTITY} is no sandbox's ({type(error).__name__}); take another folder") from None

    def claim(self, identity: Identity) -> Identity:
        """Write an identity into an empty folder; the one that is there where another start was quicker."""
        part = self._part(_IDENTITY, identity.to_json().encode("utf-8"))
        try:
            try:
                # It fails where the name is taken, which os.replace does not.
                os.link(part, self.path / _IDENTITY)
            except FileExistsError:
                pass
            except OSError:
                # A file system without links.
                os.replace(part, self.path / _IDENTITY)
        except OSError as error:
            raise self._wrong(f"{_IDENTITY} cannot be written: {error.strerror}") from None
        finally:
            part.unlink(missing_ok=True)
        return self.identity() or identity

    def keep(self, identity: Identity) -> None:
        """Write the keys and certificates of the identity that it holds: those that are missing or have other bytes."""
        platform = identity.certificate.public_bytes(Encoding.PEM)
        self._mend("apiclient_key.pem", identity.merchant_entry["key"].encode("ascii"))
        self._mend("apiclient_cert.pem", identity.merchant_entry["cert"].encode("ascii"))
        self._mend("pub_key.pem", public_pem(identity.public_key.public_key()).encode("ascii"))
        self._mend(f"wechatpay_{identity.certificate_serial}.pem", platform)
        if not self._holds_bundle(identity):
            self._write("apiclient_cert.p12", _bundle(identity))
        for name in (_IDENTITY, "apiclient_cert.p12"):
            self._hide(name)

    def describe(
        self, description: Mapping[str, Any], environment: Mapping[str, str], authorities: Iterable[Authority]
    ) -> None:
        """Write what changes with each start: where the sandbox listens, and who certifies it there."""
        self._write(CA_FILE, "".join(each.pem for each in authorities))
        lines = [f"{name}={shlex.quote(value)}" for name, value in environment.items()]
        self._write(_ENV, "\n".join([*lines, ""]))
        self._write(_JSON, json.dumps(description, ensure_ascii=False, indent=2) + "\n")
        self._write(_README, _readme(description))

    def files(self, identity: Identity) -> dict[str, str]:
        """What each file is for, and its path."""
        names = {
            "private_key": "apiclient_key.pem",
            "certificate": "apiclient_cert.pem",
            "certificate_p12": "apiclient_cert.p12",
            "public_key": "pub_key.pem",
            "platform_certificate": f"wechatpay_{identity.certificate_serial}.pem",
            "ca": CA_FILE,
            "environment": _ENV,
        }
        return {name: str(self.path / file) for name, file in names.items()}

    def environment(self, identity: Identity, variables: Mapping[str, str]) -> dict[str, str]:
        """The variables of a client, with paths in place of keys; the key that signs as WeChat Pay stays out."""
        files = self.files(identity)
        paths = {
            "WECHATPAY_PRIVATE_KEY": files["private_key"],
            "WECHATPAY_PUBLIC_KEY": files["public_key"],
            "WECHATPAY_MERCHANT_CERT": files["certificate"],
            "WECHATPAY_MERCHANT_KEY": files["private_key"],
        }
        own = {name: paths.get(name, value) for name, value in variables.items()}
        return {name: value for name, value in own.items() if name != "WECHATPAY_SANDBOX_KEY"}

    def _holds_bundle(self, identity: Identity) -> bool:
        """Whether the .p12 is there and opens; it is salted, so that its bytes tell nothing."""
        try:
            held = load_pkcs12((self.path / "apiclient_cert.p12").read_bytes(), identity.mchid.encode())
        except (OSError, ValueError):
            return False
        return held.cert is not None and held.cert.certificate == identity.merchant_certificate

    def _mend(self, name: str, data: bytes) -> None:
        """Write a file unless it is there as it was made."""
        try:
            is_whole = (self.path / name).read_bytes() == data
        except OSError:
            is_whole = False
        if is_whole:
            self._hide(name)
        else:
            self._write(name, data)

    def _hide(self, name: str) -> None:
        """Let no one but its owner read a file: a copy of the folder may have lost that."""
        path = self.path / name
        try:
            if path.stat().st_mode & 0o077:
                path.chmod(_MODE)
        except OSError as error:
            raise self._wrong(f"{name} cannot be made readable by its owner alone: {error.strerror}") from None

    def _write(self, name: str, content: str | bytes) -> None:
        """All of a file or nothing of it, for its owner alone from the first byte on."""
        part = self._part(name, content.encode("utf-8") if isinstance(content, str) else content)
        try:
            os.replace(part, self.path / name)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise self._wrong(f"{name} cannot be written: {error.strerror}") from None

    def _part(self, name: str, data: bytes) -> Path:
        """A new file beside the one that it will be."""
        part = None
        try:
            # mkstemp's files are readable by their owner alone.
            handle, part = tempfile.mkstemp(dir=self.path, prefix=f".{name}.")
            with os.fdopen(handle, "wb") as file:
                file.write(data)
        except BaseException as error:
            if part is not None:
                Path(part).unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise self._wrong(f"{name} cannot be written: {error.strerror}") from None
            raise
        return Path(part)

    def _wrong(self, reason: str) -> ConfigError:
        return ConfigError(f"directory: {str(self.path)!r} {reason}", "directory")


def _bundle(identity: Identity) -> bytes:
    """Key and certificate as WeChat Pay's .p12: the merchant's number is the password."""
    authority = identity.authority
    return serialize_key_and_certificates(
        b"apiclient",
        identity.merchant_key,
        identity.merchant_certificate,
        [authority.certificate, authority.root],
        BestAvailableEncryption(identity.mchid.encode()),
    )


_README_HEAD = """\
微信支付沙箱 · WeChat Pay sandbox
===============================

base URL  {base_url}
mchid     {mchid}
serial    {serial}
appid     {appid}

apiclient_key.pem    商户API私钥 · the merchant's private key
apiclient_cert.pem   商户API证书 · its certificate (apiclient_cert.p12: both, the password is the mchid)
pub_key.pem          微信支付公钥 · WeChat Pay's public key {public_key_id}
wechatpay_*.pem      微信支付平台证书 · WeChat Pay's platform certificate
ca.pem               沙箱的CA，用于--tls和--proxy · the sandbox's authority, for --tls and --proxy
sandbox.env          环境变量 · variables: set -a; . ./sandbox.env; set +a
sandbox.json         全部配置 · all of it for programs
identity.json        沙箱自己的密钥，客户端无需读取 · the sandbox's own keys; no client reads it

These keys are a sandbox's. WeChat Pay does not know them.
这些密钥只属于沙箱，微信支付并不认识它们。
"""


def _readme(description: Mapping[str, Any]) -> str:
    parts = [_README_HEAD.format_map(description)]
    for each in snippets(description):
        parts.append(f"\n{each.title} ({each.file})\n{'-' * (len(each.title) + len(each.file) + 3)}\n\n{each.text}")
    return "".join(parts)
