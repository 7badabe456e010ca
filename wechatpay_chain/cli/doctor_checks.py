"""What a configuration says before anything is sent: each check with what was found and how to mend it.

Where the entries come from: https://pay.weixin.qq.com/doc/v3/merchant/4013053249
"""

from __future__ import annotations

import contextlib
import difflib
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from wechatpay_chain.crypto import key_loader
from wechatpay_chain.errors import ConfigError
from wechatpay_chain.protocol.certificate_folder import Folder
from wechatpay_chain.protocol.keyring import canonical
from wechatpay_chain.protocol.merchant import Merchant
from wechatpay_chain.settings import VARIABLES

if TYPE_CHECKING:
    from cryptography import x509

__all__ = ["FAILED", "OK", "SKIPPED", "Check", "check_configuration", "check_variables", "key_ids"]

OK, FAILED, SKIPPED = "ok", "failed", "skipped"

_BITS = 2048
_CERTIFICATE_FILE = "apiclient_cert.pem"
_KEY_ID = re.compile(r"PUB_KEY_ID_[0-9]{28,}")
_SERIAL_DIGITS = 40
_SECRET_LENGTH = 32
# WECHATPAY_APIV3KEY, _API_V3_KEY, _MCH_ID and _SERIAL_NO are so close; _NOTIFY_URL is nobody's.
_CLOSE = 0.89
_HEX = re.compile(r"[0-9A-Fa-f]+")
_V2_ALONE = "none; APIv2 alone is configured"
# Keys that stand in documentation and tutorials: few letters, a row of them, or words.
_FEWEST_LETTERS = 8
_LETTERS, _DIGITS = "abcdefghijklmnopqrstuvwxyz", "0123456789"
_ROWS = (_DIGITS * 7, (_DIGITS[1:] + "0") * 7, (_LETTERS + _DIGITS) * 2, (_DIGITS + _LETTERS) * 2, _LETTERS * 3)
_WORDS = ("apiv3", "example", "your", "xxxx", "wechat", "secret")
_CONSOLE = "pay.weixin.qq.com, account centre, API security"


class Check(NamedTuple):
    """One check: its ``outcome`` is ok, failed or skipped; ``remedy`` is empty unless it failed."""

    name: str
    outcome: str
    found: str
    remedy: str = ""


def check_configuration(entries: Mapping[str, Any]) -> Iterator[Check]:
    """The checks of a client's entries; none of them shows a key."""
    brand = entries.get("brand_id") is not None
    yield _check_number("brand_id" if brand else "mchid", entries)
    key, check = _check_private_key(entries)
    yield check
    yield _check_serial(entries, key)
    yield _check_certificate(entries, key)
    yield from _check_keys(entries, key)
    if not brand:
        yield _check_apiv3_key(entries)
    if entries.get("secret") is not None:
        yield _check_secret(entries)


def check_variables(environment: Mapping[str, str]) -> Iterator[Check]:
    """A variable that nobody reads, where its name is almost that of one that is read and not set."""
    unset = [name for name in VARIABLES if not environment.get(name)]
    for name in sorted(environment):
        if name.startswith("WECHATPAY_") and name not in VARIABLES:
            meant = difflib.get_close_matches(name, unset, n=1, cutoff=_CLOSE)
            if meant:
                yield Check("variables", FAILED, f"{name[:60]} is not read by anybody", f"rename it to {meant[0]}")


def _has_v2_alone(entries: Mapping[str, Any]) -> bool:
    of_v3 = ("serial", "private_key", "public_key", "public_key_id", "certs", "certs_dir")
    return entries.get("secret") is not None and all(entries.get(name) is None for name in of_v3)


def _check_number(name: str, entries: Mapping[str, Any]) -> Check:
    value = entries.get(name)
    if isinstance(value, str) and value.strip().startswith("wx"):
        return Check(name, FAILED, f"{value.strip()[:24]!r} is an appid", "set the merchant's number, ten digits or so")
    try:
        number = Merchant.of(
            value if name == "mchid" else None, None, None, None, None, entries.get("brand_id")
        ).identity
    except ConfigError as error:
        return Check(name, FAILED, str(error), f"set it; the console shows it at {_CONSOLE}")
    return Check(name, OK, number)


def _check_private_key(entries: Mapping[str, Any]) -> tuple[RSAPrivateKey | None, Check]:
    name, source = "private key", entries.get("private_key")
    if source is None:
        if _has_v2_alone(entries):
            return None, Check(name, SKIPPED, _V2_ALONE)
        return None, Check(name, FAILED, "private_key: missing", "give apiclient_key.pem of the certificate's archive")
    try:
        key = key_loader.load_private_key(source, "private_key")
    except ConfigError as error:
        return None, Check(name, FAILED, str(error), "give apiclient_key.pem, as the certificate tool wrote it")
    if key_loader.is_remote_key(key):
        return None, Check(name, SKIPPED, "an object that signs; the signed call tries it")
    if key.key_size != _BITS:
        remedy = "ask for a new API certificate with the certificate tool, which makes RSA-2048"
        return key, Check(name, FAILED, f"RSA-{key.key_size}, expected RSA-{_BITS}", remedy)
    return key, Check(name, OK, f"readable, RSA-{key.key_size}")


def _check_serial(entries: Mapping[str, Any], key: RSAPrivateKey | None) -> Check:
    name, serial = "serial", entries.get("serial")
    if _has_v2_alone(entries):
        return Check(name, SKIPPED, _V2_ALONE)
    remedy = f"set the serial of the merchant's API certificate: {_CONSOLE}, or openssl x509 -serial -noout -in FILE"
    if serial is None:
        return Check(name, FAILED, "serial: missing", remedy)
    try:
        # Any key will do for the form of a serial.
        found = Merchant.of("1", serial, key or _ANY_KEY, None).serial
    except ConfigError as error:
        return Check(name, FAILED, str(error), remedy)
    if canonical(found) in map(canonical, key_ids(entries)):
        return Check(name, FAILED, f"{found} is the serial of a certificate of WeChat Pay's (certs)", remedy)
    if entries.get("brand_id") is None and len(found) != _SERIAL_DIGITS:
        return Check(name, FAILED, f"{len(found)} digits, expected {_SERIAL_DIGITS}", remedy)
    return Check(name, OK, found)


class _AnyKey:
    """A key that nobody signs with."""

    def sign(self, message: bytes) -> bytes:
        raise NotImplementedError


_ANY_KEY = _AnyKey()


def _check_certificate(entries: Mapping[str, Any], key: RSAPrivateKey | None) -> Check:
    """Whether the merchant's certificate, where it is at hand, is that of key and serial, and in force."""
    name = "certificate"
    try:
        certificate, where = _merchant_certificate(entries)
    except (ConfigError, ValueError) as error:
        return Check(name, FAILED, str(error), "give apiclient_cert.pem of the certificate's archive")
    if certificate is None:
        return Check(name, SKIPPED, "not at hand (merchant.cert); the signed call tells whether key and serial fit")
    serial, now = key_loader.serial_of(certificate), datetime.now(timezone.utc)
    if key is not None and _numbers(certificate.public_key()) != _numbers(key.public_key()):
        remedy = "take apiclient_key.pem and apiclient_cert.pem of one archive"
        return Check(name, FAILED, f"private_key is not the key of {where}", remedy)
    configured = entries.get("serial")
    if isinstance(configured, str) and canonical(configured.strip()) != canonical(serial):
        return Check(name, FAILED, f"{where} has another serial than the configured one", f"set serial to {serial}")
    if not certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc:
        until = f"{certificate.not_valid_before_utc:%Y-%m-%d} to {certificate.not_valid_after_utc:%Y-%m-%d}"
        return Check(name, FAILED, f"{where} is in force from {until}, not now", f"ask for a new one: {_CONSOLE}")
    return Check(name, OK, f"{where} fits key and serial, in force until {certificate.not_valid_after_utc:%Y-%m-%d}")


def _merchant_certificate(entries: Mapping[str, Any]) -> tuple[x509.Certificate | None, str]:
    """The merchant's certificate and where it was found: as configured, or beside the private key."""
    merchant, key = entries.get("merchant"), entries.get("private_key")
    if isinstance(merchant, Mapping) and merchant.get("cert"):
        return key_loader.load_certificates(merchant["cert"], "merchant.cert")[0], "merchant.cert"
    if key_loader.names_a_file(key) and not str(key).strip().startswith("file:"):
        beside = Path(str(key).strip()).expanduser().with_name(_CERTIFICATE_FILE)
        if beside.is_file():
            return key_loader.load_certificates(beside, _CERTIFICATE_FILE)[0], _CERTIFICATE_FILE
    return None, ""


def key_ids(entries: Mapping[str, Any]) -> list[str]:
    """The ids and serials under which keys of WeChat Pay's are configured."""
    return [name for name, _ in _keys(entries)]


def _keys(entries: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """WeChat Pay's keys that are configured by name or lie in a folder."""
    certs = entries.get("certs")
    named = [(str(name), key) for name, key in certs.items()] if isinstance(certs, Mapping) else []
    if entries.get("public_key") is not None or entries.get("public_key_id") is not None:
        named.append((str(entries.get("public_key_id") or ""), entries.get("public_key")))
    if entries.get("certs_dir") is not None:
        with contextlib.suppress(ConfigError):  # the client that is made later says what is wrong with it
            named += Folder.of(entries["certs_dir"], is_cache=False).certificates().items()
    return named


def _check_keys(entries: Mapping[str, Any], own: RSAPrivateKey | None) -> Iterator[Check]:
    keys = _keys(entries)
    if not keys and entries.get("certs_dir") is None:
        name = "WeChat Pay's key"
        if _has_v2_alone(entries):
            yield Check(name, SKIPPED, _V2_ALONE)
        elif entries.get("apiv3_key"):
            yield Check(name, OK, "none; certificates are downloaded with apiv3_key")
        else:
            remedy = f"set public_key_id and public_key (pub_key.pem): {_CONSOLE}"
            yield Check(name, FAILED, "neither public_key nor apiv3_key is configured", remedy)
    for key_id, source in keys:
        yield _check_key(key_id.strip(), source, own)


def _check_key(key_id: str, source: Any, own: RSAPrivateKey | None) -> Check:
    # The public key of a certificate may be given under its serial.
    is_serial = len(key_id) == _SERIAL_DIGITS and _HEX.fullmatch(key_id) is not None
    name = "platform certificate" if is_serial else "public key"
    remedy = f"download it and copy its id from the console: {_CONSOLE}"
    try:
        key = key_loader.load_public_key(source, f"certs[{key_id[:64]!r}]")
        certificate = None if key_loader.is_remote_key(key) else key_loader.load_certificate(source, "certs")
    except ConfigError as error:
        return Check(name, FAILED, str(error), remedy)
    name = name if certificate is None else "platform certificate"
    if certificate is None and not is_serial and not _KEY_ID.fullmatch(key_id):
        found = f"the id {key_id[:48]!r} has another form than PUB_KEY_ID_ and 28 digits or more"
        return Check(name, FAILED, found if key_id else "public_key_id: missing", remedy)
    if own is not None and not key_loader.is_remote_key(key) and _numbers(key) == _numbers(own.public_key()):
        found = f"{key_id[:64]}: this is the merchant's own key, not WeChat Pay's"
        return Check(name, FAILED, found, remedy)
    if certificate is not None and datetime.now(timezone.utc) >= certificate.not_valid_after_utc:
        found = f"{key_id[:64]} has expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
        return Check(
            name, FAILED, found, "take WeChat Pay's public key, or download certificates: wechatpay-chain certs"
        )
    return Check(name, OK, key_id)


def _check_apiv3_key(entries: Mapping[str, Any]) -> Check:
    name, source = "APIv3 key", entries.get("apiv3_key")
    remedy = f"set 32 letters and digits at {_CONSOLE}, and the same here"
    if source is None:
        return Check(name, SKIPPED, "none; notices cannot be opened without it")
    try:
        key = Merchant.of("1", None, None, source).apiv3_key or b""
    except ConfigError as error:
        return Check(name, FAILED, str(error), remedy)
    if _is_example(key.decode("latin-1")):
        return Check(name, FAILED, "an example or a placeholder, not a secret", remedy)
    return Check(name, OK, f"{len(key)} bytes")


def _check_secret(entries: Mapping[str, Any]) -> Check:
    """The APIv2 key: https://pay.weixin.qq.com/doc/v3/merchant/4013053267"""
    name, source = "APIv2 key", entries.get("secret")
    remedy = f"set 32 letters and digits at {_CONSOLE}, and the same here (secret)"
    text = source.decode("latin-1") if isinstance(source, bytes) else source
    if not isinstance(text, str) or len(text.strip()) != _SECRET_LENGTH:
        found = f"{len(text.strip())} characters" if isinstance(text, str) else type(source).__name__
        return Check(name, FAILED, f"secret: {found}, expected {_SECRET_LENGTH} characters", remedy)
    if _is_example(text):
        return Check(name, FAILED, "an example or a placeholder, not a secret", remedy)
    return Check(name, OK, f"{_SECRET_LENGTH} characters")


def _is_example(text: str) -> bool:
    text = text.strip().lower()
    is_row = len(set(text)) < _FEWEST_LETTERS or any(text in row for row in _ROWS)
    return is_row or any(word in text for word in _WORDS)


def _numbers(key: object) -> object:
    return key.public_numbers() if isinstance(key, RSAPublicKey) else None
