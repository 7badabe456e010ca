"""The operations that have no room of their own: checked and answered as the catalogue has them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from wechatpay_chain.catalog import sample, tree
from wechatpay_chain.catalog.facts import Operation
from wechatpay_chain.crypto import asymmetric
from wechatpay_chain.protocol import v3
from wechatpay_chain.sandbox import parameters, upload
from wechatpay_chain.sandbox.answer import Answer, Received, Refusal
from wechatpay_chain.sandbox.bills import Bills
from wechatpay_chain.sandbox.examples import Examples
from wechatpay_chain.sandbox.identity import Identity
from wechatpay_chain.sandbox.platform import Platform

__all__ = ["answer"]

Room: TypeAlias = Callable[[Received], "Answer | None"]


def answer(request: Received, rooms: Sequence[Room], identity: Identity, platform: Platform, bills: Bills) -> Answer:
    """The unsigned answer to an operation: of the first of ``rooms`` that has it, else as the catalogue has it.

    Raises Refusal, 404 for what is not known.
    """
    try:
        own = next(filter(None, (room(request) for room in rooms)), None)
    except Refusal as refusal:
        if not refusal.is_absence or not _is_example(request):
            raise
        own = None
    return own or _documented(request, identity, platform, bills)


def _documented(request: Received, identity: Identity, platform: Platform, bills: Bills) -> Answer:
    path = request.target.partition("?")[0]
    operation = tree.matching(request.method, path)
    if operation is None:
        raise Refusal(404, "RESOURCE_NOT_EXISTS", f"沙箱不认识 {request.method} {path}")
    given = parameters.read(operation, request)
    if request.form is not None:
        upload.check(request.form)
    for field in parameters.sealed(operation, request):
        text = platform.opened(request, field.value, field.field, field.location)
        if field.name:
            given[field.name] = text
    written = Examples(
        request.host,
        identity.mchid,
        lambda text: asymmetric.encrypt(text, identity.merchant_key.public_key()),
        lambda encrypts: bills.receipt(request, encrypts),
    )
    return _answer(operation, given, written)


def _is_example(request: Received) -> bool:
    """Whether a request names the very order, refund or file of the documentation, which every sandbox has.

    So a call that help prints can be tried before anything was made that it could find.
    """
    operation = tree.matching(request.method, request.target.partition("?")[0])
    if operation is None:
        return False
    given, facts = parameters.read(operation, request), operation.facts
    fields = (facts.get("body") or {}).get("fields", {})
    known = {**facts.get("path_params", {}), **facts.get("query", {}), **fields}
    named = [
        name for name in given.keys() & known.keys() if known[name].get("type") == "string" and "mchid" not in name
    ]
    return bool(named) and all(given[name] == sample.value(name, known[name]) for name in named)


def _answer(operation: Operation, given: Mapping[str, Any], written: Examples) -> Answer:
    responses = operation.facts.get("responses") or {"200": None}
    status, schema = next(iter(responses.items()))
    fields = (schema or {}).get("fields", {})
    is_signed = not v3.is_unsigned(operation.method, operation.path)
    if not fields and status == "200":
        file = "沙箱的文件\n".encode()
        return Answer(200, file, {"Content-Type": "application/octet-stream"}, is_signed=is_signed)
    told = written.answer(fields, given) if fields else None
    if operation.facts.get("form") and told and len(told) == 1:
        told = {name: _own(value) for name, value in told.items()}
    made = Answer.of(int(status), told)
    made.is_signed = is_signed
    return made


def _own(example: Any) -> Any:
    """The id of what was uploaded, which no other has."""
    return f"sandbox_{secrets.token_hex(16)}" if isinstance(example, str) else example
