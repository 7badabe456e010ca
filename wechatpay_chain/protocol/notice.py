"""What APIv2 pushes to a merchant: signed XML, and refunds, whose content is encrypted instead.

Sources: https://wechatpay.js.org/webhook/v2/transaction-success (payments),
https://pay.weixin.qq.com/doc/v2/partner/4011989265 (refunds).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wechatpay_chain.crypto import digest, ecb
from wechatpay_chain.errors import BusinessError, ConfigError, DecryptionError, SignatureMismatch
from wechatpay_chain.protocol.merchant import Merchant
from wechatpay_chain.protocol.notification import raw_body
from wechatpay_chain.protocol.v2 import APIv2
from wechatpay_chain.protocol.xml import XMLError, from_xml

__all__ = ["read"]

_ENCRYPTED = "req_info"
# What a refund notice says outside of what is encrypted. Nothing proves it, so nothing else is taken from there.
_UNPROVEN = ("return_code", "return_msg", "appid", "mch_id", "sub_appid", "sub_mch_id", "nonce_str")


def read(protocol: APIv2, merchant: Merchant, body: object) -> dict[str, Any]:
    """The fields of a notice as a dict; ``req_info`` of a refund is opened and is a dict too.

    A payment that failed (``result_code``) is told as it is, for it is signed. A refund has no signature: what is
    proven is ``req_info``, since the APIv2 key opens it, and ``mch_id``, which has to be this merchant. Raises
    SignatureMismatch for a notice that is not proven, DecryptionError when the APIv2 key does not open ``req_info``,
    BusinessError for a ``return_code`` other than SUCCESS, ConfigError without that key, TypeError for a body that is
    no bytes.
    """
    content = raw_body(body)
    if not merchant.secret:
        raise ConfigError("secret: missing; notices of APIv2 are signed and encrypted with it", "secret")
    fields = _fields(content)
    code = fields.get("return_code")
    if not isinstance(code, str) or not code:
        raise SignatureMismatch("return_code: missing; it may not be WeChat Pay's")
    if code != "SUCCESS":
        raise BusinessError.of(fields, verified=False)
    if fields.get("sign") or _ENCRYPTED not in fields:
        protocol.verify(fields)
    else:
        fields = {name: fields[name] for name in (*_UNPROVEN, _ENCRYPTED) if name in fields}
        _check_merchant(fields.get("mch_id"), merchant)
    if _ENCRYPTED in fields:
        fields[_ENCRYPTED] = _opened(fields, merchant)
    return fields


def _fields(content: bytes) -> dict[str, Any]:
    try:
        return from_xml(content)
    except XMLError as error:
        reason = str(error)
    raise SignatureMismatch(f"the notice is no XML of WeChat Pay: {reason}")


def _check_merchant(number: object, merchant: Merchant) -> None:
    """What opens under this merchant's key was sent to this merchant, whoever is named around it."""
    if number != merchant.mchid:
        found = f"{number!r:.40}" if isinstance(number, str) else "nothing"
        raise SignatureMismatch(f"mch_id: expected this client's merchant {merchant.mchid}, found {found}")


def _opened(fields: Mapping[str, Any], merchant: Merchant) -> dict[str, Any]:
    text = fields[_ENCRYPTED]
    if not isinstance(text, str):
        raise DecryptionError(f"{_ENCRYPTED}: expected text, found {type(text).__name__}")
    # The key is in no local name: the frames of a traceback must not hold it.
    plain = ecb.decrypt(text, digest.md5(merchant.secret).encode("ascii"))
    try:
        return from_xml(plain)
    except XMLError as error:
        reason = str(error)
    finally:
        del plain
    raise DecryptionError(f"{_ENCRYPTED}: opened, but {reason}")
