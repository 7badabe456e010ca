"""Whether a client that runs for long grows: 100,000 calls with an id of their own in each path.

Run as ``python -m benchmarks.soak [calls]``; it takes minutes. The gateway runs in another process. Three
kinds of calls take turns: an address is written, read, and read where there is none (a refusal). Memory is
what the kernel says is resident, after a collection.
"""

from __future__ import annotations

import sys
import time

from benchmarks.gateway import in_another_process
from benchmarks.measure import descriptors, machine, resident
from wechatpay_chain import Wechatpay, errors

CALLS = 100_000
WARM_UP = 5_000
STEP = 10_000
MIB = 1 << 20


def call(wxpay: Wechatpay, number: int) -> None:
    """One of three kinds; the id comes as a placeholder, as a literal segment and as path text."""
    plan, url = wxpay.v3.marketing.partner.deliveryPlan, {"notify_url": "https://pay.weixin.qq.com"}
    if number % 3 == 0:
        plan._sp_mchid_.notifyUrl.post(url, sp_mchid=1_000_000 + number)
    elif number % 3 == 1:
        (plan / (1_000_000 + number - 1)).notifyUrl.get()
    else:
        try:
            wxpay[f"v3/marketing/partner/delivery-plan/none-{number}/notify-url"].get()
        except errors.ClientError as error:
            if error.status != 404:
                raise


def main(calls: int = CALLS) -> None:
    """Print memory and open files after the warm-up, and every 10,000 calls from then on."""
    print(f"{calls} calls, one client; {machine('requests', 'urllib3', 'cryptography')}")
    with in_another_process() as configuration, Wechatpay(configuration) as wxpay:
        started, at_first, files = time.perf_counter(), 0, 0
        for number in range(calls + 1):
            if number == WARM_UP:
                at_first, files = resident(), descriptors()
                print(f"{number:8} calls  {at_first / MIB:7.2f} MiB  {files} open files, after warm-up")
            elif number and number % STEP == 0:
                grown, more = (resident() - at_first) / MIB, descriptors() - files
                print(f"{number:8} calls  {grown:+7.2f} MiB  {more:+d} open files")
            call(wxpay, number)
        taken = time.perf_counter() - started
    print(f"{taken:.0f} s, {taken / calls * 1e6:.0f} us a call")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
