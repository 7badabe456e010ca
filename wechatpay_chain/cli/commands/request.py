"""``wechatpay-chain CHAIN.VERB [ITEM …]``: one call, or what it would send."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from wechatpay_chain.cli.configuration import add_configuration, client
from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.items import ItemError, parse, read_data
from wechatpay_chain.cli.parser import Commands
from wechatpay_chain.cli.status import Status

if TYPE_CHECKING:
    from wechatpay_chain.chain.node import Chain
    from wechatpay_chain.client import Wechatpay
    from wechatpay_chain.transport.signed_request import SignedRequest

__all__ = ["add_parser", "run"]


def add_parser(commands: Commands) -> None:
    """Add the command and its flags."""
    parser = commands.add_parser(
        "request",
        help="call an API; the word itself may be left out",
        description="Call an API. CHAIN is what follows wxpay. in Python, or a path such as v3/certificates.",
        examples=(
            "wechatpay-chain --sandbox v3.certificates.get",
            "wechatpay-chain v3.marketing.favor.callbacks.get mchid==1900000001",
            "wechatpay-chain v3.pay.transactions.native.post -d @order.json --dry-run",
        ),
    )
    parser.add_argument("chain", metavar="CHAIN.VERB", help="v3.certificates.get")
    parser.add_argument(
        "items", metavar="ITEM", nargs="*", help="key=text key:=json key==query Header:text key=@file; fills <key> too"
    )
    parser.add_argument("-d", "--data", metavar="JSON", help="the whole body: JSON text, @file, or @- for stdin")
    parser.add_argument("-i", "--include", action="store_true", help="print status and headers of the answer too")
    parser.add_argument("--dry-run", action="store_true", help="print request, signed text and curl; send nothing")
    add_configuration(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Send the call that the arguments spell and print its answer."""
    from wechatpay_chain.cli.output import show

    _check(arguments.chain)
    with client(arguments, console) as wxpay:
        verb = _verb(wxpay, arguments.chain)
        args, options = _call(verb, arguments, console)
        if arguments.dry_run:
            _show_request(wxpay.prepare(verb, *args, **options), console)
        else:
            show(verb(*args, **options), console, arguments.include)
    return Status.OK


def _check(chain: str) -> tuple[str, str]:
    """Path and verb of CHAIN.VERB, before anything is configured."""
    from wechatpay_chain.request.call import VERBS

    path, dot, verb = chain.removeprefix("wxpay.").rpartition(".")
    if not dot or not path or verb not in VERBS or VERBS[verb].is_async:
        raise ItemError(f"{chain}: expected CHAIN.VERB with a verb of get, post, put, patch, delete")
    return path, verb


def _verb(wxpay: Wechatpay, chain: str) -> Chain:
    from wechatpay_chain.encoding import paths

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
    from wechatpay_chain.chain.node import call_of
    from wechatpay_chain.encoding import paths

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
