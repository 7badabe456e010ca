"""``wechatpay-chain api [WORD …]``: what there is to call, found by words; reads the catalogue and nothing else."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from wechatpay_chain.catalog import facts, manual, sample, tree
from wechatpay_chain.catalog.facts import Operation
from wechatpay_chain.catalog.search import close, exact, search
from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.parser import Commands
from wechatpay_chain.cli.status import Status

__all__ = ["add_parser", "run"]

_MOST = 30
_WIDEST = 60
_APART = "∙"
_NO_TAG = "(no tag)"


def add_parser(commands: Commands) -> None:
    """Add the command and its flags."""
    parser = commands.add_parser(
        "api",
        help="find an operation by words, in Chinese or English, or show one in full",
        description="Find operations by words of their names, paths and tags, or show one in full.",
        examples=(
            "wechatpay-chain api refund",
            "wechatpay-chain api 退款",
            "wechatpay-chain api v3.pay.transactions.jsapi.post",
            "wechatpay-chain api https://api.mch.weixin.qq.com/v3/certificates",
        ),
    )
    parser.add_argument("words", metavar="WORD", nargs="*", help="of names, paths and tags; a chain, a path, a URL")
    parser.add_argument("--all", action="store_true", help="list all that is found")
    parser.add_argument("--json", action="store_true", help="print all that is known of what is found, for scripts")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print one operation, a list of them, or an overview by tag; 1 when nothing is found."""
    asked = arguments.words
    if not "".join(asked).strip() and not arguments.all:
        _show_overview(arguments.json, console)
        return Status.OK
    found = search(asked)
    if arguments.json:
        console.say(json.dumps([_entry(each) for each in found], ensure_ascii=False, indent=2))
    if not found:
        console.complain(f"no operation has all of these words ({close(asked)})")
        return Status.ERROR
    if not arguments.json:
        one = None if arguments.all and len(found) > 1 else exact(asked)
        _show_page(one, len(found), console) if one else _show_list(found, arguments.all, console)
    return Status.OK


def _show_page(one: Operation, found: int, console: Console) -> None:
    console.say(manual.page(one))
    if found > 1:
        console.say(f"\n{found - 1} more that fit: --all")


def _show_list(found: Sequence[Operation], everything: bool, console: Console) -> None:
    shown = list(found if everything else found[:_MOST])
    # Those of one tag stand together, the closest of all first.
    order = {tag: at for at, tag in reversed(list(enumerate(map(_tag, shown))))}
    shown.sort(key=lambda each: order[_tag(each)])
    chains = [tree.spelled("/".join(each.words)) for each in shown]
    width = min(max(map(len, chains)), _WIDEST)
    console.say(f"{len(found)} operations")
    for each, chain in zip(shown, chains, strict=True):
        console.say(f"  {each.method:6} {chain:{width}}  {each.name}  [{_tag(each)}]")
    if len(shown) < len(found):
        console.say(f"  and {len(found) - len(shown)} more: add a word, or --all")


def _show_overview(is_json: bool, console: Console) -> None:
    operations = facts.operations()
    counted = Counter(tag for each in operations for tag in each.tags or (_NO_TAG,))
    if is_json:
        known = {"version": facts.version(), "operations": len(operations), "tags": dict(counted.most_common())}
        console.say(json.dumps(known, ensure_ascii=False, indent=2))
        return
    console.say(f"{len(operations)} operations by tag (catalogue {facts.version()})")
    groups: dict[str, Counter[str]] = {}
    for tag, count in counted.most_common():
        group, _, rest = tag.partition(_APART)
        groups.setdefault(group, Counter())[rest] += count
    for group, parts in sorted(groups.items(), key=lambda each: -each[1].total()):
        told = ", ".join(f"{rest} {count}" for rest, count in parts.most_common() if rest)
        console.say(f"  {parts.total():4}  {group}{': ' if told else ''}{told}")
    console.say("\nsearch: wechatpay-chain api WORD …, in Chinese or English, or a chain, a path, a URL")


def _tag(operation: Operation) -> str:
    return next(iter(operation.tags), _NO_TAG)


def _entry(operation: Operation) -> dict[str, Any]:
    chain = tree.spelled("/".join(operation.words))
    return {**facts.source(operation), "chain": chain, "call": sample.call(operation)}
