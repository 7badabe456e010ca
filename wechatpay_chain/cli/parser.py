"""The commands and their flags: light, since ``--help`` reads it all."""

from __future__ import annotations

import argparse
import re
from typing import NoReturn, TypeAlias

from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.status import Status
from wechatpay_chain.version import __version__

__all__ = ["COMMANDS", "Exit", "parser_of", "request_parser"]

_Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

COMMANDS = ("tour", "api", "shell", "sandbox", "bill", "certs", "notify", "port", "completion", "request")
_EXAMPLES = """\
examples:
  wechatpay-chain tour
  wechatpay-chain api refund
  wechatpay-chain shell --sandbox
  wechatpay-chain --sandbox v3.certificates.get
  wechatpay-chain v3.marketing.favor.callbacks.get mchid==1900000001
  wechatpay-chain v3.marketing.partner.deliveryPlan._sp_mchid_.notifyUrl.post sp_mchid=1900000001 \\
      notify_url=https://pay.weixin.qq.com --dry-run
  wechatpay-chain bill trade 2026-11-01..2026-11-20 --to bills --summary
  wechatpay-chain certs -m 1900000001 -s 7B7A0E -f apiclient_key.pem -k @apiv3.key -o certs
  wechatpay-chain notify request.txt --saved
  wechatpay-chain sandbox push TRANSACTION.SUCCESS --to http://127.0.0.1:8000/notify
  wechatpay-chain port order.php > order.py

exit codes: 0 done, 1 error, 2 usage, 3 not all was ported, 4 refused (4xx), 5 server error (5xx),
  6 answer not verified, 7 no answer (it tells whether anything was sent), 8 configuration, 130 interrupted
"""


_KEY_MODES = ("both", "public-key", "certificate", "switching")
_LONG_WORD = re.compile(r"[^\s='\"]{32,}")


class Exit(Exception):
    """The end of a command that its arguments already decide, such as --help."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class _Parser(argparse.ArgumentParser):
    """argparse on a console of its own: errors are one line, and nothing ends the process."""

    console = Console()

    def error(self, message: str) -> NoReturn:
        # A word in the wrong place may be a key.
        self.console.complain(f"{_LONG_WORD.sub('…', message)}; see wechatpay-chain --help")
        raise Exit(Status.USAGE)

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        if message:
            self.console.complain(message)
        raise Exit(status)

    def _print_message(self, message: str, file: object = None) -> None:
        print(message, file=self.console.stdout, end="")


def _bound(console: Console) -> type[_Parser]:
    return type("_Parser", (_Parser,), {"console": console})


def parser_of(console: Console) -> argparse.ArgumentParser:
    """All commands but ``request``, whose flags may stand between its items."""
    bound = _bound(console)
    parser: argparse.ArgumentParser = bound(
        prog="wechatpay-chain",
        description="WeChat Pay from a shell: CHAIN.VERB is the URL and the method.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"wechatpay-chain {__version__}")
    commands: _Commands = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=bound)
    _add_tour(commands)
    _add_api(commands)
    _add_shell(commands)
    _add_sandbox(commands)
    _add_bill(commands)
    _add_certs(commands)
    _add_notify(commands)
    _add_port(commands)
    _add_completion(commands)
    commands.add_parser("request", help="call an API; the word itself may be left out")
    return parser


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise ValueError(text)
    return port


def _add_tour(commands: _Commands) -> None:
    tour = commands.add_parser("tour", help="see real calls on a sandbox, one after the other")
    tour.set_defaults(room="wechatpay_chain.cli.commands.tour")


def _add_api(commands: _Commands) -> None:
    api = commands.add_parser("api", help="find an operation by words, in Chinese or English, or show one in full")
    api.add_argument("words", metavar="WORD", nargs="*", help="of names, paths and tags; a chain, a path, a URL")
    api.add_argument("--all", action="store_true", help="list all that is found")
    api.add_argument("--json", action="store_true", help="print all that is known of what is found, for scripts")
    api.set_defaults(room="wechatpay_chain.cli.commands.api")


def _add_shell(commands: _Commands) -> None:
    shell = commands.add_parser("shell", help="Python with wxpay connected: IPython where it is installed")
    _add_configuration(shell, "shell")
    shell.set_defaults(room="wechatpay_chain.cli.commands.shell")


def _add_completion(commands: _Commands) -> None:
    completion = commands.add_parser("completion", help='completion by Tab: eval "$(wechatpay-chain completion bash)"')
    completion.add_argument("shell", metavar="SHELL", choices=("bash", "zsh"), help="bash or zsh")
    completion.set_defaults(room="wechatpay_chain.cli.commands.completion")


def _add_sandbox(commands: _Commands) -> None:
    sandbox = commands.add_parser("sandbox", help="serve a sandbox until interrupted; prints its configuration")
    sandbox.add_argument("--port", type=_port, default=0, help="where to listen; any free port by default")
    sandbox.add_argument("--host", default="127.0.0.1", help="at which address; 127.0.0.1 by default")
    sandbox.add_argument("--db", metavar="FILE", help="keep everything in a file, and go on with it after a restart")
    sandbox.add_argument("--mchid", metavar="N", default="", help="the merchant's number; any by default")
    sandbox.add_argument(
        "--clock", metavar="FACTOR", type=float, help="how fast its time passes: 60, or 0 to stand still"
    )
    sandbox.add_argument("--pay-after", metavar="S", type=float, help="pay every order by itself after so many seconds")
    sandbox.add_argument("--tls", action="store_true", help="speak https, with an authority of its own")
    sandbox.add_argument("--verify", choices=_KEY_MODES, default="both", help="which key signs; both by default")
    sandbox.add_argument("--json", action="store_true", help="print the configuration as one line of JSON")
    sandbox.set_defaults(room="wechatpay_chain.cli.commands.sandbox")
    inner = sandbox.add_subparsers(title="commands", metavar="COMMAND")
    _add_control(inner)
    push = inner.add_parser("push", help="push a notification with the keys of a sandbox, until it is accepted")
    push.add_argument("event_type", metavar="TYPE", help="TRANSACTION.SUCCESS, or any other type")
    push.add_argument("--to", metavar="URL", required=True, help="where the receiver listens (notify_url)")
    push.add_argument("-d", "--data", metavar="JSON", help="what is encrypted: JSON text, @file, or @- for stdin")
    push.add_argument("--once", action="store_true", help="do not push again when it is refused")
    push.set_defaults(room="wechatpay_chain.cli.commands.sandbox_push")


def _add_control(inner: _Commands) -> None:
    """What is done to a sandbox that runs."""
    known: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
        "pay": ("pay an order, as its payer would", (("number", "NO"),)),
        "refund": ("end a refund: SUCCESS, ABNORMAL or CLOSED", (("number", "NO"), ("state", "STATE"))),
        "transfer": ("end a transfer: SUCCESS, FAIL or CANCELLED", (("number", "NO"), ("state", "STATE"))),
        "advance": ("move its clock by so many seconds", (("seconds", "S"),)),
        "reset": ("forget all that it was told", ()),
        "log": ("list what it was asked, the newest first", ()),
    }
    for name, (about, words) in known.items():
        command = inner.add_parser(name, help=about)
        for word, metavar in words:
            command.add_argument(word, metavar=metavar, type=float if word == "seconds" else str)
        if name == "pay":
            command.add_argument("--openid", help="who pays; the order's openid or a new one by default")
        command.add_argument("--url", metavar="URL", help="where it listens; WECHATPAY_BASE_URL by default")
        command.set_defaults(room="wechatpay_chain.cli.commands.sandbox_control", action=name)


def _add_bill(commands: _Commands) -> None:
    bill = commands.add_parser("bill", help="download bills, checked, four days at a time; what is whole stays")
    bill.add_argument("kind", metavar="KIND", help="trade, fund, sub-fund, ecommerce-fund, profitsharing, statement, …")
    bill.add_argument("date", metavar="DATE", help="2026-11-01, or 2026-11-01..2026-11-20")
    bill.add_argument("--to", metavar="PATH", help="a file, or the folder for several; the current folder by default")
    bill.add_argument("--sub-mchid", metavar="NUMBER", help="the bill of one sub-merchant")
    bill.add_argument("--type", metavar="TYPE", help="ALL, SUCCESS or REFUND")
    bill.add_argument("--account", metavar="ACCOUNT", help="BASIC, OPERATION or FEES")
    bill.add_argument("--appid", metavar="ID", help="what v2-trade and v2-fund ask for")
    bill.add_argument("--summary", action="store_true", help="print the totals as a table")
    _add_configuration(bill)
    bill.set_defaults(room="wechatpay_chain.cli.commands.bill")


def _add_certs(commands: _Commands) -> None:
    certs = commands.add_parser("certs", help="download WeChat Pay's platform certificates, verified, into a folder")
    php = certs.add_argument_group("flags of wechatpay-php's CertificateDownloader")
    php.add_argument("-m", dest="mchid", metavar="NUMBER", help="the merchant, as --mchid")
    php.add_argument("-s", "--serialno", dest="serial", metavar="HEX", help="serial of the merchant's certificate")
    php.add_argument("-f", "--privatekey", dest="private_key", metavar="FILE", help="the merchant's private key")
    php.add_argument(
        "-k",
        "--key",
        dest="apiv3_key",
        metavar="KEY",
        help="the APIv3 key: @file, @- for stdin, or the key itself, which others on this machine can see (ps);"
        " the variable WECHATPAY_APIV3_KEY serves as well",
    )
    php.add_argument(
        "-o",
        "--output",
        metavar="FOLDER",
        help="gets wechatpay_SERIAL.pem for each, and is made; by default a folder of this user among the system's"
        " temporary ones",
    )
    php.add_argument("-u", "--baseuri", dest="base_url", metavar="URL", action="append", help="as --base-url")
    php.add_argument("-c", "--certificate", metavar="FILE", help="a certificate of WeChat Pay's that is known already")
    _add_configuration(certs)
    certs.set_defaults(room="wechatpay_chain.cli.commands.certs")


def _add_notify(commands: _Commands) -> None:
    notify = commands.add_parser("notify", help="verify and decrypt a saved notification; prints it as JSON")
    notify.add_argument(
        "file",
        metavar="FILE",
        help="the request as it was received (headers, a blank line, the body), JSON with headers and body, or the"
        " bare body of APIv2; - for stdin",
    )
    notify.add_argument("--headers", metavar="FILE", help="the headers, as lines or as JSON; FILE is the bare body")
    when = notify.add_mutually_exclusive_group()
    when.add_argument(
        "--saved", action="store_true", help="verify it as of the time that it names; its freshness is not judged"
    )
    when.add_argument(
        "--at", metavar="TIME", help="when it was received: 2026-11-01T08:00:00+08:00, or seconds since 1970"
    )
    _add_configuration(notify)
    notify.set_defaults(room="wechatpay_chain.cli.commands.notify")


def _add_port(commands: _Commands) -> None:
    port = commands.add_parser("port", help="rewrite PHP (wechatpay-php) or JS (wechatpay-axios-plugin) as Python")
    port.add_argument(
        "file", metavar="FILE", help=".php, .js, .mjs, a page (.md, .txt) for its snippets, or - for stdin"
    )
    port.add_argument(
        "--from", dest="language", choices=("php", "js"), help="the language, where the name does not tell"
    )
    port.set_defaults(room="wechatpay_chain.cli.commands.port")


def request_parser(console: Console) -> argparse.ArgumentParser:
    """The flags and items of ``request``."""
    request: argparse.ArgumentParser = _bound(console)(
        prog="wechatpay-chain",
        description="Call an API. CHAIN is what follows wxpay. in Python, or a path such as v3/certificates.",
    )
    request.add_argument("chain", metavar="CHAIN.VERB", help="v3.certificates.get")
    request.add_argument(
        "items", metavar="ITEM", nargs="*", help="key=text key:=json key==query Header:text key=@file; fills <key> too"
    )
    request.add_argument("-d", "--data", metavar="JSON", help="the whole body: JSON text, @file, or @- for stdin")
    request.add_argument("-i", "--include", action="store_true", help="print status and headers of the answer too")
    request.add_argument("--dry-run", action="store_true", help="print request, signed text and curl; send nothing")
    _add_configuration(request)
    request.set_defaults(room="wechatpay_chain.cli.commands.request")
    return request


def _add_configuration(parser: argparse.ArgumentParser, lives: str = "command") -> None:
    where = parser.add_argument_group("configuration", "WECHATPAY_ variables, a profile, and flags, the last first")
    where.add_argument("--sandbox", action="store_true", help=f"call a sandbox that lives as long as this {lives}")
    where.add_argument("--profile", metavar="NAME", help="a table of ~/.config/wechatpay-chain/profiles.toml")
    where.add_argument("--mchid", metavar="NUMBER")
    where.add_argument("--serial", metavar="HEX", help="serial of the merchant's certificate")
    where.add_argument("--private-key", metavar="FILE")
    where.add_argument("--cert", metavar="ID=FILE", action="append", default=[], help="a key of WeChat Pay's")
    where.add_argument("--base-url", metavar="URL", action="append")
    where.add_argument("--timeout", metavar="SECONDS", type=float)
