"""``wechatpay-chain sandbox``: a gateway for other programs, until it is interrupted."""

from __future__ import annotations

import argparse
import json
import shlex
import signal
import threading

from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.status import Status
from wechatpay_chain.sandbox import Sandbox

__all__ = ["run"]


# What requests, wechatpayv3 and wechatpy, and what node read for the authority that they have to trust.
_TRUSTS = ("REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Serve, and print what a client needs: as lines for a shell, or as one line of JSON."""
    options = {"host": arguments.host, "database": arguments.db, "clock": arguments.clock, "tls": arguments.tls}
    with Sandbox(
        arguments.port, mchid=arguments.mchid, pay_after=arguments.pay_after, verify=arguments.verify, **options
    ) as gateway:
        trusted = dict.fromkeys(_TRUSTS, str(gateway.ca_file)) if arguments.tls else {}
        environment = {**gateway.environment(), **trusted}
        if arguments.json:
            console.say(json.dumps({_short(name): value for name, value in environment.items()}, ensure_ascii=False))
        else:
            for name, value in environment.items():
                # PEM text has lines; \\n is read as one, so that each variable stays one line.
                console.say(f"export {name}={shlex.quote(value.replace(chr(10), chr(92) + 'n'))}")
            console.say(f"# serving {gateway.base_url} until interrupted (Ctrl-C)")
        # A shell that starts it in the background has SIGINT ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        # What a service manager sends: the files of the sandbox are closed, and those for the moment go.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        threading.Event().wait()
    return Status.OK


def _short(name: str) -> str:
    return name.removeprefix("WECHATPAY_").lower()
