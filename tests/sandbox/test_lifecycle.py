"""Random lives of orders, by clients of both APIs, against a model of a few lines: no contradiction, no lost money."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from tests.sandbox import shop
from wechatpay_chain import Sandbox, Wechatpay
from wechatpay_chain.protocol import xml

WEEK = 7 * 86_400
ORDERS, PARTS = st.integers(0, 2), st.integers(0, 2)
API = st.sampled_from(["v3", "v2"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("create"), ORDERS, API, st.sampled_from([100, 250])),
        st.tuples(st.just("pay"), ORDERS),
        st.tuples(st.just("close"), ORDERS, API),
        st.tuples(st.just("query"), ORDERS, API),
        st.tuples(st.just("refund"), ORDERS, API, PARTS, st.sampled_from([1, 60, 100, 250])),
        st.tuples(st.just("end"), ORDERS, PARTS, st.sampled_from(["SUCCESS", "ABNORMAL", "CLOSED"])),
        st.tuples(st.just("advance"), st.sampled_from([0.5, 1.0, 60.0, WEEK / 2, float(WEEK)])),
    ),
    max_size=25,
)


@dataclass
class Model:
    """What an order should be."""

    api: str
    total: int
    created: float
    state: str = "NOTPAY"
    refunds: dict[int, list[Any]] = field(default_factory=dict)  # amount, status, when it ends

    @property
    def is_paid(self) -> bool:
        return self.state in ("SUCCESS", "REFUND")

    @property
    def refunded(self) -> int:
        return sum(amount for amount, status, _ in self.refunds.values() if status != "CLOSED")


class Life:
    """One sequence: each step is done on the sandbox and in the model, and both have to agree."""

    def __init__(self, gateway: Sandbox, wxpay: Wechatpay, count: int) -> None:
        self.gateway, self.wxpay, self.prefix = gateway, wxpay, f"life{count}x"
        self.orders: dict[int, Model] = {}
        self.now = gateway.clock.now()
        self.told = 0

    def run(self, steps: list[tuple[Any, ...]]) -> None:
        for name, *values in steps:
            self.settle()
            getattr(self, name)(*values)
        self.settle()
        for place in self.orders:
            for api in ("v3", "v2"):
                self.query(place, api)
            self.conserve(place)
        assert len(self.gateway.notices) == self.told

    def settle(self) -> None:
        for order in self.orders.values():
            if order.state == "NOTPAY" and order.created + WEEK <= self.now:
                order.state = "CLOSED"
            for refund in order.refunds.values():
                if refund[1] == "PROCESSING" and refund[2] <= self.now:
                    refund[1] = "SUCCESS"
                    self.told += 1

    def number(self, place: int) -> str:
        return f"{self.prefix}{place}"

    def send(self, call: Any, body: Any, **options: Any) -> Any:
        """Status, code and fields of the answer, by the gateway itself: sockets are tried elsewhere."""
        request = self.wxpay.prepare(call, body, **options) if body is not None else self.wxpay.prepare(call, **options)
        sent = request.body.encode() if isinstance(request.body, str) else request.body or b""
        target = str(request.url).removeprefix(self.gateway.base_url)
        answer = self.gateway.respond(str(request.method), target, CaseInsensitiveDict(request.headers), sent)
        if "xml" in answer.headers.get("Content-Type", ""):
            fields = xml.from_xml(answer.body)
            return fields.get("err_code", "") or ("" if fields["return_code"] == "SUCCESS" else "FAIL"), fields
        told = json.loads(answer.body) if answer.body else {}
        return ("" if answer.status < 300 else told["code"]), told

    def create(self, place: int, api: str, total: int) -> None:
        known, number = self.orders.get(place), self.number(place)
        if api == "v3":
            body = shop.order(self.gateway, out_trade_no=number, amount={"total": total})
            code, _ = self.send(self.wxpay.v3.pay.transactions.native.post, body)
        else:
            fields = shop.v2(self.gateway, out_trade_no=number, total_fee=total)
            code, _ = self.send(self.wxpay.v2.pay.unifiedorder.post, fields)
        if known is None:
            assert code == ""
            self.orders[place] = Model(api, total, self.now)
        elif known.is_paid:
            assert code == "ORDERPAID"
        elif known.state == "CLOSED":
            assert code == {"v3": "ORDER_CLOSED", "v2": "ORDERCLOSED"}[api]
        else:
            assert code == ("" if (known.api, known.total) == (api, total) else "INVALID_REQUEST")

    def pay(self, place: int) -> None:
        known = self.orders.get(place)
        if known is None:
            with pytest.raises(KeyError):
                self.gateway.pay(self.number(place))
        elif known.state != "NOTPAY":
            with pytest.raises(ValueError, match="cannot be paid"):
                self.gateway.pay(self.number(place))
        else:
            self.gateway.pay(self.number(place))
            known.state = "SUCCESS"
            self.told += 1

    def close(self, place: int, api: str) -> None:
        known, number = self.orders.get(place), self.number(place)
        if api == "v3":
            call = self.wxpay.v3.pay.transactions.outTradeNo._no_.close.post
            code, _ = self.send(call, {"mchid": self.gateway.mchid}, no=number)
        else:
            own = {"appid": shop.APPID, "mch_id": self.gateway.mchid, "out_trade_no": number}
            code, _ = self.send(self.wxpay.v2.pay.closeorder.post, own)
        if known is None:
            assert code == {"v3": "ORDER_NOT_EXIST", "v2": "ORDERNOTEXIST"}[api]
        elif known.is_paid:
            assert code == "ORDERPAID"
        elif known.state == "CLOSED":
            assert code == {"v3": "", "v2": "ORDERCLOSED"}[api]
        else:
            assert code == ""
            known.state = "CLOSED"

    def query(self, place: int, api: str) -> None:
        known, number = self.orders.get(place), self.number(place)
        if api == "v3":
            call = self.wxpay.v3.pay.transactions.outTradeNo._no_.get
            code, told = self.send(call, None, no=number, params={"mchid": self.gateway.mchid})
            total = told.get("amount", {}).get("total")
        else:
            own = {"appid": shop.APPID, "mch_id": self.gateway.mchid, "out_trade_no": number}
            code, told = self.send(self.wxpay.v2.pay.orderquery.post, own)
            total = int(told.get("total_fee", 0))
        if known is None:
            assert code == {"v3": "ORDER_NOT_EXIST", "v2": "ORDERNOTEXIST"}[api]
            return
        assert (code, told["trade_state"], total) == ("", known.state, known.total)
        assert ("transaction_id" in told) == known.is_paid

    def refund(self, place: int, api: str, part: int, amount: int) -> None:
        known, number = self.orders.get(place), self.number(place)
        total, out_refund_no = known.total if known else 100, f"{number}r{part}"
        if amount > total:
            return
        if api == "v3":
            body = shop.refund(number, amount, total, out_refund_no=out_refund_no, notify_url=shop.NOWHERE)
            code, _ = self.send(self.wxpay.v3.refund.domestic.refunds.post, body)
        else:
            own = {"appid": shop.APPID, "mch_id": self.gateway.mchid, "out_trade_no": number}
            money = {"out_refund_no": out_refund_no, "total_fee": total, "refund_fee": amount}
            call = self.wxpay.v2.secapi.pay.refund.post
            code, _ = self.send(call, {**own, **money, "notify_url": shop.NOWHERE}, security=False)
        before = known.refunds.get(part) if known else None
        if before is not None:
            assert code == ("" if before[0] == amount else "INVALID_REQUEST")
        elif known is None or not known.is_paid:
            assert code == {"v3": "RESOURCE_NOT_EXISTS", "v2": "ORDERNOTEXIST"}[api]
        elif known.refunded >= known.total:
            assert code == {"v3": "INVALID_REQUEST", "v2": "ERROR"}[api]
        elif amount > known.total - known.refunded:
            assert code == "INVALID_REQUEST"
        else:
            assert code == ""
            known.state = "REFUND"
            known.refunds[part] = [amount, "PROCESSING", self.now + 1]

    def end(self, place: int, part: int, status: str) -> None:
        known = self.orders.get(place)
        refund = known.refunds.get(part) if known else None
        out_refund_no = f"{self.number(place)}r{part}"
        if refund is None:
            with pytest.raises(KeyError):
                self.gateway.refund(out_refund_no, status)
        elif refund[1] in ("SUCCESS", "CLOSED") or refund[1] == status:
            with pytest.raises(ValueError, match="cannot become"):
                self.gateway.refund(out_refund_no, status)
        else:
            self.gateway.refund(out_refund_no, status)
            refund[1] = status
            self.told += 1

    def advance(self, seconds: float) -> None:
        self.gateway.advance(seconds)
        self.now += seconds

    def conserve(self, place: int) -> None:
        """What is in the book is what was paid, less what went back."""
        known = self.orders[place]
        row = self.gateway.world.store.one("SELECT * FROM orders WHERE out_trade_no=?", self.number(place))
        assert row is not None
        back = self.gateway.world.store.one(
            "SELECT coalesce(sum(amount), 0) AS fen FROM refunds WHERE order_id=? AND status<>'CLOSED'", row["id"]
        )
        assert back is not None
        assert 0 <= row["refunded"] == back["fen"] == known.refunded <= row["total"]
        for part, (_, status, _) in known.refunds.items():
            code, told = self.send(
                self.wxpay.v3.refund.domestic.refunds._no_.get, None, no=f"{self.number(place)}r{part}"
            )
            assert (code, told["status"]) == ("", status)


@pytest.fixture(scope="module")
def frozen() -> Iterator[tuple[Sandbox, Wechatpay]]:
    """A sandbox whose clock stands still, and a client."""
    with Sandbox(clock=0) as gateway, gateway.client() as wxpay:
        yield gateway, wxpay


COUNT = iter(range(10**9))


def live(frozen: tuple[Sandbox, Wechatpay], steps: list[tuple[Any, ...]]) -> None:
    gateway, wxpay = frozen
    gateway.reset()
    Life(gateway, wxpay, next(COUNT)).run(steps)


HEALTH = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=60, suppress_health_check=HEALTH)
@given(steps=STEPS)
def test_a_life_holds_no_contradiction(frozen: tuple[Sandbox, Wechatpay], steps: list[tuple[Any, ...]]) -> None:
    """A few of them, each time others."""
    live(frozen, steps)


@pytest.mark.slow
@settings(max_examples=10_000, suppress_health_check=HEALTH)
@given(steps=STEPS)
def test_ten_thousand_lives_hold_no_contradiction(
    frozen: tuple[Sandbox, Wechatpay], steps: list[tuple[Any, ...]]
) -> None:
    """Many of them."""
    live(frozen, steps)
