"""``wechatpay-chain certs``: WeChat Pay's platform certificates into a folder, as wechatpay-php's tool does it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wechatpay_chain.cli.configuration import add_configuration, client, entries_of
from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.items import ItemError
from wechatpay_chain.cli.parser import Commands
from wechatpay_chain.cli.status import Status

if TYPE_CHECKING:
    from cryptography import x509

    from wechatpay_chain.client import Wechatpay

__all__ = ["add_parser", "run"]

_LONGEST_KEY_FILE = 4096
_FLAGS = {"serial": "-s", "private_key": "-f", "apiv3_key": "-k"}


def add_parser(commands: Commands) -> None:
    """Add the command and its flags."""
    parser = commands.add_parser(
        "certs",
        help="download WeChat Pay's platform certificates, verified, into a folder",
        description="Download WeChat Pay's platform certificates, verify them, and write each into a file.",
        examples=(
            "wechatpay-chain certs -m 1900000001 -s 7B7A0E -f apiclient_key.pem -k @apiv3.key -o certs",
            "wechatpay-chain certs --sandbox -o certs",
        ),
    )
    php = parser.add_argument_group("flags of wechatpay-php's CertificateDownloader")
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
    add_configuration(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Download and verify, write each into a file of its own, and print a line for it."""
    from wechatpay_chain.cli.certificate_files import certificate_folder, write_certificate

    if arguments.apiv3_key is not None:
        arguments.apiv3_key = _key(arguments.apiv3_key, console)
    if arguments.certificate is not None:
        arguments.cert.append(f"{_serial(arguments.certificate)}={arguments.certificate}")
    with client(arguments, console) as wxpay:
        if not arguments.sandbox:
            _check(entries_of(arguments, console))
        with certificate_folder(arguments.output) as folder:
            for certificate in _download(wxpay):
                console.say(write_certificate(certificate, folder))
    return Status.OK


def _key(text: str, console: Console) -> bytes:
    """The APIv3 key of ``-k``; the file of ``@file`` may end with a line break."""
    if not text.startswith("@"):
        return text.encode("utf-8", "surrogateescape")
    if text == "@-":
        return console.read_bytes(_LONGEST_KEY_FILE).strip()
    try:
        with Path(text[1:]).expanduser().open("rb") as file:
            return file.read(_LONGEST_KEY_FILE).strip()
    except (OSError, ValueError, RuntimeError) as error:  # the last: ~ of a user who does not exist
        reason = getattr(error, "strerror", None) or "not a path"
    from wechatpay_chain.crypto import key_loader

    # What does not look like a path may be the key itself.
    shown = repr(text[1:]) if key_loader.can_be_shown(text[1:]) else f"@ and {len(text) - 1} characters"
    raise ItemError(f"-k: {shown} cannot be read ({reason})")


def _serial(path: str) -> str:
    from wechatpay_chain.crypto import key_loader
    from wechatpay_chain.errors import ConfigError

    certificate = key_loader.load_certificate(Path(path), "-c")
    if certificate is None:
        raise ConfigError("-c: expected a platform certificate; a public key is configured with --cert ID=FILE", "-c")
    return key_loader.serial_of(certificate)


def _check(entries: Mapping[str, Any]) -> None:
    """ConfigError unless this merchant can ask for certificates and open them."""
    from wechatpay_chain.errors import ConfigError

    if entries.get("brand_id"):
        raise ConfigError("brand_id: a brand has no platform certificates; configure the public key", "brand_id")
    missing = [name for name in _FLAGS if not entries.get(name)]
    if missing:
        given = ", ".join(f"{_FLAGS[name]} or WECHATPAY_{name.upper()}" for name in missing)
        raise ConfigError(f"{', '.join(missing)}: missing; give {given}; nothing was sent", missing[0])


def _download(wxpay: Wechatpay) -> list[x509.Certificate]:
    from wechatpay_chain.errors import ConfigError

    try:
        return wxpay.download_certificates()
    except ConfigError as error:
        raise ConfigError(f"{error}, or set WECHATPAY_PUBLIC_KEY_ID and WECHATPAY_PUBLIC_KEY", "certs") from error
