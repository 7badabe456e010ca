"""APIv2 from the other side: sign and fields of a request are checked, the answer's sign is made; notices too."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from wechatpay_chain.catalog.alternatives import ALTERNATIVES
from wechatpay_chain.catalog.facts import Operation
from wechatpay_chain.crypto import ciphers, digest
from wechatpay_chain.encoding.style import JS
from wechatpay_chain.protocol import v2, xml
from wechatpay_chain.sandbox import authorization, parameters
from wechatpay_chain.sandbox.answer import Answer, Received, Refusal
from wechatpay_chain.sandbox.diagnosis import Cause
from wechatpay_chain.sandbox.identity import Identity
from wechatpay_chain.sandbox.product import Failure

__all__ = ["answer", "encrypt_info", "notice", "refuse_method", "xml_answer"]

_OF_SIGNATURES = ("sign", "nonce_str", "sign_type")
_SUCCEEDED = {"return_code": "SUCCESS", "return_msg": "OK", "result_code": "SUCCESS"}
_DIGITS = re.compile("[0-9]{1,18}")


def answer(
    request: Received,
    operation: Operation | None,
    identity: Identity,
    reply: Callable[[Mapping[str, Any]], Answer],
) -> tuple[Cause | None, Answer]:
    """Verdict and answer: what ``reply`` makes of the fields of a rightly signed request, or FAIL with the reason.

    What WeChat Pay leaves unsigned is left unsigned here too.
    """
    path, _, query = request.target.partition("?")
    try:
        fields = _fields(request, query)
    except xml.XMLError:
        why = authorization.why_no_xml(request)
        return why, _failure(why.message)
    verdict = authorization.check_v2(identity, fields, request)
    if verdict:
        return verdict, _failure(verdict.message)
    issue = _issue(operation, fields, dict(parse_qsl(query)), request) if operation else ""
    if issue:
        return None, _failure(issue)
    try:
        made = reply(fields)
    except Failure as failure:
        made = Answer(200, fields=failure.told)
    except Refusal as refusal:
        made = Answer(200, fields=Failure(refusal.payload["code"], refusal.payload["message"]).told)
    return None, _finish(made, fields, path, identity.secret)


def refuse_method(method: str) -> tuple[Cause, Answer]:
    """Verdict and answer to a request that came by another method: REQUIRE_POST_METHOD, before any sign is there."""
    found = method[:20]
    cause = Cause(f"APIv2 takes POST, not {found}", f"请使用post方法（沙箱：REQUIRE_POST_METHOD，收到{found}）")
    return cause, _failure(cause.message)


def notice(kind: str, fields: Mapping[str, Any], secret: str) -> bytes:
    """The XML of a notice, with a nonce and a sign of its own; a refund's is encrypted instead of signed."""
    told = {**{name: value for name, value in fields.items() if value != ""}, "nonce_str": secrets.token_hex(16)}
    if kind == "v2.refund":
        plain = xml.to_xml(dict(fields["req_info"]), root="root").encode("utf-8")
        told |= {"return_code": "SUCCESS", "return_msg": "OK", "req_info": encrypt_info(plain, secret)}
    else:
        sign_type = str(told.pop("sign_type"))
        # MD5 is what a receiver takes for granted.
        told |= _SUCCEEDED | ({} if sign_type == "MD5" else {"sign_type": sign_type})
        told["sign"] = _sign(sign_type, told, secret)
    return xml.to_xml(told, style=JS).encode("utf-8")


def encrypt_info(plain: bytes, secret: str) -> str:
    """The ``req_info`` of a refund's notice: AES-256-ECB under the lower-case MD5 of the APIv2 key, in base64."""
    return ciphers.ecb_encrypt(plain, digest.md5(secret.encode()).encode())


def xml_answer(fields: Mapping[str, Any]) -> Answer:
    """Fields as an answer; the element of a list is repeated, as WeChat Pay does."""
    body = xml.to_xml(dict(fields), style=JS).encode("utf-8")
    return Answer(200, body, {"Content-Type": "text/xml; charset=utf-8"})


def _finish(made: Answer, fields: Mapping[str, Any], path: str, secret: str) -> Answer:
    if made.fields is None:
        return made
    # What was not understood has no result.
    told = made.fields if made.fields.get("return_code") == "FAIL" else {**_SUCCEEDED, **made.fields}
    if told["return_code"] == "SUCCESS":
        own = {name: fields[name] for name in ("appid", "mch_id", "sub_appid", "sub_mch_id") if fields.get(name)}
        told = {**own, **told}
        if not v2.is_unsigned(path):
            told["nonce_str"] = secrets.token_hex(16)
            told["sign"] = _sign(str(digest.sign_type_of(fields["sign"], fields.get("sign_type"))), told, secret)
    finished = xml_answer(told)
    finished.headers.update(made.headers)
    return finished


def _fields(request: Received, query: str) -> dict[str, Any]:
    if request.method == "GET":
        return dict(parse_qsl(query))
    if request.form is not None:
        return {name: value.decode("utf-8", "replace") for name, value in request.form.fields.items()}
    return xml.from_xml(request.body)


def _issue(operation: Operation, fields: Mapping[str, Any], query: Mapping[str, str], request: Received) -> str:
    """What is wrong with a request that is rightly signed; empty for nothing."""
    facts = operation.facts
    files = request.form.files if request.form else {}
    wanted = facts.get("form") or (facts.get("body") or {}).get("fields", {})
    lacks = parameters.missing_fields(_business_fields(facts.get("query", {})), query)
    lacks += _needed_names(
        operation.path, parameters.missing_fields(_business_fields(wanted), {**fields, **files}), fields
    )
    if lacks:
        return f"缺少参数 {lacks[0]}"
    wrong = next((name for name, seen in files.items() if fields.get(f"{name}_hash") != seen.digest), "")
    if wrong:
        return f"参数 {wrong}_hash 错误"
    return next(filter(None, (_wrong_type(name, schema, fields.get(name)) for name, schema in wanted.items())), "")


def _wrong_type(name: str, schema: Mapping[str, Any], value: Any) -> str:
    if schema.get("type") != "integer" or value is None or value == "":
        return ""
    return "" if isinstance(value, str) and _DIGITS.fullmatch(value) else f"invalid {name}"


def _needed_names(path: str, lacks: list[str], fields: Mapping[str, Any]) -> list[str]:
    """What lacks, without the names in whose place another is given."""
    named: set[str] = set()
    for pattern, names in ALTERNATIVES:
        if pattern.fullmatch(path) and any(fields.get(name) for name in names):
            named |= names
    return [name for name in lacks if name not in named]


def _business_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: schema for name, schema in fields.items() if name not in _OF_SIGNATURES}


def _sign(kind: str, fields: Mapping[str, Any], secret: str) -> str:
    return digest.sign(kind, v2.text_of(dict(fields), JS), secret)


def _failure(reason: str) -> Answer:
    return xml_answer({"return_code": "FAIL", "return_msg": reason})
