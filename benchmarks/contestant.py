"""One way to make a call, in a process of its own that is told how often.

``python -m benchmarks.contestant NAME FILE``: FILE is JSON, ``{"entries": …, "ca": path or null}``. Each line of
the standard input is ``calls threads``; for each, one line tells seconds of the processor and of the clock. The
programs in ``sdk/`` speak the same.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.floor import PATH, PAYLOAD, Floor, Hand

__all__ = ["CONTESTANTS"]

Run = Callable[[int, int], object]


def _repeated(call: Callable[[], object]) -> Run:
    """So many calls by so many threads."""

    def repeat(calls: int) -> None:
        for _ in range(calls):
            call()

    def run(calls: int, threads: int) -> None:
        if threads < 2:
            repeat(calls)
            return
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(repeat, [calls // threads] * threads))

    return run


def _floor(entries: dict[str, Any], ca: str | None) -> Run:
    return _repeated(Floor(entries, ca).call)


def _chain(entries: dict[str, Any], ca: str | None) -> Run:
    from wechatpay_chain import Wechatpay

    wxpay = Wechatpay(entries)

    def call() -> None:
        answer = wxpay.v3.marketing.partner.productCoupon.notifyConfigs.post(PAYLOAD)
        assert answer.data["notify_url"]

    return _repeated(call)


def _fan_out(entries: dict[str, Any], ca: str | None) -> Run:
    from wechatpay_chain import Promise, Wechatpay

    wxpay = Wechatpay(entries)

    def run(calls: int, threads: int) -> None:
        node = wxpay.v3.marketing.partner.productCoupon.notifyConfigs
        for answer in Promise.unwrap([node.post_async(PAYLOAD) for _ in range(calls)]):
            assert answer.data["notify_url"]

    return run


def _awaited(entries: dict[str, Any], ca: str | None) -> Run:
    from wechatpay_chain import Wechatpay

    node = Wechatpay(entries).v3.marketing.partner.productCoupon.notifyConfigs
    loop = asyncio.new_event_loop()

    async def call() -> None:
        answer = await node.post_async(PAYLOAD)
        assert answer.data["notify_url"]

    async def gather(calls: int) -> None:
        await asyncio.gather(*(call() for _ in range(calls)))

    return lambda calls, threads: loop.run_until_complete(gather(calls))


def _httpx(entries: dict[str, Any], ca: str | None) -> Run:
    import httpx

    hand, loop = Hand(entries), asyncio.new_event_loop()
    client = httpx.AsyncClient(base_url=entries["base_url"], timeout=30)

    async def call(count: int) -> None:
        for _ in range(count):
            body = json.dumps(PAYLOAD).encode()
            answer = await client.post(PATH, content=body, headers=hand.headers("POST", PATH, body))
            answer.raise_for_status()
            hand.verify(answer.headers, answer.content)
            assert answer.json()["notify_url"]

    async def gather(calls: int, tasks: int) -> None:
        await asyncio.gather(*(call(calls // tasks) for _ in range(tasks)))

    def run(calls: int, tasks: int) -> None:
        """One task for each call, or as many as are named."""
        loop.run_until_complete(gather(calls, tasks if tasks > 1 else calls))

    return run


def _requests(entries: dict[str, Any], ca: str | None) -> Run:
    import requests

    session, hand, url = requests.Session(), Hand(entries), entries["base_url"] + PATH

    def call() -> None:
        body = json.dumps(PAYLOAD).encode()
        answer = session.post(url, data=body, headers=hand.headers("POST", PATH, body), timeout=(5, 30))
        answer.raise_for_status()
        hand.verify(answer.headers, answer.content)
        assert answer.json()["notify_url"]

    return _repeated(call)


def _wechatpayv3(entries: dict[str, Any], ca: str | None) -> Run:
    from wechatpayv3 import WeChatPay, WeChatPayType
    from wechatpayv3.type import RequestType

    key_id, key = next(item for item in entries["certs"].items() if item[0].startswith("PUB_KEY_ID_"))
    wxpay = WeChatPay(
        wechatpay_type=WeChatPayType.NATIVE,
        mchid=entries["mchid"],
        private_key=entries["private_key"],
        cert_serial_no=entries["serial"],
        apiv3_key=entries["apiv3_key"],
        appid="wx8888888888888888",
        public_key=key,
        public_key_id=key_id,
    )
    wxpay._core._gate_way = entries["base_url"]

    def call() -> None:
        status, text = wxpay._core.request(PATH, method=RequestType.POST, data=PAYLOAD)
        assert status == 200
        assert json.loads(text)["notify_url"]

    return _repeated(call)


CONTESTANTS: dict[str, Callable[[dict[str, Any], str | None], Run]] = {
    "floor": _floor,
    "wechatpay_chain": _chain,
    "fan_out": _fan_out,
    "awaited": _awaited,
    "httpx": _httpx,
    "requests": _requests,
    "wechatpayv3": _wechatpayv3,
}


def main(name: str, file: str) -> None:
    """Answer each line."""
    told = json.loads(Path(file).read_text())
    run = CONTESTANTS[name](told["entries"], told["ca"])
    for line in sys.stdin:
        calls, threads = map(int, line.split())
        processor, clock = time.process_time(), time.perf_counter()
        run(calls, threads)
        print(time.process_time() - processor, time.perf_counter() - clock, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
