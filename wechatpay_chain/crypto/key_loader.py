"""Keys in every form that WeChat Pay's documentation and the other SDKs hand them out."""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias, TypeGuard, TypeVar, cast

from cryptography.exceptions import InternalError, InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from wechatpay_chain.encoding import file_urls
from wechatpay_chain.errors import ConfigError, VerificationError, WechatpayError
from wechatpay_chain.tracebacks import hide_values

if TYPE_CHECKING:
    from cryptography import x509


__all__ = [
    "KeySource",
    "PublicKeySource",
    "can_be_shown",
    "certificates_as_pem",
    "is_remote",
    "is_remote_key",
    "load_certificate",
    "load_certificates",
    "load_private_key",
    "load_public_key",
    "looks_like_a_path",
    "names_a_file",
    "pkcs1_to_spki",
    "read",
    "read_passphrase",
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


def is_remote_key(key: object) -> bool:
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


KeySource: TypeAlias = "str | bytes | os.PathLike[str] | RSAPrivateKey | tuple[Any, str | bytes | None] | list[Any]"
_CERTIFICATES = re.compile(
    rb"(?:\s*-----BEGIN CERTIFICATE-----\s+[A-Za-z0-9+/=\r\n]+-----END CERTIFICATE-----(?=\s|\Z))+\s*"
)
PublicKeySource: TypeAlias = "str | bytes | os.PathLike[str] | RSAPublicKey | x509.Certificate"

# Source: https://www.rfc-editor.org/rfc/rfc1423#section-1.1
_VECTOR = re.compile(rb"DEK-Info:\s*([^,\s]*)\s*,\s*([0-9A-Fa-f]*)")
_PEM_MARK = b"-----BEGIN "
# The last line of a PEM file is shorter than the others: that of an RSA key of 2048 bits has 24 to 28 characters.
_RUN = re.compile(r"[A-Za-z0-9+=]{16,}")
_RUN_WITH_SLASHES = re.compile(r"[A-Za-z0-9+/=]{16,}")
# As JSON, or JSON within JSON, leaves a line break of PEM text.
_ESCAPED_BREAK = re.compile(r"(?:\\+r)?\\+n|\\+r")
# SEQUENCE of the object identifier 1.2.840.113549.1.1.1 and NULL.
_RSA_ENCRYPTION = bytes.fromhex("300d06092a864886f70d0101010500")
_LEAST_BITS = 2048
# EncryptedPrivateKeyInfo of PKCS#8 in DER: its first object identifier is one of PKCS#5 or of PKCS#12.
_ENCRYPTED = re.compile(
    rb"\x30.{1,5}\x30.{1,5}?\x06(?:\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05|\x0a\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01)",
    re.DOTALL,
)
_ARCHIVE = "a PKCS#12 archive (.p12); its key is in apiclient_key.pem beside it, the archive itself goes into merchant"
# What people take for a key, by how it begins.
_FORMATS = (
    (re.compile(rb"\x30(?:[\x00-\x7f]|\x80|\x81.|\x82..|\x83.{3}|\x84.{4})\x02\x01\x03\x30", re.DOTALL), _ARCHIVE),
    (re.compile(rb"\xff\xfe|\xfe\xff|\x00\x00\xfe\xff"), "text in UTF-16; save it as UTF-8"),
    (re.compile(rb"(?:[^\0]\0){16}|(?:\0[^\0]){16}"), "text in UTF-16; save it as UTF-8"),
    (re.compile(rb"PK\x03\x04"), "a zip archive; unpack it"),
    (re.compile(rb"\xfe\xed\xfe\xed|\xce\xce\xce\xce"), "a Java keystore; export the key as PEM"),
    (re.compile(rb"PuTTY-User-Key-File"), "a key of PuTTY; export it as an OpenSSL key"),
    (re.compile(rb"ssh-[a-z0-9]+ "), "a public key of SSH"),
    (re.compile(rb"(?:\xef\xbb\xbf)?\s*[<{]"), "XML, HTML or JSON"),
)
_PUBLIC_LABELS = frozenset({"CERTIFICATE", "PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE REQUEST"})
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

    An encrypted key comes as ``(key, passphrase)``. Raises ConfigError that names ``field``, the file, and what was
    found there instead; never the key.
    """
    source, secret = _split_pair(source, field, password)
    if isinstance(source, RSAPrivateKey):
        return _check_size(source, field)
    if is_remote(source, "sign"):
        return remote_private_key(source, field)
    key, found, origin = _private(source, field, secret)
    if isinstance(key, RSAPrivateKey):
        return _check_size(key, field, origin)
    raise ConfigError(f"{field}: expected an RSA private key{origin}, found {found}", field)


@hide_values
def load_public_key(source: PublicKeySource, field: str) -> RSAPublicKey:
    """The RSA public key in ``source``: as for the private key, X.509 certificates, or any object with ``verify``.

    Raises ConfigError that names ``field``, the file, and what was found there instead.
    """
    if isinstance(source, RSAPublicKey):
        return _check_size(source, field)
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
        return _check_size(key, field, origin)
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


@hide_values
def read_passphrase(passphrase: object, field: str) -> bytes | None:
    """A passphrase as bytes, None for none; ConfigError for anything but text and bytes, with its type alone."""
    if passphrase is None or isinstance(passphrase, bytes):
        return passphrase
    if isinstance(passphrase, str):
        return passphrase.encode("utf-8", "replace")
    found = type(passphrase).__name__
    hint = "; write it in quotes, a number may have lost its zeros" if found in ("int", "float") else ""
    raise ConfigError(f"{field}: expected the passphrase as text, found {found}{hint}", field.partition(".")[0])


def certificates_as_pem(source: PublicKeySource, field: str) -> bytes | None:
    """The text of a source that holds certificates as PEM and nothing else; None for any other.

    What is in them is not looked at: to read X.509 is a tenth of a cold start, and OpenSSL reads it again for TLS.
    """
    if _is_certificate(source):
        return None
    data = _read(source, field)[0]
    return data if _CERTIFICATES.fullmatch(data) else None


def load_certificates(source: PublicKeySource, field: str) -> list[x509.Certificate]:
    """Every X.509 certificate in ``source``, a bundle of PEM for one; ConfigError when it holds something else."""
    if _is_certificate(source):
        return [source]
    data, origin = _read(source, field)
    from cryptography import x509

    with contextlib.suppress(ValueError):
        if _PEM_MARK in data:
            return x509.load_pem_x509_certificates(data)
    certificate = _certificate(data)
    if certificate is None:
        raise ConfigError(f"{field}: expected certificates{origin}, found {_found(data)}", field)
    return [certificate]


def serial_of(certificate: x509.Certificate) -> str:
    """A certificate's serial as WeChat Pay and openssl write it: upper-case hex, two digits for each byte."""
    digits = f"{certificate.serial_number:X}"
    return digits.zfill(len(digits) + len(digits) % 2)


def pkcs1_to_spki(der: bytes) -> bytes:
    """The DER of a SubjectPublicKeyInfo around the DER of a PKCS#1 public key, whose content is not looked at.

    Source: https://www.rfc-editor.org/rfc/rfc8017#appendix-A.1
    """
    return _der(b"\x30", _RSA_ENCRYPTION + _der(b"\x03", b"\0" + der))


def _split_pair(source: Any, field: str, password: Any) -> tuple[Any, bytes | None]:
    """A key and its passphrase, which may come as a pair."""
    if isinstance(source, list | tuple) and len(source) == 2:
        source, password = source
    return source, read_passphrase(password, field)


_Key = TypeVar("_Key", RSAPrivateKey, RSAPublicKey)


def _check_size(key: _Key, field: str, origin: str = "") -> _Key:
    """The key; ConfigError for one that is too short for WeChat Pay's signatures.

    Source: https://pay.weixin.qq.com/doc/v3/merchant/4012365342
    """
    if key.key_size >= _LEAST_BITS:
        return key
    told = f"expected an RSA key of {_LEAST_BITS} bits{origin}, found one of {key.key_size}"
    told += ", which WeChat Pay does not take"
    raise ConfigError(f"{field}: {told}", field)


def _private(source: object, field: str, secret: bytes | None) -> tuple[object, str, str]:
    """What was read, what to call it if it is no RSA private key, and where it came from."""
    data, origin = _read(source, field)
    key = _first(data, *_readers(secret))
    if key is None and secret is not None:  # cryptography refuses a password that is not needed
        key = _first(data, *_readers(None))
    if isinstance(key, RSAPrivateKey) and not _is_sound(key):
        key = None
    return key, _found(data, key, tried=secret is not None, private=True), origin


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
    if file_urls.is_file_url(text):
        return _read_file(Path(file_urls.path_of(text)), field)
    if _PEM_MARK.decode() in text:
        return _ESCAPED_BREAK.sub("\n", text).encode("utf-8", "replace"), ""
    if _base64(text) is not None:
        return "".join(text.split()).encode("ascii"), ""
    return _read_file(Path(text), field)


def _read_file(path: Path, field: str) -> tuple[bytes, str]:
    # Text that is no path is perhaps a key, whole or broken: then only its length may be shown.
    name = repr(str(path)) if can_be_shown(str(path)) else f"{len(str(path))} characters"
    try:
        return path.expanduser().read_bytes(), f" in {name}"
    except (OSError, ValueError, RuntimeError) as error:  # the last: ~ of a user who does not exist
        reason = getattr(error, "strerror", None) or "not a path"
    raise ConfigError(f"{field}: neither a key nor a readable file: {name} ({reason})", field)


def looks_like_a_path(text: str) -> bool:
    """Whether text is a file's name rather than a key, whole or broken."""
    return len(text) < 256 and text.isprintable() and ("." in text or max(map(len, text.split("/"))) < 32)


def can_be_shown(text: str) -> bool:
    """Whether text looks like a path and holds nothing that may be a line of a key, however short."""
    run = _RUN if "." in text or text.startswith(("/", "~")) else _RUN_WITH_SLASHES
    return looks_like_a_path(text) and not any(map(_is_base64_like, run.findall(text)))


def _is_base64_like(run: str) -> bool:
    return run.upper() != run != run.lower() and not run.isalpha()


def names_a_file(source: object) -> bool:
    """Whether ``source`` is a path or a ``file://`` URL, and no key itself."""
    if isinstance(source, os.PathLike):
        return True
    if not isinstance(source, str) or source.strip().startswith(tuple(_FORMS)):
        return False
    text = source.strip()
    return bool(text) and _PEM_MARK.decode() not in text and (file_urls.is_file_url(text) or _base64(text) is None)


def _readers(password: bytes | None) -> tuple[Callable[[bytes], Any], Callable[[bytes], Any]]:
    # OpenSSL's own check tests whether two numbers of 1024 bits are prime, which is a fifth of a process that makes
    # one call. What a damaged key does not pass is checked by ``_is_sound``.
    return (
        lambda pem: serialization.load_pem_private_key(pem, password, unsafe_skip_rsa_key_validation=True),
        lambda der: serialization.load_der_private_key(der, password, unsafe_skip_rsa_key_validation=True),
    )


def _is_sound(key: RSAPrivateKey) -> bool:
    """Whether the numbers of a key belong together, and what it signs is what its public half verifies.

    A factor that is not prime fails in the second. Source: https://www.rfc-editor.org/rfc/rfc8017#section-3.2
    """
    if key.key_size < _LEAST_BITS:
        return True  # it is refused for its size
    own = key.private_numbers()
    n, e = own.public_numbers.n, own.public_numbers.e
    if e < 3 or own.p < 3 or own.q < 3 or own.p * own.q != n:
        return False
    for factor, exponent in ((own.p, own.dmp1), (own.q, own.dmq1)):
        if exponent != own.d % (factor - 1) or exponent * e % (factor - 1) != 1:
            return False
    if own.iqmp * own.q % own.p != 1:
        return False
    try:
        key.public_key().verify(key.sign(b"", PKCS1v15(), SHA256()), b"", PKCS1v15(), SHA256())
    except (ValueError, InvalidSignature, InternalError):
        return False
    return True


def _first(data: bytes, from_pem: Callable[[bytes], Any], from_der: Callable[[bytes], Any]) -> Any:
    """The first reading that works, or None: PEM, then base64 or raw DER."""
    if _has_short_vector(data):
        return None
    try:
        if _PEM_MARK in data:
            return from_pem(data)
        return from_der(_base64(data.decode("latin-1")) or data)
    except BaseException as error:
        # cryptography raises UnsupportedAlgorithm, a bare Exception, for exotic keys. What its Rust code takes for
        # impossible is a PanicException, which is no Exception and has no public name.
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            return None
        raise


def _has_short_vector(data: bytes) -> bool:
    """Whether an encrypted PEM was cut in its initialization vector, at which cryptography panics."""
    found = _VECTOR.search(data)
    return found is not None and len(found[2]) < 2 * (8 if found[1].startswith(b"DES") else 16)


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
        return _check_size(key, field, origin)
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


def _found(data: bytes, key: object = None, tried: bool = False, private: bool = False) -> str:
    """What the bytes are instead: the key that they hold, their first PEM label, or a known other format."""
    if key is not None:
        return f"an {type(key).__name__}"
    if not data.strip():
        return "nothing"
    label = data.partition(_PEM_MARK)[2].partition(b"-----")[0][:40].decode("ascii", "replace")
    if not label:
        data = _base64(data.decode("latin-1")) or data
        if data.startswith(_PEM_MARK):
            return "PEM text in base64; decode it once"
    other = next((words for pattern, words in _FORMATS if pattern.match(data)), "")
    told = other or (f"PEM text {label!r}" if label else "")
    if label.startswith("ENCRYPTED") or b"Proc-Type: 4,ENCRYPTED" in data or (not label and _ENCRYPTED.match(data)):
        needs = "needs its password" + (": pass (key, passphrase) in its place" if private else "")
        return f"{told or 'an encrypted key'} that {'this password does not open' if tried else needs}"
    if private and label in _PUBLIC_LABELS:
        return f"{told}, which holds no private key; that is in apiclient_key.pem"
    if label == "OPENSSH PRIVATE KEY":
        return f"{told}; convert it with ssh-keygen -p -m PKCS8 -f FILE"
    if not private and label.endswith("PRIVATE KEY") and not other:
        return f"{told}, which is not public; WeChat Pay's key is in pub_key.pem, a certificate in apiclient_cert.pem"
    if label and not other:
        return f"{told} that is none, or cannot be read"
    return told or f"{len(data)} bytes that are none"
