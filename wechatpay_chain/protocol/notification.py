"""What WeChat Pay pushes to a merchant: verified, decrypted, or refused by an error. No web framework is known here.

Source: https://pay.weixin.qq.com/docs/merchant/apis/h5-payment/payment-notice.html
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from wechatpay_chain.crypto import ciphers, digest
from wechatpay_chain.errors import BusinessError, ConfigError, DecryptionError, HeadersIncomplete, SignatureMismatch
from wechatpay_chain.protocol.merchant import Merchant
from wechatpay_chain.protocol.v2 import APIv2
from wechatpay_chain.protocol.v2_fields import outcome
from wechatpay_chain.protocol.v3 import SIGNATURE_HEADERS, APIv3
from wechatpay_chain.protocol.xml import XMLError, from_xml
from wechatpay_chain.response import parse_json

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = [
    "Notification",
    "NotificationV2",
    "raw_body",
    "read",
    "read_v2",
    "signature_headers",
]

_NAMES = {name.lower(): name for name in SIGNATURE_HEADERS}
_CGI_PREFIX = "http_"
# They are no part of a value, and some servers hand them over. Source: RFC 9110, 5.5.
_BLANKS = " \t"


class Notification:
    """One verified notification.

    ``id`` is the same in every resend; ``resource`` is what was encrypted, as a dict; ``create_time`` is RFC 3339
    text; ``raw`` is the body as it arrived. What WeChat Pay left out is empty text.
    """

    # No dataclass: a framework that fills dataclasses from a body would make one of what nobody verified.
    __slots__ = ("create_time", "event_type", "id", "original_type", "raw", "resource", "resource_type", "summary")
    id: str
    event_type: str
    resource_type: str
    summary: str
    create_time: str
    original_type: str
    resource: dict[str, Any]
    raw: bytes

    def __init__(self, envelope: Mapping[str, Any], resource: dict[str, Any], raw: bytes) -> None:
        self.id = _text(envelope, "id")
        self.event_type = _text(envelope, "event_type")
        self.resource_type = _text(envelope, "resource_type")
        self.summary = _text(envelope, "summary")
        self.create_time = _text(envelope, "create_time")
        self.original_type = _text(envelope["resource"], "original_type")
        self.resource = resource
        self.raw = raw

    def __repr__(self) -> str:
        return f"<Notification {self.id} {self.event_type}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Notification):
            return NotImplemented
        return (self.raw, self.resource) == (other.raw, other.resource)

    def __hash__(self) -> int:
        return hash(self.raw)


def read(protocol: APIv3, merchant: Merchant, headers: object, body: object, now: float | None = None) -> Notification:
    """The notification in a request's headers and raw body: clock and signature are checked, then it is decrypted.

    ``headers`` is any mapping or list of pairs, ``body`` the very bytes that arrived, ``now`` the clock in seconds.
    Raises the VerificationError that tells why it is not proven to be WeChat Pay's, DecryptionError when the APIv3
    key does not open it, ConfigError without that key, TypeError for headers and bodies of a wrong kind.
    """
    content = raw_body(body)
    found = signature_headers(headers)
    if now is not None:
        _check_moment(now)
    cipher = merchant.cipher
    protocol.verify("", found, content, now)
    envelope = _object(content, "body")
    if not _text(envelope, "id"):
        raise DecryptionError("id: missing in a notification; duplicates could not be told from it")
    resource = envelope.get("resource")
    if not isinstance(resource, dict):
        raise DecryptionError(f"resource: expected an object, found {type(resource).__name__}")
    return Notification(envelope, _decrypt_resource(resource, cipher), content)


def _check_moment(now: object) -> None:
    """A clock that is no number would be neither too early nor too late."""
    if not isinstance(now, int | float) or isinstance(now, bool) or not math.isfinite(now):
        found = f"{now!r:.40}" if isinstance(now, float) else type(now).__name__
        raise TypeError(f"now: expected Unix seconds, found {found}")


def raw_body(body: object) -> bytes:
    """``body`` as bytes; TypeError for text and for what a framework has parsed already."""
    if type(body) is bytes:
        return body
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body)
    raise TypeError(
        f"body: expected the raw body as bytes, found {type(body).__name__}; the signature covers the very bytes"
        " that arrived"
    )


def signature_headers(headers: object) -> dict[str, str]:
    """The four signature headers under their own names, from any form in which a server hands headers over.

    That is a mapping or a list of pairs, names in any case or as WSGI's ``HTTP_…``, text or bytes, one value or a
    list. A header that is there twice with different values raises HeadersIncomplete.
    """
    found: dict[str, str] = {}
    for given, values in _pairs(headers):
        try:
            name = _name_of(given)
        except TypeError:  # what cannot be hashed is no name
            continue
        if name is None:
            continue
        if type(values) is str and name not in found:
            found[name] = values.strip(_BLANKS)
            continue
        for value in values if isinstance(values, list | tuple) else (values,):
            text = value.decode("latin-1") if isinstance(value, bytes) else value
            if not isinstance(text, str):
                raise HeadersIncomplete(f"{name}: expected ASCII text of one line, found {type(text).__name__}")
            text = text.strip(_BLANKS)
            if found.setdefault(name, text) != text:
                raise HeadersIncomplete(f"{name}: there twice, with different values; it may not be WeChat Pay's")
    return found


def _pairs(headers: object) -> Iterable[tuple[object, object]]:
    if isinstance(headers, dict):
        return headers.items()
    items = getattr(headers, "items", None)
    pairs = items() if callable(items) else headers
    if isinstance(pairs, str | bytes) or not isinstance(pairs, Iterable):
        raise TypeError(f"headers: expected a mapping or pairs of name and value, found {type(headers).__name__}")
    return map(_pair, pairs)


def _pair(pair: object) -> tuple[object, object]:
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        raise TypeError(f"headers: expected pairs of name and value, found {type(pair).__name__} among them")
    return pair[0], pair[1]


# Servers send the same names again and again.
@lru_cache(maxsize=256)
def _name_of(given: object) -> str | None:
    text = given.decode("latin-1") if isinstance(given, bytes) else given
    return _NAMES.get(text.lower().removeprefix(_CGI_PREFIX).replace("_", "-")) if isinstance(text, str) else None


def _decrypt_resource(resource: dict[str, Any], cipher: AESGCM) -> dict[str, Any]:
    algorithm = resource.get("algorithm")
    if algorithm != ciphers.AEAD_AES_256_GCM:
        raise DecryptionError(f"resource.algorithm: expected {ciphers.AEAD_AES_256_GCM}, found {str(algorithm)[:40]!r}")
    ciphertext, nonce = _require(resource, "ciphertext"), _require(resource, "nonce")
    associated = _text(resource, "associated_data")
    plain = ciphers.decrypt_with(cipher, ciphertext, _bytes(nonce), _bytes(associated))
    return _object(plain, "resource.ciphertext")


def _object(text: bytes, name: str) -> dict[str, Any]:
    try:
        value = parse_json(text)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        return value
    raise DecryptionError(f"{name}: verified, but its {len(text)} bytes are no JSON object")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def _require(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise DecryptionError(f"resource.{name}: expected text, found {type(value).__name__}")
    return value


_ENCRYPTED = "req_info"
# What a refund notice says outside of what is encrypted. Nothing proves it, so nothing else is taken from there.
_UNPROVEN = ("return_code", "return_msg", "appid", "mch_id", "sub_appid", "sub_mch_id", "nonce_str")


class NotificationV2(dict[str, Any]):
    """The fields of one notice of APIv2, as a dict.

    ``verified`` tells whether they are signed. A refund's are not: its ``req_info`` is encrypted by AES in ECB mode
    under the APIv2 key and nothing else, so blocks of two notices can be put together, and one can be sent again for
    ever. Take it as a hint, and ask ``refundquery`` for the refund before anything is booked.
    Source: https://pay.weixin.qq.com/wiki/doc/api/jsapi.php?chapter=9_16&index=10
    """

    verified: bool

    def __init__(self, fields: Mapping[str, Any] = MappingProxyType({}), verified: bool = False) -> None:
        super().__init__(fields)
        self.verified = verified


def read_v2(protocol: APIv2, merchant: Merchant, body: object) -> NotificationV2:
    """The fields of a notice; ``req_info`` of a refund is opened and is a dict too.

    A payment that failed (``result_code``) is told as it is, for it is signed. A refund has no signature and is not
    ``verified``: all that speaks for it is that the APIv2 key opens ``req_info``, and ``mch_id``, which has to be this
    merchant. The protocol has no more, so ask ``refundquery`` before anything is booked. Raises
    SignatureMismatch for a notice that is not proven, DecryptionError when the APIv2 key does not open ``req_info``,
    BusinessError for a ``return_code`` other than SUCCESS, ConfigError without that key, TypeError for a body that is
    no bytes.
    """
    content = raw_body(body)
    if not merchant.secret:
        raise ConfigError("secret: missing; notices of APIv2 are signed and encrypted with it", "secret")
    fields = _fields(content)
    if outcome(fields, "return_code") != "SUCCESS":
        raise BusinessError.of(fields, verified=False)
    signed = bool(fields.get("sign")) or _ENCRYPTED not in fields
    if signed:
        protocol.verify(_fields(content, flat=True))
        if not fields.get(_ENCRYPTED):
            outcome(fields, "result_code")
    else:
        fields = {name: fields[name] for name in (*_UNPROVEN, _ENCRYPTED) if name in fields}
        _check_merchant(fields.get("mch_id"), merchant)
    if _ENCRYPTED in fields:
        fields[_ENCRYPTED] = _decrypt_v2(fields, merchant)
    return NotificationV2(fields, signed)


def _fields(content: bytes, flat: bool = False) -> dict[str, Any]:
    try:
        return from_xml(content, flat=flat)
    except XMLError as error:
        reason = str(error)
    raise SignatureMismatch(f"the notice is no XML of WeChat Pay: {reason}")


def _check_merchant(number: object, merchant: Merchant) -> None:
    """What opens under this merchant's key was sent to this merchant, whoever is named around it."""
    if number != merchant.mchid:
        found = f"{number!r:.40}" if isinstance(number, str) else "nothing"
        raise SignatureMismatch(f"mch_id: expected this client's merchant {merchant.mchid}, found {found}")


def _decrypt_v2(fields: Mapping[str, Any], merchant: Merchant) -> dict[str, Any]:
    text = fields[_ENCRYPTED]
    if not isinstance(text, str):
        raise DecryptionError(f"{_ENCRYPTED}: expected text, found {type(text).__name__}")
    plain = ciphers.ecb_decrypt(text, digest.md5(merchant.secret).encode("ascii"))
    try:
        return from_xml(plain)
    except XMLError as error:
        raise DecryptionError(f"{_ENCRYPTED}: opened, but {error}") from None
