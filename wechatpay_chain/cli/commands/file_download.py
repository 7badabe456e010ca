"""``wechatpay-chain download [SOURCE]``: the file that an answer names, checked."""

from __future__ import annotations

import argparse
import io
import re
from pathlib import Path
from typing import Any

from wechatpay_chain.cli.configuration import add_configuration, client
from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.items import MOST, ItemError, read_json
from wechatpay_chain.cli.parser import Commands
from wechatpay_chain.cli.piped_input import is_piped
from wechatpay_chain.cli.status import Status

__all__ = ["add_parser", "run"]

_URL = re.compile(r"https?://", re.IGNORECASE)


def add_parser(commands: Commands) -> None:
    """Add the command and its flags."""
    parser = commands.add_parser(
        "download",
        help="fetch the file that an answer names, and check it",
        description=(
            "Fetch the file that an answer names by its download_url: a bill, a receipt, an invoice. Its digest is"
            " checked; it is decrypted and unzipped, and saved when it is whole."
        ),
        examples=(
            "wechatpay-chain v3.bill.tradebill.get bill_date==2026-11-01 | wechatpay-chain download -o trade.csv",
            "wechatpay-chain download answer.json -o trade.csv",
        ),
    )
    source = "a file with the answer's JSON, a URL, or - for stdin; what is piped in by default"
    parser.add_argument("source", metavar="SOURCE", nargs="?", help=source)
    parser.add_argument("-o", "--output", metavar="FILE", help="where it is saved; stdout by default")
    add_configuration(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Save the file and print a line about it, or write it to standard output."""
    from wechatpay_chain.cli.progress import progress_display

    source = _source(arguments.source, console)
    if arguments.output in (None, "-"):
        raw = None if console.stdout.isatty() else getattr(console.stdout, "buffer", None)
        with client(arguments, console) as wxpay:
            file = raw or io.BytesIO()
            wxpay.download(source, file)
        if isinstance(file, io.BytesIO):
            _write(file.getvalue(), console)
        return Status.OK
    path = _output(arguments.output)
    with client(arguments, console) as wxpay, progress_display(console.stderr) as tracker:
        download = wxpay.download(source, path, progress=tracker(path.name))
    checked = "verified" if download.verified else "no digest was named"
    console.say(f"{path}  {download.size} bytes, {download.hash_type} {download.digest}, {checked}")
    return Status.OK


def _source(text: str | None, console: Console) -> Any:
    """What names the file: the JSON of an answer, or a URL."""
    if text is None and not is_piped(console.stdin):
        raise ItemError("expected SOURCE: a file with an answer's JSON, a URL, or an answer piped in")
    if text in (None, "-"):
        return read_json(console.read_bytes(MOST + 1), "standard input")
    if _URL.match(str(text)):
        return text
    try:
        with Path(str(text)).expanduser().open("rb") as file:
            content = file.read(MOST + 1)
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise ItemError(f"SOURCE: {text!r:.200} cannot be read ({reason})") from None
    return read_json(content, "SOURCE")


def _output(text: str) -> Path:
    try:
        path = Path(text).expanduser()
    except RuntimeError:  # ~ of a user who does not exist
        raise ItemError(f"--output: there is no home of {text[:80]!r}") from None
    if not text or path.is_dir() or not path.parent.is_dir():
        raise ItemError(f"--output: {text[:80]!r} is no file in a folder that is there; nothing was sent")
    return path


def _write(content: bytes, console: Console) -> None:
    if console.stdout.isatty() and b"\0" in content:
        raise ItemError(f"{len(content)} bytes that are no text would disturb the terminal; save them: --output FILE")
    console.write_bytes(content)
