"""``wechatpay-chain api [WORD …]``: what there is to call, found by words; reads the catalogue and nothing else."""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from wechatpay_chain.catalog import facts, manual, sample, tree
from wechatpay_chain.catalog.facts import Operation
from wechatpay_chain.catalog.overview import Word, overview
from wechatpay_chain.catalog.remedies import error_codes, is_code, rows_of_code
from wechatpay_chain.catalog.search import close, correct, exact, path_of, search
from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.parser import Commands
from wechatpay_chain.cli.status import Status

__all__ = ["add_parser", "run"]

_MOST = 30
_WIDEST = 60
_MOST_WORDS = 24
_NO_TAG = "(no tag)"
_NOTICE = re.compile(r"^(notif|notice|webhook|callback)|通知|回调", re.IGNORECASE)
_NOTICES = "notices of payments and refunds are received, not called: wxpay.notification, docs/notifications.md"


def add_parser(commands: Commands) -> None:
    """Add the command and its flags."""
    parser = commands.add_parser(
        "api",
        help="find an operation by words, in Chinese or English, or show one in full",
        description=(
            "Find operations by words of their names, paths and tags, by a field or an error code, or show one in full."
        ),
        examples=(
            "wechatpay-chain api refund",
            "wechatpay-chain api 退款",
            "wechatpay-chain api code_url",
            "wechatpay-chain api NOT_ENOUGH",
            "wechatpay-chain api v3.pay.transactions.jsapi.post",
            "wechatpay-chain api https://api.mch.weixin.qq.com/v3/certificates",
            "wechatpay-chain api --openapi > wechatpay.json",
        ),
    )
    parser.add_argument("words", metavar="WORD", nargs="*", help="words, a field, an error code, a chain, a URL")
    parser.add_argument("--all", action="store_true", help="list all that is found")
    parser.add_argument("--json", action="store_true", help="print all that is known of what is found, for scripts")
    parser.add_argument("--openapi", action="store_true", help="print all operations, or those found, as OpenAPI 3.1")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print one operation, a list of them, or an overview by word; 1 when nothing is found."""
    if not facts.is_available():
        console.complain(f"the catalogue is missing from this installation: catalog/{facts.INDEX}")
        return Status.ERROR
    asked = arguments.words
    if not "".join(asked).strip() and not arguments.all:
        if arguments.openapi:
            return _show_openapi((), console)
        _show_overview(arguments.json, console)
        return Status.OK
    is_for_people = not (arguments.json or arguments.openapi or arguments.all)
    if is_for_people and len(asked) == 1 and _show_words(asked[0], console):
        return Status.OK
    found = search(asked)
    if arguments.json and not arguments.openapi:
        console.say(json.dumps([_entry(each) for each in found], ensure_ascii=False, indent=2))
    if not found:
        console.complain(f"no operation has all of these words ({close(asked)}){_notices(asked)}")
        return Status.ERROR
    _complain_of(asked, console)
    if is_for_people:
        _show_codes(asked, console)
    if arguments.openapi:
        return _show_openapi(found, console)
    if not arguments.json:
        one = None if arguments.all and len(found) > 1 else exact(asked)
        _show_page(one, len(found), console) if one else _show_list(found, arguments.all, console)
    return Status.OK


def _complain_of(asked: Sequence[str], console: Console) -> None:
    """Say what is shown in place of what was asked for, and where notices are."""
    better = correct(asked)
    if better:
        console.complain(f"no operation has all of these words ({close(asked)}); shown is: {' '.join(better)}")
    elif note := _notices(asked):
        console.complain(note.removeprefix("; "))


def _show_codes(asked: Sequence[str], console: Console) -> None:
    """What the error codes among the words mean, and what to do."""
    for word in asked:
        for row in rows_of_code(word) if is_code(word) else ():
            status = {0: "APIv2 ", None: ""}.get(row.status, f"{row.status} ")
            console.say(f"{status}{row.code} [{row.product}] {row.zh} ({row.en}): {row.remedy}")


def _notices(asked: Sequence[str]) -> str:
    """A note for who looks for notices, which are no operations."""
    return f"; {_NOTICES}" if any(_NOTICE.search(word) for word in asked) else ""


def _show_openapi(chosen: Sequence[Operation], console: Console) -> int:
    # Long to make, and rarely asked for.
    from wechatpay_chain.catalog.openapi import document

    console.say(json.dumps(document(chosen), ensure_ascii=False, indent=1))
    return Status.OK


def _show_words(chain: str, console: Console) -> bool:
    """The words that may follow a chain where these lead to many operations; False for anything else."""
    path = path_of(chain)
    below = tree.below(path) if path else []
    if len(below) <= manual.MOST_LISTED or tree.children(path) == []:
        return False
    console.say(f"{len(below)} operations")
    for line in manual.words_below(path, below):
        console.say(line)
    return True


def _show_page(one: Operation, found: int, console: Console) -> None:
    console.say(manual.page(one))
    if found > 1:
        console.say(f"\n{found - 1} more that fit: --all")


def _show_list(found: Sequence[Operation], everything: bool, console: Console) -> None:
    shown = list(found if everything else found[:_MOST])
    chains = [tree.spell("/".join(each.words)) for each in shown]
    width = min(max(map(len, chains)), _WIDEST)
    console.say(f"{len(found)} operations")
    for each, chain in zip(shown, chains, strict=True):
        console.say(f"  {each.method:6} {chain:{width}}  {each.name}  [{_tag(each)}]{manual.remark(each)}")
    if len(shown) < len(found):
        console.say(f"  and {len(found) - len(shown)} more: add a word, or --all")


def _show_overview(is_json: bool, console: Console) -> None:
    operations = facts.operations()
    if is_json:
        counted = Counter(tag for each in operations for tag in each.tags or (_NO_TAG,))
        known = {
            "version": facts.version(),
            "operations": len(operations),
            "words": [_overview_entry(each) for root in overview("") for each in (root, *overview(root.word))],
            "tags": dict(counted.most_common()),
        }
        console.say(json.dumps(known, ensure_ascii=False, indent=2))
        return
    console.say(f"{len(operations)} operations (catalogue {facts.version()})")
    for root in overview(""):
        console.say(f"\n{tree.spell(root.path)}: {root.total} operations, {root.name}")
        below = overview(root.path)
        chains = [tree.spell(each.path) for each in below[:_MOST_WORDS]]
        width = max(map(len, chains))
        for each, chain in zip(below, chains, strict=False):
            console.say(f"  {chain:{width}}  {each.total:4}  {each.name}")
        left = below[_MOST_WORDS:]
        if left:
            console.say(f"  and {sum(each.total for each in left)} in {len(left)} more words: api {root.word}")
    console.say("\nsearch: wechatpay-chain api WORD …, in Chinese or English, or a chain, a path, a URL")


def _overview_entry(word: Word) -> dict[str, Any]:
    return {"chain": tree.spell(word.path), "name": word.name, "operations": word.total}


def _tag(operation: Operation) -> str:
    return next(iter(operation.tags), _NO_TAG)


def _entry(operation: Operation) -> dict[str, Any]:
    chain = tree.spell("/".join(operation.words))
    calls = [{"title": title, "call": text} for title, text in sample.samples(operation)]
    errors = [each._asdict() for each in error_codes(operation.method, "/".join(operation.words))]
    return {**facts.source(operation), "chain": chain, "call": calls[0]["call"], "calls": calls, "errors": errors}
