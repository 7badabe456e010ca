"""Twenty everyday calls: right for the typed client and for the sandbox, and wrong for both without a field."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.catalog.everyday import EVERYDAY, MCHID, PAID, SHARED, UNPAID, Everyday, without
from tests.catalog.test_typed import Found, mypy
from wechatpay_chain import Sandbox, Wechatpay, errors

HEAD = "from wechatpay_chain.typed import Wechatpay\n\nwxpay = Wechatpay.from_env()\n"


@pytest.fixture(scope="module")
def shop() -> Iterator[Sandbox]:
    """A sandbox with orders: each test of the module goes on from what was made before."""
    with Sandbox(mchid=MCHID, bill_rows=20) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def payer(shop: Sandbox) -> Iterator[Wechatpay]:
    with shop.client() as client:
        yield client


@pytest.fixture(scope="module")
def numbers(shop: Sandbox, payer: Wechatpay) -> dict[str, str]:
    """What calls refer to: WeChat Pay's numbers of paid orders, and yesterday."""
    order = {"appid": "wxd678efh567hg6787", "mchid": MCHID, "description": "Tea", "amount": {"total": 100}}
    order["notify_url"] = "https://www.example.com/notify"
    for number in (PAID, SHARED, UNPAID):
        body = {**order, "out_trade_no": number, "settle_info": {"profit_sharing": number == SHARED}}
        payer.v3.pay.transactions.native.post(body)
    yesterday = datetime.now(timezone(timedelta(hours=8))) - timedelta(days=1)
    return {"TRANSACTION": shop.pay(PAID), "SHARED": shop.pay(SHARED), "BILL_DATE": f"{yesterday:%Y-%m-%d}"}


def called(text: str, numbers: dict[str, str], client: Wechatpay) -> None:
    for name, value in numbers.items():
        text = text.replace(f"'{name}'", repr(value)).replace(f'"{name}"', repr(value))
    eval(text, {"wxpay": client})


@pytest.mark.parametrize("each", EVERYDAY, ids=lambda each: str(each.title))
def test_the_sandbox_takes_it_and_refuses_it_without_a_field(
    each: Everyday, shop: Sandbox, payer: Wechatpay, numbers: dict[str, str]
) -> None:
    """First without the field, which changes nothing; a placeholder that lacks is told before anything is sent."""
    with pytest.raises((errors.ClientError, errors.ChainError)) as caught:
        called(without(each.call, each.way), numbers, payer)
    if isinstance(caught.value, errors.ClientError):
        assert caught.value.code == "PARAM_ERROR"
        assert str(each.way[-1]) in str(caught.value.detail)
    else:
        assert str(each.way[-1]) in str(caught.value)
    called(each.call, numbers, payer)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """What mypy says of all of them, read together."""
    folder: Path = tmp_path_factory.mktemp("everyday")
    files = {
        "right.py": HEAD + "\n".join(each.call for each in EVERYDAY) + "\n",
        "wrong.py": HEAD + "\n".join(without(each.call, each.way) for each in EVERYDAY) + "\n",
    }
    return mypy(folder, files)


@pytest.mark.slow
def test_the_typed_client_takes_them(told: Found) -> None:
    """Strictly checked."""
    assert len(EVERYDAY) == 20
    assert told["right.py"] == {}


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(EVERYDAY)), ids=lambda number: EVERYDAY[number].title)
def test_the_typed_client_refuses_them_without_a_field(told: Found, number: int) -> None:
    """At its line, by the name of the field."""
    assert str(EVERYDAY[number].way[-1]) in told["wrong.py"][number + 4]
