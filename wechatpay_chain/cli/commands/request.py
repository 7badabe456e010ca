"""``wechatpay-chain CHAIN.VERB [ITEM …]``: one call, or what it would send."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from typing import Any

from wechatpay_chain import settings
from wechatpay_chain.chain.node import Chain, call_of
from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.items import ItemError, parse, read_data
from wechatpay_chain.cli.output import show
from wechatpay_chain.cli.status import Status
from wechatpay_chain.client import Wechatpay
from wechatpay_chain.encoding import paths
from wechatpay_chain.request.call import VERBS
from wechatpay_chain.sandbox import Sandbox
from wechatpay_chain.transport.signed_request import SignedRequest

__all__ = ["client", "run"]


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Send the call that the arguments spell and print its answer."""
    _check(arguments.chain)
    with client(arguments, console) as wxpay:
        verb = _verb(wxpay, arguments.chain)
        args, options = _call(verb, arguments, console)
        if arguments.dry_run:
            _show_request(wxpay.prepare(verb, *args, **options), console)
        else:
            show(verb(*args, **options), console, arguments.include)
    return Status.OK


@contextlib.contextmanager
def client(arguments: argparse.Namespace, console: Console, gateway: Sandbox | None = None) -> Iterator[Wechatpay]:
    """A client from flags, profile and environment, or of a sandbox: ``gateway``, or one that lives as long."""
    with contextlib.ExitStack() as stack:
        flags = _flags(arguments)
        if arguments.sandbox:
            gateway = gateway or stack.enter_context(Sandbox(mchid=arguments.mchid or ""))
            yield stack.enter_context(gateway.client(**flags))
            return
        named = arguments.profile is not None
        profile = settings.from_profile(arguments.profile, console.environment) if named else {}
        entries = settings.merge_entries(settings.from_env(console.environment), profile, flags)
        yield stack.enter_context(Wechatpay(entries))


def _flags(arguments: argparse.Namespace) -> dict[str, Any]:
    certs = dict(_cert(text) for text in arguments.cert)
    flags = {
        "mchid": arguments.mchid,
        "serial": arguments.serial,
        "private_key": arguments.private_key,
        "apiv3_key": vars(arguments).get("apiv3_key"),
        "certs": certs or None,
        "base_url": arguments.base_url,
        "timeout": arguments.timeout,
    }
    return {name: value for name, value in flags.items() if value is not None}


def _cert(text: str) -> tuple[str, str]:
    key_id, equals, path = text.partition("=")
    if not key_id or not equals or not path:
        raise ItemError(f"--cert: expected ID=FILE, found {text[:80]!r}")
    return key_id, path


def _check(chain: str) -> tuple[str, str]:
    """Path and verb of CHAIN.VERB, before anything is configured."""
    path, dot, verb = chain.removeprefix("wxpay.").rpartition(".")
    if not dot or not path or verb not in VERBS or VERBS[verb].is_async:
        raise ItemError(f"{chain}: expected CHAIN.VERB with a verb of get, post, put, patch, delete")
    return path, verb


def _verb(wxpay: Wechatpay, chain: str) -> Chain:
    path, verb = _check(chain)
    node: Any = wxpay
    if "/" in path:
        node = wxpay.chain(path)
    else:
        for word in path.split("."):
            if not word or paths.is_foreign(word):
                raise ItemError(f"{chain}: {word!r} is no word of a path")
            node = node[paths.segment(word)]
    verb_node: Chain = getattr(node, verb)
    return verb_node


def _call(verb: Chain, arguments: argparse.Namespace, console: Console) -> tuple[tuple[Any, ...], dict[str, Any]]:
    kind, path = call_of(verb)
    items = parse(arguments.items, paths.placeholders(path))
    if arguments.data is not None and items.body:
        raise ItemError(f"-d is the whole body, but {next(iter(items.body))} is given beside it")
    body = items.body or None if arguments.data is None else read_data(arguments.data, console.stdin)
    if body is None and arguments.data is not None:
        raise ItemError("-d null is no body; leave it out")
    options: dict[str, Any] = {**items.values}
    if items.query:
        options["params"] = items.query
    if items.headers:
        options["headers"] = items.headers
    if body is None:
        return (), options
    if kind.method == "GET":
        raise ItemError("get sends no body; write key==value for the query")
    return (), {**options, "json": body}


def _show_request(request: SignedRequest, console: Console) -> None:
    console.say(f"{request.method} {request.target} HTTP/1.1")
    console.say(f"Host: {str(request.url).split('/')[2]}")
    for name, value in request.headers.items():
        console.say(f"{name}: {value}")
    body = request.body.decode("utf-8") if isinstance(request.body, bytes) else ""
    console.say(f"\n{body}\n" if body else "")
    console.say("# the signed text")
    console.say(request.message.removesuffix("\n"))
    console.say(f"\n# the same for a shell; its signature is good for five minutes\n{request.curl()}")
