"""APIv2: fields that are signed with the shared key, and the verification of answers.

Source: https://pay.weixin.qq.com/doc/v2/merchant/4011985891
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from functools import partial
from typing import Any

from wechatpay_chain.crypto import digest
from wechatpay_chain.encoding import scalars
from wechatpay_chain.encoding.style import PHP, Style
from wechatpay_chain.errors import BusinessError, ChainError, SignatureMismatch
from wechatpay_chain.protocol.merchant import Holder
from wechatpay_chain.protocol.signer import Signature, VerifyResult, is_file, looks_like_xml, strip_blanks
from wechatpay_chain.protocol.v2_fields import check_fields, has_result, outcome
from wechatpay_chain.protocol.xml import XMLError, from_xml

__all__ = ["APIv2", "is_unsigned", "text_of"]

# The merchant's number stands under one of these names, the first that is there.
_MERCHANT_NAMES = ("mch_id", "mchid", "combine_mch_id")

# Answers that are a file of rows, or else a refusal.
FILES = re.compile(
    r"/(sandboxnew/)?pay/(downloadbill|downloadfundflow|batchquerycomment)|/billcommentsp/batchquerycomment"
)
# Other answers without a signature. Sources: the pages of each API, and the same table of wechatpay-php 1.4.
UNSIGNED = re.compile(
    r"/mchrisk/(querymchrisk|setmchriskcallback|syncmchriskresult)"
    r"|/mmpaymkttransfers/(gethbinfo|gettransferinfo|send_coupon|sendgroupredpack|sendminiprogramhb|sendredpack)"
    r"|/mmpaymkttransfers/promotion/(paywwsptrans2pocket|querywwsptrans2pocket|transfers)"
    r"|/papay/(partner/)?(h5)?entrustweb"
    r"|/payitil/report"
    r"|/risk/(getpublickey|getviolation)"
    r"|/secapi/mch/submchmanage"
    r"|/xdc/apiv2getsignkey/sign/getsignkey"
)

# What pays out tells its outcome in XML: the page of a gateway in its place, or nothing, is no success.
_PAYING = "/mmpaymkttransfers/"


def text_of(fields: Mapping[str, Any], style: Style = PHP) -> str:
    """The fields as they are signed: in the order of their names, without ``sign``, None and empty text."""
    ordered = dict(sorted(fields.items(), key=lambda field: str(field[0]).encode("utf-8", "surrogatepass")))
    return digest.query_string(ordered, partial(scalars.signed_text, style=style))


def is_unsigned(path: str) -> bool:
    """Whether WeChat Pay leaves the answer to this call unsigned."""
    return (FILES.fullmatch(path) or UNSIGNED.fullmatch(path)) is not None


class APIv2(Holder):
    """Signs payloads of a merchant and verifies answers, with the APIv2 key."""

    refuses_in_body = True

    def __init__(self, mchid: str, secret: str) -> None:
        self._mchid = mchid
        self._secret = secret

    def __repr__(self) -> str:
        return f"<APIv2 of {self._mchid}>"

    def sign_fields(self, payload: Mapping[str, Any], nonceless: bool = False, style: Style = PHP) -> dict[str, Any]:
        """``payload`` with ``nonce_str``, unless ``nonceless``, and ``sign``.

        Raises ChainError for another merchant's number, and for a ``sign_type`` that WeChat Pay does not have.
        """
        data = dict(payload)
        given = next((data[name] for name in _MERCHANT_NAMES if data.get(name) is not None), None)
        if str(given) != self._mchid:
            found = "is missing" if given is None else f"is {str(given)[:32]!r}"
            raise ChainError(f"mch_id: {found}, this client's merchant is {self._mchid}; nothing was sent")
        if not nonceless and data.get("nonce_str") is None:
            data["nonce_str"] = secrets.token_hex(16).upper()
        kind = data.get("sign_type")
        data["sign"] = self._sign(next(iter(digest.SIGN_TYPES)) if kind is None else kind, data, style)
        return data

    def sign(self, method: str, target: str, body: bytes) -> Signature:
        """What a call carries is signed in its fields already: no header, no text of its own."""
        return Signature("", b"")

    def is_unsigned(self, method: str, path: str) -> bool:
        """Whether WeChat Pay leaves the answer to this call unsigned, and it is no outcome that has to be read."""
        return is_unsigned(path) and not path.startswith(_PAYING)

    def verify_digest(self, target: str, headers: Mapping[str, str]) -> bool:
        """False: what is signed are fields."""
        return False

    def verify_answer(
        self, method: str, path: str, target: str, status: int, headers: Mapping[str, str], body: bytes
    ) -> VerifyResult:
        """Check an answer; one of status 300 and above is no answer of APIv2 and proves nothing.

        Raises SignatureMismatch when it is not signed with the APIv2 key, or does not tell its outcome, and
        BusinessError when WeChat Pay refused; a refusal of the transport (``return_code``) carries no signature.
        """
        if status >= 300:
            return VerifyResult(verified=False)
        unsigned, names_file = is_unsigned(path), FILES.fullmatch(path) is not None
        if unsigned and (is_file(body) if names_file else not path.startswith(_PAYING) and not looks_like_xml(body)):
            return VerifyResult(verified=False)
        try:
            data = from_xml(strip_blanks(body)) if unsigned else from_xml(body, flat=True)
        except XMLError as error:
            raise SignatureMismatch(f"the answer is no XML of WeChat Pay: {error}") from None
        if outcome(data, "return_code") != "SUCCESS":
            raise BusinessError.of(data, verified=False)
        if not unsigned:
            self.verify(data)
        if data.get("result_code") and outcome(data, "result_code") != "SUCCESS":
            raise BusinessError.of(data, verified=not unsigned)
        if names_file:
            raise SignatureMismatch("the answer is XML in the place of a file, and no refusal of WeChat Pay")
        if has_result(path):
            outcome(data, "result_code")
        return VerifyResult(not unsigned, data)

    def verify(self, data: Mapping[str, Any]) -> None:
        """Prove by their ``sign`` that WeChat Pay made these fields.

        Raises SignatureMismatch when it does not fit, or when the text that it covers has a second reading.
        """
        sign = data.get("sign")
        if not isinstance(sign, str) or not sign:
            raise SignatureMismatch("no sign among the fields; it may not be WeChat Pay's")
        if not any(digest.equals(self._sign(kind, data), sign) for kind in digest.sign_types_of(sign)):
            raise SignatureMismatch("the sign does not fit the fields and the APIv2 key (secret)")
        check_fields(data)

    def _sign(self, kind: Any, data: Mapping[str, Any], style: Style = PHP) -> str:
        if not isinstance(kind, str) or kind not in digest.SIGN_TYPES:
            expected = " or ".join(digest.SIGN_TYPES)
            raise ChainError(f"sign_type: expected {expected}, found {str(kind)[:40]!r}; nothing was sent")
        try:
            return digest.sign(kind, text_of(data, style), self._secret)
        except UnicodeEncodeError:
            reason = "a field holds text that UTF-8 cannot"
        except RecursionError:
            reason = "a field is nested too deep, or in itself"
        except ValueError:
            reason = "a field is a number of more than 4300 digits"
        raise ChainError(f"xml: {reason}; nothing was sent")
