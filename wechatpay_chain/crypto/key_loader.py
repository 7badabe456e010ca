"""Keys in every form that WeChat Pay's documentation and the other SDKs hand them out."""

from __future__ import annotations

import base64
import binascii
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias, TypeGuard, cast
from urllib.parse import unquote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from wechatpay_chain.errors import ConfigError, VerificationError, WechatpayError
from wechatpay_chain.tracebacks import hide_values

if TYPE_CHECKING:
    from cryptography import x509


__all__ = [
    "KeySource",
    "PublicKeySource",
    "is_lent",
    "is_remote",
    "load_certificate",
    "load_private_key",
    "load_public_key",
    "looks_like_a_path",
    "names_a_file",
    "pkcs1_to_spki",
    "read",
    "remote_private_key",
    "remote_public_key",
    "serial_of",
    "signature_scheme",
]


def is_remote(source: object, method: str) -> bool:
    """Whether ``source`` is a caller's own object with ``method``, and no text, path or key of cryptography.

    Other keys of cryptography, such as Ed25519 ones, have a ``sign`` and a ``verify`` too, but not of RSA.
    """
    if isinstance(source, str | bytes | os.PathLike | type | RSAPrivateKey | RSAPublicKey):
        return False
    if type(source).__module__.partition(".")[0] == "cryptography":
        return False
    return callable(getattr(source, method, None))


def remote_private_key(source: Any, field: str) -> RSAPrivateKey:
    """A private key that signs by ``source.sign(message)``: RSA PKCS#1 v1.5 over SHA-256, raw bytes.

    A source that signs otherwise names its scheme as ``signature_scheme``. What ``sign`` raises is raised by the
    call, before anything is sent. ConfigError when it returns no bytes.
    """
    return cast(RSAPrivateKey, _PrivateKey(source, field))


def remote_public_key(source: Any, field: str) -> RSAPublicKey:
    """A public key that verifies by ``source.verify(signature, message)``, both raw bytes.

    True holds, and so does None, since cryptography's own keys raise for what does not; any other value
    and InvalidSignature or ValueError do not. What else it raises becomes a VerificationError.
    """
    return cast(RSAPublicKey, _PublicKey(source, field))


def is_lent(key: object) -> bool:
    """Whether ``key`` is one of those two, which neither encrypt nor decrypt."""
    return isinstance(key, _Remote)


def signature_scheme(key: object) -> str:
    """The scheme that a caller's object says it signs by, its ``signature_scheme``; empty for all that say nothing."""
    name = getattr(key._source, "signature_scheme", "") if isinstance(key, _Remote) else ""
    return name if isinstance(name, str) else ""


_DEEDS = {"decrypt": "decrypting", "encrypt": "encrypting", "key_size": "encrypting"}


class _Remote:
    """As much of a key as another process can lend."""

    __slots__ = ("_field", "_source")
    _ability = ""

    def __init__(self, source: Any, field: str) -> None:
        self._source = source
        self._field = field

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        raise self._lack(name)

    def __repr__(self) -> str:
        return f"<a key that {self._ability} elsewhere>"

    def _check_kind(self, padding: object, algorithm: object) -> None:
        """Refuse what RSA has beside WeChat Pay's choice; a scheme of another kind names neither."""
        if (padding, algorithm) == (None, None):
            return
        if not isinstance(padding, PKCS1v15) or not isinstance(algorithm, SHA256):
            raise self._lack("another signature than PKCS#1 v1.5 over SHA-256")

    def _lack(self, what: str) -> WechatpayError:
        # Not a ValueError: who decrypts takes those for a text that was made for another key.
        doing = _DEEDS.get(what, what)
        return WechatpayError(f"{self._field}: an object that only {self._ability}; {doing} takes the key itself")


class _PrivateKey(_Remote):
    __slots__ = ()
    _ability = "signs"

    def sign(self, data: bytes, padding: object = None, algorithm: object = None) -> bytes:
        self._check_kind(padding, algorithm)
        signature = self._source.sign(data)
        if isinstance(signature, bytes | bytearray) and signature:
            return bytes(signature)
        found = "nothing" if not signature else type(signature).__name__
        raise ConfigError(f"{self._field}: its sign() returned {found}, expected the signature's bytes", self._field)


class _PublicKey(_Remote):
    __slots__ = ()
    _ability = "verifies"

    def verify(self, signature: bytes, data: bytes, padding: object = None, algorithm: object = None) -> None:
        self._check_kind(padding, algorithm)
        try:
            verdict = self._source.verify(signature, data)
        except (InvalidSignature, ValueError):
            verdict = False
        except Exception as error:
            told = f"{self._field}: its verify() failed ({type(error).__name__}); the answer is not proven"
            raise VerificationError(told) from error
        if verdict is not None and verdict is not True:
            raise InvalidSignature


# cryptography's keys are interfaces, which others may implement: where one is expected, these may stand.
RSAPrivateKey.register(_PrivateKey)
RSAPublicKey.register(_PublicKey)


KeySource: TypeAlias = "str | bytes | os.PathLike[str] | RSAPrivateKey"
PublicKeySource: TypeAlias = "str | bytes | os.PathLike[str] | RSAPublicKey | x509.Certificate"

_PEM_MARK = b"-----BEGIN "
# SEQUENCE of the object identifier 1.2.840.113549.1.1.1 and NULL.
_RSA_ENCRYPTION = bytes.fromhex("300d06092a864886f70d0101010500")
# wechatpay-php writes bare base64 with the form in front of it.
_FORMS = {
    "private.pkcs1://": b"RSA PRIVATE KEY",
    "private.pkcs8://": b"PRIVATE KEY",
    "public.pkcs1://": b"RSA PUBLIC KEY",
    "public.spki://": b"PUBLIC KEY",
}


@hide_values
def load_private_key(source: KeySource, field: str, password: str | bytes | None = None) -> RSAPrivateKey:
    """The RSA private key in ``source``: path, ``file://`` URL, PEM, bare base64, a key object, or any with ``sign``.

    Raises ConfigError that names ``field``, the file, and what was found there instead; never the key.
    """
    if isinstance(source, RSAPrivateKey):
        return source
    if is_remote(source, "sign"):
        return remote_private_key(source, field)
    key, found, origin = _private(source, field, password)
    if isinstance(key, RSAPrivateKey):
        return key
    raise ConfigError(f"{field}: expected an RSA private key{origin}, found {found}", field)


@hide_values
def load_public_key(source: PublicKeySource, field: str) -> RSAPublicKey:
    """The RSA public key in ``source``: as for the private key, X.509 certificates, or any object with ``verify``.

    Raises ConfigError that names ``field``, the file, and what was found there instead.
    """
    if isinstance(source, RSAPublicKey):
        return source
    if _is_certificate(source):
        return _public_key_of(source, field)
    if is_remote(source, "verify"):
        return remote_public_key(source, field)
    data, origin = _read(source, field)
    certificate = _certificate(data)
    if certificate is not None:
        return _public_key_of(certificate, field, origin)
    key = _first(data, serialization.load_pem_public_key, serialization.load_der_public_key)
    if isinstance(key, RSAPublicKey):
        return key
    found = _found(data, key)
    raise ConfigError(f"{field}: expected an RSA public key or a certificate{origin}, found {found}", field)


@hide_values
def load_certificate(source: PublicKeySource, field: str) -> x509.Certificate | None:
    """The X.509 certificate in ``source``, or None when ``source`` holds something else."""
    if _is_certificate(source):
        return source
    if isinstance(source, RSAPublicKey) or is_remote(source, "verify"):
        return None
    return _certificate(_read(source, field)[0])


def serial_of(certificate: x509.Certificate) -> str:
    """A certificate's serial as WeChat Pay and openssl write it: upper-case hex, two digits for each byte."""
    digits = f"{certificate.serial_number:X}"
    return digits.zfill(len(digits) + len(digits) % 2)


def pkcs1_to_spki(der: bytes) -> bytes:
    """The DER of a SubjectPublicKeyInfo around the DER of a PKCS#1 public key, whose content is not looked at.

    Source: https://www.rfc-editor.org/rfc/rfc8017#appendix-A.1
    """
    return _der(b"\x30", _RSA_ENCRYPTION + _der(b"\x03", b"\0" + der))


def _private(source: object, field: str, password: str | bytes | None) -> tuple[object, str, str]:
    """What was read, what to call it if it is no RSA private key, and where it came from."""
    data, origin = _read(source, field)
    secret = password.encode() if isinstance(password, str) else password
    key = _first(data, *_readers(secret))
    if key is None and secret is not None:  # cryptography refuses a password that is not needed
        key = _first(data, *_readers(None))
    return key, _found(data, key, tried=secret is not None), origin


def read(source: object, field: str) -> bytes:
    """The bytes of a path, ``file://`` URL or PEM text; ConfigError names ``field`` and the file."""
    return _read(source, field)[0]


def _read(source: object, field: str) -> tuple[bytes, str]:
    """The bytes that should hold a key, and where they came from, as words for an error."""
    if isinstance(source, bytes):
        return source, ""
    if isinstance(source, os.PathLike):
        return _read_file(Path(source), field)
    if not isinstance(source, str):
        raise ConfigError(f"{field}: expected a path, PEM text or a key object, found {type(source).__name__}", field)
    text = source.strip()
    if not text:
        raise ConfigError(f"{field}: empty", field)
    for prefix, label in _FORMS.items():
        if text.startswith(prefix):
            return _pem(label, text.removeprefix(prefix)), ""
    if text.startswith("file://"):
        return _read_file(Path(unquote(text.removeprefix("file://")).removeprefix("localhost")), field)
    if _PEM_MARK.decode() in text:
        return text.replace("\\r", "").replace("\\n", "\n").encode("utf-8", "replace"), ""
    if _base64(text) is not None:
        return "".join(text.split()).encode("ascii"), ""
    return _read_file(Path(text), field)


def _read_file(path: Path, field: str) -> tuple[bytes, str]:
    # Text that is no path is perhaps a key, whole or broken: then only its length may be shown.
    name = repr(str(path)) if looks_like_a_path(str(path)) else f"{len(str(path))} characters"
    try:
        return path.expanduser().read_bytes(), f" in {name}"
    except (OSError, ValueError, RuntimeError) as error:  # the last: ~ of a user who does not exist
        reason = getattr(error, "strerror", None) or "not a path"
    raise ConfigError(f"{field}: neither a key nor a readable file: {name} ({reason})", field)


def looks_like_a_path(text: str) -> bool:
    """Whether text can be shown as a file's name; else it is perhaps a key, whole or broken."""
    return len(text) < 256 and text.isprintable() and ("." in text or max(map(len, text.split("/"))) < 32)


def names_a_file(source: object) -> bool:
    """Whether ``source`` is a path or a ``file://`` URL, and no key itself."""
    if isinstance(source, os.PathLike):
        return True
    if not isinstance(source, str) or source.strip().startswith(tuple(_FORMS)):
        return False
    text = source.strip()
    return bool(text) and _PEM_MARK.decode() not in text and (text.startswith("file://") or _base64(text) is None)


def _readers(password: bytes | None) -> tuple[Callable[[bytes], Any], Callable[[bytes], Any]]:
    return (
        lambda pem: serialization.load_pem_private_key(pem, password),
        lambda der: serialization.load_der_private_key(der, password),
    )


def _first(data: bytes, from_pem: Callable[[bytes], Any], from_der: Callable[[bytes], Any]) -> Any:
    """The first reading that works, or None: PEM, then base64 or raw DER."""
    try:
        if _PEM_MARK in data:
            return from_pem(data)
        return from_der(_base64(data.decode("latin-1")) or data)
    except (ValueError, TypeError, RecursionError):
        return None
    except Exception:  # cryptography raises UnsupportedAlgorithm, a bare Exception, for exotic keys
        return None


def _is_certificate(source: object) -> TypeGuard[x509.Certificate]:
    # Its module costs a tenth of a cold start, and nobody has a certificate who has not imported it.
    module: Any = sys.modules.get("cryptography.x509")
    return isinstance(source, getattr(module, "Certificate", ()))


def _certificate(data: bytes) -> x509.Certificate | None:
    if _PEM_MARK in data and b"CERTIFICATE" not in data:
        return None
    from cryptography import x509

    found: x509.Certificate | None = _first(data, x509.load_pem_x509_certificate, x509.load_der_x509_certificate)
    return found


def _public_key_of(certificate: x509.Certificate, field: str, origin: str = "") -> RSAPublicKey:
    try:
        key: object = certificate.public_key()
    except Exception:  # UnsupportedAlgorithm, a bare Exception, for SM2 and other exotic keys
        key = None
    if isinstance(key, RSAPublicKey):
        return key
    kind = "a key that is not supported" if key is None else type(key).__name__
    raise ConfigError(f"{field}: expected an RSA certificate{origin}, found one with {kind}", field)


def _der(tag: bytes, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return tag + bytes([length]) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return tag + bytes([0x80 | len(size)]) + size + content


def _pem(label: bytes, text: str) -> bytes:
    return b"-----BEGIN %s-----\n%s\n-----END %s-----\n" % (label, text.strip().encode("utf-8", "replace"), label)


def _base64(text: str) -> bytes | None:
    """The bytes of base64 text long enough to be a key; None for anything else."""
    compact = "".join(text.split())
    if len(compact) < 128:
        return None
    try:
        return base64.b64decode(compact, validate=True)
    except (binascii.Error, ValueError):
        return None


def _found(data: bytes, key: object = None, tried: bool = False) -> str:
    """What the bytes are instead, told by their first PEM label, or by the key that they hold."""
    if key is not None:
        return f"an {type(key).__name__}"
    if _PEM_MARK not in data:
        return f"{len(data)} bytes that are none" if data.strip() else "nothing"
    label = data.split(_PEM_MARK, 1)[1].split(b"-----", 1)[0][:40].decode("ascii", "replace")
    if label.startswith("ENCRYPTED") or b"Proc-Type: 4,ENCRYPTED" in data:
        return f"PEM text {label!r} that " + ("this password does not open" if tried else "needs its password")
    return f"PEM text {label!r} that is none, or cannot be read"
