"""``wechatpay-chain doctor``: what is wrong with a set-up, a line for each check with its remedy."""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from wechatpay_chain.cli.configuration import add_configuration, merge_entries, sandbox
from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.parser import Commands
from wechatpay_chain.cli.status import Status

if TYPE_CHECKING:
    from wechatpay_chain.cli.doctor_checks import Check

__all__ = ["add_parser", "run"]


def add_parser(commands: Commands) -> None:
    """Add the command and its flags."""
    parser = commands.add_parser(
        "doctor",
        help="check a set-up: keys, serial, clock, hosts, and a signed call",
        description="Check keys, serial, clock, hosts and a signed call that changes nothing; a line for each.",
        examples=("wechatpay-chain doctor --profile shop", "wechatpay-chain doctor --sandbox --json"),
    )
    parser.add_argument("--json", action="store_true", help="print the checks as JSON")
    add_configuration(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print each check as it is done; ERROR when one fails."""
    checks = []
    for check in _checks(arguments, console):
        checks.append(check)
        if not arguments.json:
            console.say(_line(check))
    failed = [check for check in checks if check.outcome == "failed"]
    if arguments.json:
        told = {"ok": not failed, "checks": [check._asdict() for check in checks]}
        console.say(json.dumps(told, ensure_ascii=False, indent=2))
    return Status.ERROR if failed else Status.OK


def _checks(arguments: argparse.Namespace, console: Console) -> Iterator[Check]:
    from wechatpay_chain.cli.doctor_checks import FAILED, Check, check_variables
    from wechatpay_chain.errors import ConfigError

    if arguments.sandbox:
        with sandbox(arguments) as gateway:
            yield from _check_all({**gateway.configuration(), **merge_entries(arguments, console, flags_only=True)})
        return
    yield from check_variables(console.environment)
    try:
        entries = merge_entries(arguments, console)
    except ConfigError as error:
        yield Check(error.field or "configuration", FAILED, str(error), "set the WECHATPAY_ variables or a profile")
        return
    yield from _check_all(entries)


def _check_all(entries: Mapping[str, Any]) -> Iterator[Check]:
    from wechatpay_chain.cli import doctor_checks, doctor_network

    done = []
    for check in itertools.chain(doctor_checks.check_configuration(entries), doctor_network.check_hosts(entries)):
        done.append(check)
        yield check
    is_reached = any(check.name.startswith("host ") and check.outcome == doctor_checks.OK for check in done)
    for check in doctor_network.check_calls(entries, is_reached):
        # What one check said already is not said again.
        if check.found not in {each.found for each in done}:
            yield check


def _line(check: Check) -> str:
    remedy = "" if not check.remedy or check.remedy in check.found else f"; {check.remedy}"
    found = check.found.removeprefix(f"{check.name}: ")  # errors begin with the name of their entry
    text = " ".join(f"{found}{remedy}".split())
    return f"{check.outcome:8}{check.name}: {text}"
