"""``wechatpay-chain sandbox``: a gateway for other programs, until it is interrupted."""

from __future__ import annotations

import argparse
import shlex
import signal
import threading

from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.status import Status
from wechatpay_chain.sandbox import Sandbox

__all__ = ["run"]


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Serve, and print what a client needs as lines for a shell."""
    with Sandbox(arguments.port) as gateway:
        for name, value in gateway.environment().items():
            # PEM text has lines; \\n is read as one, so that each variable stays one line.
            console.say(f"export {name}={shlex.quote(value.replace(chr(10), chr(92) + 'n'))}")
        console.say(f"# serving {gateway.base_url} until interrupted (Ctrl-C)")
        # A shell that starts it in the background has SIGINT ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        threading.Event().wait()
    return Status.OK
