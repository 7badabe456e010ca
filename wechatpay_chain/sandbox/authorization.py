"""The gateway's own checks of a request, in WeChat Pay's order and with its errors, which here say what is wrong too.

Order and texts: https://pay.weixin.qq.com/doc/v3/merchant/4012072670, and answers that were captured. ``message``
begins with WeChat Pay's text, and ``detail`` has its fields; ``detail.sandbox`` is what only a sandbox says.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from wechatpay_chain.catalog import tree
from wechatpay_chain.catalog.security import needs_certificate
from wechatpay_chain.crypto import digest
from wechatpay_chain.encoding.style import JS
from wechatpay_chain.protocol import v2
from wechatpay_chain.protocol.v3 import CLOCK_WINDOW
from wechatpay_chain.sandbox.answer import Received, Refusal
from wechatpay_chain.sandbox.diagnosis import Cause, Diagnosis, Parts, Request, diagnose
from wechatpay_chain.sandbox.diagnosis_v2 import diagnose_v2
from wechatpay_chain.sandbox.identity import Identity, Party, is_of_a_sandbox

__all__ = ["check", "check_v2", "expected_text", "why_no_xml"]

_FIELDS = frozenset({"nonce_str", "timestamp", "serial_no", "signature"})
_PAIR = re.compile(r'([a-z_]+)="([^"]*)"')
_DIGITS = re.compile("[0-9]{1,15}")
_LANGUAGES = frozenset({"en", "zh-CN", "zh-HK", "zh-TW"})
# Measured: these paths look at the signature first, and their 401 has no Request-ID.
_TRANSACTIONS = "/v3/pay/transactions/"
# Where the body's own merchant has to be the one that signs.
_ORDERS = re.compile(r"/v3/(pay/(partner/)?|combine-)transactions/")
_BODY_SHOWN = 8
_MILLISECONDS = 13
_MOST_HOURS = 14
_OTHER_SANDBOX = Cause(
    "this merchant belongs to another sandbox; take mchid, serial_no and private key from the one that runs at this"
    " address",
    "该商户属于另一个沙箱，请使用本沙箱的商户号、证书序列号和私钥",
)


class _Numbers(NamedTuple):
    """WeChat Pay's internal codes, with which a Request-ID ends."""

    malformed: int = 270924332
    signature: int = 268443699
    serial: int = 269546507
    mchid: int = 269546538


_NUMBERS = _Numbers()


def check(identity: Identity, party: Party, request: Received) -> None:
    """Raise the Refusal that WeChat Pay would answer with, unless ``party`` has signed the request."""
    is_transaction = request.target.startswith(_TRANSACTIONS)
    if not is_transaction:
        _check_headers(request)
    _check_language(request)
    fields = _fields(request, party, is_transaction)
    _check_time(fields["timestamp"])
    _Check(identity, party, request, fields).run()
    _check_payload(party, request)
    if is_transaction:
        # Whether these paths take a signed request without the two is not known; the documentation requires them.
        _check_headers(request)


def expected_text(request: Received) -> str | None:
    """The text that had to be signed, as far as its Authorization says; None where it has no time and no nonce."""
    _, _, pairs = request.headers.get("Authorization", "").partition(" ")
    told = dict(_PAIR.findall(pairs))
    if "timestamp" not in told or "nonce_str" not in told:
        return None
    body = request.body if request.form is None else request.form.meta
    text = Parts(request.method, request.target, told["timestamp"], told["nonce_str"], body).text
    return text.decode("utf-8", "replace")


def _check_headers(request: Received) -> None:
    lacks = [name for name in ("Accept", "User-Agent") if not request.headers.get(name)]
    if lacks:
        names = " and ".join(lacks)
        cause = Cause(f"header {names}: missing", f"缺少请求头{names}")
        raise _refusal(400, "INVALID_REQUEST", "Http头缺少Accept或User-Agent", "header", cause)


def _check_language(request: Received) -> None:
    """406 for what fetch() of node sends by itself, too: ``Accept-Language: *``."""
    language = request.headers.get("Accept-Language")
    if language and language not in _LANGUAGES:
        known, found = ", ".join(sorted(_LANGUAGES)), f"{language[:40]!r}"
        cause = Cause(
            f"Accept-Language {found}: send one of {known}, or none",
            f"Accept-Language为{found}，应为{known}之一，或不发送（Node的fetch默认发送*）",
        )
        raise _refusal(406, "PARAM_ERROR", "传入了不支持的 Accept-Language", "header", cause)


def _fields(request: Received, party: Party, is_transaction: bool) -> dict[str, str]:
    authorization = request.headers.get("Authorization", "")
    scheme, _, pairs = authorization.partition(" ")
    expected = _FIELDS | {party.scheme.identity}
    found = [_PAIR.fullmatch(pair) for pair in pairs.split(",")]
    fields = {pair[1]: pair[2] for pair in found if pair}
    is_well_formed = None not in found and len(found) == len(fields) and all(fields.values())
    if is_well_formed and scheme != party.scheme.name:
        raise _refuse_malformed("Http头Authorization认证类型不正确", _wrong_scheme(scheme, party), is_transaction)
    if not is_well_formed or fields.keys() != expected:
        told = "Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》"
        cause = _wrong_form(request, scheme, pairs, fields, expected, party)
        raise _refuse_malformed("签名信息错误，验签失败" if is_transaction else told, cause, is_transaction)
    return fields


def _wrong_scheme(scheme: str, party: Party) -> Cause:
    found, expected = f"{scheme[:40]!r}", party.scheme.name
    return Cause(f"the scheme is {found}, expected {expected}", f"认证类型为{found}，应为{expected}")


def _wrong_form(
    request: Received, scheme: str, pairs: str, fields: Mapping[str, str], expected: frozenset[str], party: Party
) -> Cause:
    """What is wrong with an Authorization, or what came in its place."""
    if not scheme:
        if request.body.lstrip().startswith(b"<"):
            return Cause(
                "the body is XML and there is no Authorization: APIv2 is called so, and the path is APIv3's",
                "请求体是XML且没有Authorization，这是APIv2的调用方式，而该路径属于APIv3",
            )
        return Cause(
            f"header Authorization: missing; expected {party.scheme.name} and five pairs",
            f"缺少请求头Authorization，应为{party.scheme.name}及五个键值对",
        )
    if "\n" in pairs or "\r" in pairs:
        return Cause(
            "Authorization has a line break: write base64 without breaks (encodebytes and base64 -w76 make them)",
            "Authorization中有换行，签名的base64应为单行",
        )
    if scheme != party.scheme.name:
        return _wrong_scheme(scheme, party)
    if "'" in pairs or '"' not in pairs:
        return Cause('each value stands in double quotes: mchid="…"', '每个值都应使用双引号，如mchid="…"')
    if re.search(r'",\s', pairs) or pairs.startswith(" "):
        return Cause(
            "a space stands after the scheme or a comma: one space after the scheme, none after commas",
            "认证类型后只能有一个空格，逗号后不能有空格",
        )
    names = ", ".join(sorted(expected))
    lacks, more = sorted(expected - fields.keys()), sorted(fields.keys() - expected)
    if lacks or more:
        told = [f"missing {', '.join(lacks)}"] * bool(lacks) + [f"not known {', '.join(more)}"] * bool(more)
        wrong = [f"缺少{'、'.join(lacks)}"] * bool(lacks) + [f"多余的{'、'.join(more)}"] * bool(more)
        return Cause(f"expected {names}, each once: {'; '.join(told)}", "，".join(wrong))
    return Cause(
        f"expected {names}, each once, in double quotes and not empty", f"应有{names}各一次，使用双引号且不为空"
    )


def _check_time(timestamp: str) -> None:
    now = time.time()
    if _DIGITS.fullmatch(timestamp) and abs(now - int(timestamp)) <= CLOCK_WINDOW:
        return
    refusal = _refusal(
        401,
        "SIGN_ERROR",
        "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟",
        "time",
        _wrong_time(timestamp, now),
        {"field": "timestamp", "location": "authorization"},
        number=_NUMBERS.malformed,
    )
    refusal.payload["detail"]["sandbox"] |= {"expected": str(int(now)), "signed": timestamp[:40]}
    raise refusal


def _wrong_time(timestamp: str, now: float) -> Cause:
    if not _DIGITS.fullmatch(timestamp):
        found = f"{timestamp[:40]!r}"
        return Cause(f"timestamp {found}: expected seconds since 1970 in digits", f"timestamp为{found}，应为秒数")
    if len(timestamp) == _MILLISECONDS:
        return Cause("the timestamp is in milliseconds; write seconds", "timestamp的单位是毫秒，应为秒")
    offset = int(timestamp) - now
    hours = round(offset / 3600)
    if hours and abs(offset - hours * 3600) <= CLOCK_WINDOW and abs(hours) <= _MOST_HOURS:
        return Cause(
            f"the timestamp is {hours:+d} hours off: local time was taken for UTC; Unix time has no time zone",
            f"timestamp相差{hours:+d}小时：把本地时间当作了UTC；Unix时间戳与时区无关",
        )
    side, zh = ("ahead of", "快") if offset > 0 else ("behind", "慢")
    return Cause(
        f"the timestamp is {abs(offset):.0f} s {side} this machine's clock, {CLOCK_WINDOW} allowed; set the clock."
        " The sandbox's own clock has no part in it",
        f"timestamp比本机时钟{zh}{abs(offset):.0f}秒，最多允许{CLOCK_WINDOW}秒，请校准时钟（与沙箱自己的时钟无关）",
    )


class _Check:
    """One request's signature, against whoever may have signed it."""

    def __init__(self, identity: Identity, party: Party, request: Received, fields: Mapping[str, str]) -> None:
        self._identity, self._party, self._request, self._fields = identity, party, request, fields
        body = request.body if request.form is None else request.form.meta
        self._parts = Parts(request.method, request.target, fields["timestamp"], fields["nonce_str"], body)

    def run(self) -> None:
        """Whose number, whose serial, and the signature, in this order."""
        party, fields, who = self._party, self._fields, self._party.scheme.identity
        if fields[who] != party.number:
            raise self._error("签名错误", self._wrong_number(), _NUMBERS.mchid, informs=False)
        if fields["serial_no"] != party.serial:
            told = "商户证书序列号有误。请使用签名私钥匹配的证书序列号"
            raise self._error(told, self._wrong_serial(), _NUMBERS.serial)
        if not party.scheme.verify(self._parts.text, fields["signature"], party.key.public_key()):
            raise self._error("签名错误", self._diagnosis(), _NUMBERS.signature)

    def _wrong_number(self) -> Diagnosis:
        party, found, who = self._party, self._fields[self._party.scheme.identity], self._party.scheme.identity
        if self._fields["serial_no"] != party.serial and is_of_a_sandbox(self._fields["serial_no"]):
            return Diagnosis(who, _OTHER_SANDBOX, party.number, found)
        if found.startswith("wx"):
            cause, message = f"{found!r} is an appid; {who} is the merchant's number", f"{who}填写了appid，应为商户号"
        elif self._holds():
            cause = f"key and serial_no are those of {party.number}, and {who} says {found!r}; a service provider signs"
            cause += " with its own number, not with sub_mchid"
            message = f"私钥和证书序列号属于商户{party.number}，而{who}为{found}；服务商应使用自己的商户号"
        else:
            cause = f"{who} {found!r} is not known here; this sandbox has {party.number}"
            message = f"本沙箱没有商户{found}，其商户号为{party.number}"
        return Diagnosis(who, Cause(cause, message), party.number, found)

    def _wrong_serial(self) -> Diagnosis:
        party, found = self._party, self._fields["serial_no"]
        identity = self._identity
        plain = re.sub("^0x|[^0-9a-z]", "", found, flags=re.IGNORECASE).upper()
        if plain == party.serial:
            cause = "serial_no is right but for its form; write 40 hexadecimal digits in upper case"
            message = "证书序列号的写法不对，应为40位大写十六进制"
        elif found.isdigit() and party.serial.isalnum() and f"{int(found[:60]):X}" == party.serial:
            cause = "serial_no is written as a decimal number; write it in hexadecimal digits"
            message = "证书序列号写成了十进制，应为十六进制"
        elif found in (identity.public_key_id, identity.certificate_serial):
            cause = "serial_no is that of WeChat Pay's key; write the serial of the merchant's own certificate"
            message = "serial_no填写的是微信支付公钥ID或平台证书序列号，应为商户API证书的序列号"
        elif is_of_a_sandbox(found):
            cause, message = _OTHER_SANDBOX
        elif self._holds():
            cause = "key and signature are right; only serial_no is another"
            message = "私钥和签名正确，只有证书序列号不对"
        else:
            cause, message = "no certificate of this merchant has this serial_no", "该商户没有此序列号的证书"
        return Diagnosis("serial", Cause(cause, message), party.serial, found)

    def _diagnosis(self) -> Diagnosis:
        identity = self._identity
        keys: dict[str, RSAPublicKey] = {
            f"{self._party.scheme.identity} {self._party.number}": self._party.key.public_key(),
            "the merchant": identity.merchant_key.public_key(),
            "WeChat Pay's public key": identity.public_key.public_key(),
            "the platform certificate": identity.certificate_key.public_key(),
        }
        raw = b"" if self._request.form is None else self._request.body
        operation = tree.match(self._request.method, self._request.target)
        request = Request(self._request.host, raw, operation.path if operation else "")
        return diagnose(self._parts, self._fields["signature"], keys, request)

    def _holds(self) -> bool:
        return self._party.scheme.verify(self._parts.text, self._fields["signature"], self._party.key.public_key())

    def _error(self, told: str, found: Diagnosis, number: int, informs: bool = True) -> Refusal:
        """The shape of captured answers; a merchant that is not known gets no information about the text."""
        detail = {
            "detail": {"issue": "sign not match"},
            "field": "signature",
            "location": "authorization",
            "sign_information": self._information(),
        }
        refusal = _refusal(
            401,
            "SIGN_ERROR",
            told,
            found.differs,
            found.why,
            detail if informs else None,
            number=number,
            has_request_id=not self._request.target.startswith(_TRANSACTIONS),
            signed_text=None if found.text is None else found.text.decode("utf-8", "replace"),
        )
        texts = {"expected": found.expected, "signed": found.signed}
        refusal.payload["detail"]["sandbox"] |= {name: text for name, text in texts.items() if text is not None}
        return refusal

    def _information(self) -> dict[str, Any]:
        parts = self._parts
        text = parts.text.decode("utf-8", "replace")
        head = text[: len(text) - len(parts.body.decode("utf-8", "replace")) - 1]
        shown = text[len(head) : -1][:_BODY_SHOWN]
        return {
            "method": parts.method,
            "sign_message_length": len(parts.text),
            "truncated_sign_message": f"{head}{shown}\n",
            "url": parts.target,
        }


def _check_payload(party: Party, request: Received) -> None:
    """Refusal where an order's body names another merchant than its signature does."""
    if request.method != "POST" or not _ORDERS.match(request.target):
        return
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        return
    for name in ("mchid", "sp_mchid", "combine_mchid") if isinstance(body, dict) else ():
        given = body.get(name)
        if isinstance(given, str) and given and given != party.number:
            issue = f"the signature is that of {party.number}"
            detail = {"field": f"/{name}", "value": given, "issue": issue, "location": "body"}
            raise Refusal(400, "PARAM_ERROR", "http header中的mchid与post payload中的mchid不匹配", detail)


def check_v2(identity: Identity, fields: Mapping[str, Any], request: Received) -> Cause | None:
    """What is wrong with an APIv2 request's certificate, number or sign, as ``return_msg`` says it; None for nothing.

    Where ``sign_type`` is absent the length of the sign tells it: some calls have HMAC-SHA256 by themselves.
    """
    wrong = _check_certificate(identity, request)
    if wrong:
        return wrong
    numbers = [fields[name] for name in ("mch_id", "mchid", "combine_mch_id") if fields.get(name)]
    if identity.mchid not in numbers:
        told = f"本沙箱的商户号为{identity.mchid}" if numbers else "缺少mch_id"
        cause = f"mch_id: this sandbox has {identity.mchid}" if numbers else "mch_id: missing"
        return Cause(cause, f"商户号mch_id与appid不匹配（沙箱：{told}）")
    sign = fields.get("sign")
    kind = digest.sign_type_of(sign, fields.get("sign_type")) if isinstance(sign, str) else None
    text = v2.text_of(fields, JS)
    if (
        kind
        and fields.get("sign_type") in (None, "", kind)
        and digest.equals(digest.sign(kind, text, identity.secret), sign)
    ):
        return None
    why = diagnose_v2(fields, text, {_V2_KEY: identity.secret, _V3_KEY: identity.apiv3_key, _EMPTY_KEY: ""})
    return Cause(why.cause, f"签名错误（沙箱：{why.message}）")


_V2_KEY = Cause("the APIv2 key", "APIv2密钥")
_V3_KEY = Cause("the APIv3 key", "APIv3密钥")
_EMPTY_KEY = Cause("an empty key", "空密钥")


def _check_certificate(identity: Identity, request: Received) -> Cause | None:
    """Whether the merchant's certificate was shown where it has to be; over plain HTTP none can be."""
    client = request.client
    if client.scheme != "https" or not needs_certificate(request.target.partition("?")[0]):
        return None
    if client.certificate_serial == identity.serial:
        return None
    serial = client.certificate_serial
    found = f"证书的序列号为{serial}" if serial else "请求没有出示客户端证书"
    shown = f"the client's certificate has the serial {serial}" if serial else "the client showed no certificate"
    return Cause(
        f"{shown}; this call needs the API certificate of merchant {identity.mchid}",
        f"商户API证书校验出错（沙箱：{found}，此接口需要商户{identity.mchid}的API证书）",
    )


def why_no_xml(request: Received) -> Cause:
    """What came to a path of APIv2 in place of XML."""
    if request.headers.get("Authorization") or request.body.lstrip().startswith(b"{"):
        return Cause(
            "this is an APIv2 path, which takes XML with a sign by POST; JSON with Authorization is APIv3's, whose"
            " paths begin with /v3/",
            "XML格式错误（沙箱：这是APIv2的路径，应以POST发送带sign的XML；带Authorization的JSON属于APIv3，其路径以/v3/开头）",
        )
    if not request.body:
        return Cause("the body is empty", "post数据为空（沙箱：POST_DATA_EMPTY，XML格式错误，请求体为空）")
    try:
        request.body.decode("utf-8")
    except UnicodeDecodeError:
        return Cause("the body is not UTF-8", "编码格式错误（沙箱：NOT_UTF8，XML格式错误，请使用UTF-8编码）")
    return Cause("the body is no XML", "XML格式错误")


def _refuse_malformed(told: str, cause: Cause, is_transaction: bool) -> Refusal:
    shape = {"field": "authorization", "location": "header"}
    return _refusal(
        401,
        "SIGN_ERROR",
        told,
        "authorization",
        cause,
        shape,
        number=_NUMBERS.malformed,
        has_request_id=not is_transaction,
    )


def _refusal(
    status: int,
    code: str,
    told: str,
    differs: str,
    cause: Cause,
    detail: Mapping[str, Any] | None = None,
    **options: Any,
) -> Refusal:
    """WeChat Pay's text and fields, and beside them what is wrong; unsigned, as all that comes before a signature."""
    whole = {**(detail or {}), "sandbox": {"differs": differs, "cause": cause.cause}}
    return Refusal(status, code, f"{told}（沙箱：{cause.message}）", whole, is_signed=False, **options)
