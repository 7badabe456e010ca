"""``wechatpay-chain CHAIN.VERB [ITEM …]``: one call, or what it would send."""

from __future__ import annotations

import argparse
import contextlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wechatpay_chain.cli.configuration import add_configuration, client, entries_of
from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.items import Arguments, ItemError, parse, read_data, read_json
from wechatpay_chain.cli.parser import PROGRAM, Commands
from wechatpay_chain.cli.piped_input import has_unread_input, is_piped, read_piped
from wechatpay_chain.cli.status import Status, status_of

if TYPE_CHECKING:
    from wechatpay_chain.chain.node import Chain
    from wechatpay_chain.cli.target import Target
    from wechatpay_chain.client import Wechatpay
    from wechatpay_chain.response import Response

__all__ = ["add_parser", "run"]

_STDIN = "standard input"
_NOT_READ = "pipe it alone, or add --ignore-stdin (in a loop: < /dev/null)"


def add_parser(commands: Commands) -> None:
    """Add the command and its flags."""
    parser = commands.add_parser(
        "request",
        help="call an API; the word itself may be left out",
        usage=(
            f"{PROGRAM} [request] [OPTION ...] CHAIN.VERB [ITEM ...]\n"
            f"       {PROGRAM} [request] [OPTION ...] METHOD PATH|CHAIN|URL [ITEM ...]"
        ),
        description=(
            "Call an API and print its answer. CHAIN is what follows wxpay. in Python, or a path such as"
            " v3/certificates; a method before a chain, a path or a URL does as well."
        ),
        examples=(
            "wechatpay-chain --sandbox v3.certificates.get",
            "wechatpay-chain --sandbox GET https://api.mch.weixin.qq.com/v3/certificates",
            "wechatpay-chain v3.marketing.favor.callbacks.get mchid==1900000001",
            "wechatpay-chain v3.pay.transactions.native.post -d @order.json --dry-run",
            "wechatpay-chain v3.pay.transactions.native.post < order.json",
            "wechatpay-chain v3.merchant.media.upload.post file@logo.png",
        ),
    )
    chain = "v3.certificates.get, GET /v3/certificates, or a URL"
    parser.add_argument("chain", metavar="CHAIN.VERB", nargs="?", help=chain)
    parser.add_argument(
        "items",
        metavar="ITEM",
        nargs="*",
        help="key=text key:=json key==query Header:text key=@file key:=@file key@upload; fills <key> too",
    )
    parser.add_argument(
        "-d", "--data", metavar="JSON", help="the whole body: JSON text, @file, or @- for stdin; a pipe needs no -d"
    )
    parser.add_argument("-i", "--include", action="store_true", help="print status and headers of the answer too")
    parser.add_argument("-o", "--output", metavar="FILE", help="save the body as it arrived; - for stdout")
    parser.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help="print request, signed text, answer and times on stderr too, secrets masked",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print request, signed text and curl; send nothing; needs no merchant"
    )
    parser.add_argument("--ignore-stdin", action="store_true", help="do not look at what is piped in")
    add_configuration(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Send the call that the arguments spell and print its answer; a refusal's body too, and a line about it."""
    from wechatpay_chain.cli.target import placeholders, read_target

    if not arguments.chain:
        raise ItemError(f"expected CHAIN.VERB, a method and a path, or a URL; see {PROGRAM} help request")
    target, words = read_target([arguments.chain, *arguments.items])
    content = parse(words, placeholders(target))
    body = _body(target.verb, content, arguments, console)
    target = target.with_method(body is not None or bool(content.files))
    if target.verb == "get" and (body is not None or content.files):
        raise ItemError("get sends no body; write key==value for the query")
    _check_output(arguments.output)
    options = _options(target, content, body)
    if arguments.dry_run:
        return _dry_run(target, options, body, arguments, console)
    with client(arguments, console) as wxpay:
        status = _send(wxpay, _verb(wxpay, target, arguments, console), options, arguments, console)
    if status == Status.OK and not arguments.ignore_stdin and has_unread_input(console.stdin):
        raise ItemError(f"{_STDIN}: what came late was not sent; {_NOT_READ}")
    return status


def _body(verb: str, content: Arguments, arguments: argparse.Namespace, console: Console) -> Any:
    """The JSON of the body: of the items, of -d, or what is piped in; None for no body."""
    if arguments.data is not None and content.body:
        raise ItemError(f"-d is the whole body, but {next(iter(content.body))} is given beside it")
    if arguments.data == "@-":
        return _not_null(read_data(arguments.data, console), "-d")
    is_piped_in = not arguments.ignore_stdin and is_piped(console.stdin)
    if arguments.data is not None or content.body or content.files or verb == "get":
        if is_piped_in and has_unread_input(console.stdin):
            beside = "get sends no body" if verb == "get" else "the body is given as arguments"
            raise ItemError(f"{_STDIN}: {beside}; {_NOT_READ}")
        if arguments.data is None:
            return content.body or None
        return _not_null(read_data(arguments.data, console), "-d")
    # Where a body is unusual nothing is waited for that may never come.
    if not is_piped_in or (verb in ("", "delete") and not has_unread_input(console.stdin)):
        return None
    text = read_piped(console)
    return _not_null(read_json(text, _STDIN), _STDIN) if text.strip() else None


def _not_null(body: Any, name: str) -> Any:
    if body is None:
        raise ItemError(f"{name} null is no body; leave it out")
    return body


def _check_output(output: str | None) -> None:
    """ItemError for a file that cannot be written, before anything is sent."""
    if output is None or output == "-":
        return
    try:
        path = Path(output).expanduser()
        is_folder, folder = path.is_dir(), path.parent
        can_write = os.access(path if path.exists() else folder, os.W_OK) and folder.is_dir()
    except (OSError, ValueError, RuntimeError) as error:
        raise ItemError(f"--output: {output[:80]!r} is no path ({error}); nothing was sent") from None
    if is_folder or not output or not can_write:
        raise ItemError(f"--output: {output[:80]!r} cannot be written; nothing was sent")


def _options(target: Target, content: Arguments, body: Any) -> dict[str, Any]:
    options: dict[str, Any] = {**content.values}
    if content.query:
        options["params"] = content.query
    if content.headers:
        options["headers"] = content.headers
    if not content.files:
        return options if body is None else {**options, "json": body}
    if not isinstance(body, Mapping | None):
        raise ItemError(f"{content.files[0][0]}@: expected a JSON object beside a file, found {type(body).__name__}")
    options["files"] = content.files
    if target.is_v2:
        return {**options, "json": body or {}}
    # The fields are those of the meta that is signed; one that is given as such is it.
    fields = dict(body or {})
    meta = fields["meta"] if fields.keys() == {"meta"} and isinstance(fields["meta"], Mapping) else fields
    return {**options, "data": {"meta": meta}}


def _verb(wxpay: Wechatpay, target: Target, arguments: argparse.Namespace, console: Console) -> Chain:
    path = target.path
    if target.host:
        from wechatpay_chain.protocol.hosts import Base

        # Another host of WeChat Pay is a sandbox's too, which has but one.
        if not (Base.of(target.host, "URL").is_wechat and entries_of(arguments, console).get("base_url")):
            path = target.host + path
    verb: Chain = getattr(wxpay.chain(path), target.verb)
    return verb


def _send(
    wxpay: Wechatpay, verb: Chain, options: dict[str, Any], arguments: argparse.Namespace, console: Console
) -> int:
    from wechatpay_chain.chain.node import call_of
    from wechatpay_chain.cli import transcript
    from wechatpay_chain.cli.output import describe_refusal, show, show_head
    from wechatpay_chain.errors import ApiError, BusinessError, CallError

    path = None if arguments.output in (None, "-") else Path(arguments.output).expanduser()
    is_get = call_of(verb)[0].method == "GET"
    if path is not None and is_get:
        # A file that is not signed streams into its place.
        options = {**options, "sink": path}
    failure: CallError | None = None
    answer: Response | None = None
    begin = time.monotonic()
    with transcript.log_attempts(console) if arguments.verbose else contextlib.nullcontext():
        try:
            answer = verb(**options)
        except CallError as error:
            failure, answer = error, getattr(error, "response", None)
    if isinstance(failure, BusinessError) and answer is not None:
        answer.parsed = failure.data
    if arguments.verbose:
        request: Any = answer.request if answer is not None else wxpay.prepare(verb, **options)
        transcript.show_exchange(request, answer, failure, time.monotonic() - begin, console)
    if failure is not None and not isinstance(failure, ApiError | BusinessError):
        raise failure
    if answer is not None:
        if arguments.include:
            show_head(answer, console)
        if failure is not None or arguments.output is None:
            show(answer, console)
        elif path is None:
            console.write_bytes(answer.content)
        elif not is_get:
            _save(answer, path, console)
    if failure is None:
        return Status.OK
    console.complain(describe_refusal(failure))
    return status_of(failure)


def _save(answer: Response, path: Path, console: Console) -> None:
    """Write the body to a file; where that fails it is printed, since what answered may not be asked again."""
    from wechatpay_chain.cli.output import show
    from wechatpay_chain.transport.sink import pour

    try:
        pour(answer, path)
    except OSError as error:
        show(answer, console)
        raise ItemError(
            f"--output: {str(path)[:80]!r} cannot be written ({error.strerror}); the call was made"
        ) from None


def _dry_run(
    target: Target, options: dict[str, Any], body: Any, arguments: argparse.Namespace, console: Console
) -> int:
    from wechatpay_chain.cli.dry_run import made_up_entries, missing_entries, show_request

    missing: list[str] = []
    if not arguments.sandbox:
        missing = missing_entries(entries_of(arguments, console), target.is_v2)
    made_up = made_up_entries(entries_of(arguments, console), body) if missing else {}
    with client(arguments, console, made_up=made_up) as wxpay:
        verb = _verb(wxpay, target, arguments, console)
        show_request(wxpay.prepare(verb, **options), missing, console)
    return Status.OK
