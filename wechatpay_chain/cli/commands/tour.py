"""``wechatpay-chain tour``: the calls of the documentation, made for real on a sandbox."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.parser import Commands
from wechatpay_chain.cli.status import Status

__all__ = ["STOPS", "add_parser", "run"]

# Each line is Python that is run as it stands; the names in it are those of _namespace.
STOPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Cash coupons: set and read the callback address, as the JS docs do",
        (
            'wxpay.v3.marketing.favor.callbacks.post({"mchid": mchid, "notify_url": notify_url, "switch": True})',
            'wxpay.v3.marketing.favor.callbacks({"mchid": mchid, "notify_url": notify_url})',
            'wxpay.v3.marketing.favor.callbacks.get({"params": {"mchid": mchid}})',
            'wxpay.v3.marketing.favor.callbacks.get_async({"params": {"mchid": mchid}})'
            '.then(lambda answer: answer.data["notify_url"]).wait()',
        ),
    ),
    (
        "Member cards: patch and read the callback address",
        (
            'wxpay.v3.marketing.membercardOpen.callback.patch({"notify_url": notify_url})',
            "wxpay.v3.marketing.membercardOpen.callback.get({})",
        ),
    ),
    (
        "Cash coupons once more, by their path: text is taken as it is written",
        (
            'wxpay.chain("v3/marketing/favor/callbacks").post({"mchid": mchid, "notify_url": notify_url})',
            'wxpay["v3/marketing/favor/callbacks"].get(params={"mchid": mchid})',
        ),
    ),
    (
        "Delivery plans: a path with a placeholder",
        (
            "wxpay.v3.marketing.partner.deliveryPlan._sp_mchid_.notifyUrl.post("
            '{"notify_url": notify_url}, sp_mchid="298689900")',
            'wxpay.chain("v3/marketing/partner/delivery-plan/<sp_mchid>/notify-url").post('
            '{"notify_url": notify_url}, {"sp_mchid": "298689900"})',
        ),
    ),
    (
        "Product coupons: the three spellings of the PHP docs, async and sync",
        tuple(
            f"{chain}.{call}"
            for call in (
                'postAsync({"json": {"notify_url": notify_url}}).then(lambda answer: str(answer.getBody())).wait()',
                'post({"json": {"notify_url": notify_url}})',
                "getAsync([]).then(lambda answer: str(answer.getBody())).wait()",
                "get([])",
            )
            for chain in (
                "instance.v3.marketing.partner.productCoupon.notifyConfigs",
                'instance.chain("v3/marketing/partner/product-coupon/notify-configs")',
                'instance["v3/marketing/partner/product-coupon/notify-configs"]',
            )
        ),
    ),
)


def add_parser(commands: Commands) -> None:
    """Add the command and its flags."""
    parser = commands.add_parser(
        "tour",
        help="see real calls on a sandbox, one after the other",
        description="Make the calls of the documentation on a sandbox, and print request, verdict and answer of each.",
        examples=("wechatpay-chain tour",),
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Make every call and print line, request, verdict and answer; an error ends the tour."""
    from wechatpay_chain.sandbox import Sandbox

    with Sandbox() as gateway, gateway.client() as wxpay, gateway.builder() as instance:
        console.say(f"A sandbox with keys of its own listens at {gateway.base_url}; the merchant is {gateway.mchid}.")
        names = {
            "wxpay": wxpay,
            "instance": instance,
            "mchid": gateway.mchid,
            "notify_url": "https://pay.weixin.qq.com",
        }
        held = 0
        for title, lines in STOPS:
            console.say(f"\n# {title}")
            for line in lines:
                console.say(f"\n>>> {line}")
                # The very line that is printed is the one that runs; it comes from this file alone.
                outcome = eval(line, dict(names))  # noqa: S307
                received = gateway.requests[-1]
                console.say(f"    {received.method} {received.target}")
                console.say(f"    signature: {received.verdict or 'verified by the gateway'}")
                console.say(f"    answer: {_describe(outcome)}")
                held += not received.verdict
        total = sum(len(lines) for _, lines in STOPS)
        console.say(f"\n{held} of {total} requests were rightly signed, and every answer was verified.")
        console.say(f"Your turn: {sys.argv[0]} --sandbox v3.certificates.get, or --help")
    return Status.OK if held == total else Status.ERROR


def _describe(outcome: Any) -> str:
    from wechatpay_chain.response import Response

    if isinstance(outcome, Response):
        return f"{outcome.status} {json.dumps(outcome.data, ensure_ascii=False)}"
    return repr(outcome)
