"""APIv2 from the other side: sign and fields of a request are checked, the answer's sign is made."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from wechatpay_chain.catalog import tree
from wechatpay_chain.catalog.alternatives import ALTERNATIVES
from wechatpay_chain.catalog.facts import Operation
from wechatpay_chain.crypto import digest
from wechatpay_chain.encoding import scalars
from wechatpay_chain.protocol import v2, xml
from wechatpay_chain.sandbox import authorization, parameters
from wechatpay_chain.sandbox.answer import Answer, Received
from wechatpay_chain.sandbox.examples import Examples
from wechatpay_chain.sandbox.identity import Identity

__all__ = ["answer", "is_legacy"]

_TYPES = {32: "MD5", 64: "HMAC-SHA256"}
_OF_SIGNATURES = ("sign", "nonce_str", "sign_type")
_SUCCEEDED = {"return_code": "SUCCESS", "return_msg": "OK", "result_code": "SUCCESS"}
_FAILURES = ("err_code", "err_code_des", "error_code")


def is_legacy(target: str) -> bool:
    """Whether a request target belongs to APIv2."""
    return not target.startswith(("/v3/", "/hk/", "/global/", "/brand/"))


def answer(request: Received, identity: Identity, file: Callable[[Received], Answer | None]) -> tuple[str, Answer]:
    """Verdict and answer: SUCCESS with what is documented and what was asked for, or FAIL with the reason.

    ``file`` gives the answer of an API that answers with rows. What WeChat Pay leaves unsigned is left unsigned
    here too.
    """
    path, _, query = request.target.partition("?")
    try:
        fields = _fields(request, query)
    except xml.XMLError:
        return "XML格式错误", _failed("XML格式错误")
    verdict = authorization.check_v2(identity, fields, path)
    if verdict:
        return verdict, _failed(verdict)
    operation = tree.matching(request.method, f"v2{path}")
    issue = _issue(operation, fields, dict(parse_qsl(query)), request) if operation else ""
    if issue:
        return "", _failed(issue)
    made = file(request)
    if made is not None:
        return "", made
    told = {**(_documented(operation, request.host, identity.mchid) if operation else {}), **fields}
    told = {name: value for name, value in told.items() if name not in (*_OF_SIGNATURES, *_FAILURES)} | _SUCCEEDED
    if not v2.is_unsigned(path):
        told["nonce_str"] = secrets.token_hex(16)
        told["sign"] = _sign(_TYPES[len(fields["sign"])], told, identity.secret)
    return "", _xml(told)


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
    lacks = parameters.missing(_asked(facts.get("query", {})), query)
    lacks += _needed(operation.path, parameters.missing(_asked(wanted), {**fields, **files}), fields)
    if lacks:
        return f"缺少参数 {lacks[0]}"
    wrong = next((name for name, seen in files.items() if fields.get(f"{name}_hash") != seen.digest), "")
    return f"参数 {wrong}_hash 错误" if wrong else ""


def _needed(path: str, lacks: list[str], fields: Mapping[str, Any]) -> list[str]:
    """What lacks, without the names in whose place another is given."""
    named: set[str] = set()
    for pattern, names in ALTERNATIVES:
        if pattern.fullmatch(path) and any(fields.get(name) for name in names):
            named |= names
    return [name for name in lacks if name not in named]


def _asked(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: schema for name, schema in fields.items() if name not in _OF_SIGNATURES}


@lru_cache(maxsize=256)
def _documented(operation: Operation, host: str, mchid: str) -> Mapping[str, Any]:
    """The documented fields of an answer, of which APIv2 encrypts none, and none names a file."""
    schema = (operation.facts.get("responses") or {}).get("200") or {}
    return Examples(host, mchid, str, lambda _: {}).answer(schema.get("fields", {}), {})


def _sign(kind: str, fields: dict[str, Any], secret: str) -> str:
    return digest.sign(kind, v2.text_of(fields, scalars.JS), secret)


def _failed(reason: str) -> Answer:
    return _xml({"return_code": "FAIL", "return_msg": reason})


def _xml(fields: dict[str, Any]) -> Answer:
    # WeChat Pay repeats the element of a list.
    return Answer(
        200, xml.to_xml(fields, style=scalars.JS).encode("utf-8"), {"Content-Type": "text/xml; charset=utf-8"}
    )
