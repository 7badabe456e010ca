"""Transfers in batches: their sums and names, their states by the clock, each detail's end, and the notice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.listener import Listener, listening
from tests.sandbox import shop
from tests.sandbox.test_orders import refused
from wechatpay_chain import Sandbox, Sealed, Wechatpay, errors

BATCHES = "v3/transfer/batches"
BY_NUMBER = f"{BATCHES}/out-batch-no/<no>"


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Where notices go."""
    with listening() as receiver:
        yield receiver


def detail(amount: int, **changes: Any) -> dict[str, Any]:
    """One transfer of a batch."""
    own = {"out_detail_no": shop.number("detail"), "transfer_remark": "茶", "openid": "oPayee"}
    return {**own, "transfer_amount": amount, **changes}


def batch(*details: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The body of a batch, whose sums are those of its details."""
    return {
        "appid": shop.APPID,
        "out_batch_no": shop.number("batch"),
        "batch_name": "茶",
        "batch_remark": "茶",
        "total_amount": sum(each["transfer_amount"] for each in details),
        "total_num": len(details),
        "transfer_detail_list": list(details),
        "transfer_scene_id": "1000",
        **changes,
    }


def test_a_batch_is_carried_out(gateway: Sandbox, wxpay: Wechatpay, listener: Listener) -> None:
    """ACCEPTED, PROCESSING, FINISHED; one fen fails; details are listed at the end, and the merchant is told."""
    gateway.clock.factor = 0
    good, bad = detail(300, user_name=Sealed("张三")), detail(1, user_name=Sealed("李四"))
    body = batch(good, bad, notify_url=listener.url)
    made = wxpay.chain(BATCHES).post(body).data
    assert (made["out_batch_no"], made["batch_status"]) == (body["out_batch_no"], "ACCEPTED")
    asked, number = wxpay.chain(BY_NUMBER), body["out_batch_no"]
    one = wxpay.chain(f"{BY_NUMBER}/details/out-detail-no/<detail>")
    everything = {"need_query_detail": "true", "detail_status": "ALL"}
    for seconds, state, status in ((0, "ACCEPTED", "INIT"), (1, "PROCESSING", "PROCESSING")):
        gateway.advance(seconds)
        told = asked.get(no=number, params=everything).data
        assert (told["transfer_batch"]["batch_status"], told["transfer_detail_list"]) == (state, [])
        assert told["transfer_batch"]["success_num"] + told["transfer_batch"]["fail_num"] == 0
        assert one.get(no=number, detail=bad["out_detail_no"]).data["detail_status"] == status
    gateway.advance(1)
    told = asked.get(no=number, params=everything).data
    ended = {each["out_detail_no"]: each["detail_status"] for each in told["transfer_detail_list"]}
    assert ended == {good["out_detail_no"]: "SUCCESS", bad["out_detail_no"]: "FAIL"}
    whole = told["transfer_batch"]
    assert whole["batch_status"] == "FINISHED"
    assert (whole["success_amount"], whole["success_num"], whole["fail_amount"], whole["fail_num"]) == (300, 1, 1, 1)
    failed = asked.get(no=number, params={**everything, "detail_status": "FAIL"}).data["transfer_detail_list"]
    assert [each["out_detail_no"] for each in failed] == [bad["out_detail_no"]]
    by_id = wxpay.chain(f"{BATCHES}/batch-id/<id>").get(id=made["batch_id"], params={"need_query_detail": "false"})
    assert by_id.data == {"transfer_batch": whole}
    seen = one.get(no=number, detail=good["out_detail_no"]).data
    assert wxpay.decrypt(seen["user_name"]) == "张三"
    assert (seen["detail_status"], seen["transfer_amount"], "fail_reason" in seen) == ("SUCCESS", 300, False)
    assert one.get(no=number, detail=bad["out_detail_no"]).data["fail_reason"] == "TRANSFER_QUOTA_EXCEED"
    path = f"{BATCHES}/batch-id/<id>/details/detail-id/<detail>"
    assert (
        wxpay.chain(path).get(id=made["batch_id"], detail=seen["detail_id"]).data["out_detail_no"]
        == (good["out_detail_no"])
    )
    gateway.notices.wait()
    read = wxpay.notification(*listener.received[-1])
    assert read.event_type == "MCHTRANSFER.BATCH.FINISHED"
    names = ("out_batch_no", "batch_id", "batch_status", "total_amount", "total_num", "success_num", "fail_amount")
    assert {name: read.resource[name] for name in names} == {name: whole[name] for name in names}


def test_a_batch_comes_again(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """The same is the same batch, names are encrypted anew; other data and three days later are refused."""
    post, first = wxpay.chain(BATCHES).post, detail(30, user_name=Sealed("张三"))
    body = batch(first)
    made = post(body).data
    assert post(body).data["batch_id"] == made["batch_id"]
    other = {**body, "batch_name": "咖啡"}
    with pytest.raises(errors.ClientError, match="INVALID_REQUEST: 单号已存在但信息不一致"):
        post(other)
    gateway.advance(3 * 86_400 + 1)
    with pytest.raises(errors.ClientError, match="INVALID_REQUEST: 对应单号已超出重试期"):
        post(body)


def test_names_are_there_for_all_or_none(wxpay: Wechatpay) -> None:
    """None is right, though the documentation's table says that a name is required."""
    assert wxpay.chain(BATCHES).post(batch(detail(30), detail(40))).data["batch_status"] == "ACCEPTED"
    mixed = batch(detail(30, user_name=Sealed("张三")), detail(40))
    assert refused(lambda: wxpay.chain(BATCHES).post(mixed)) == (400, "PARAM_ERROR")


TWICE = detail(30)
WRONG: list[dict[str, Any]] = [
    batch(detail(30), total_amount=31),
    batch(detail(30), total_num=2),
    batch(total_amount=0),
    batch(*(detail(30) for _ in range(1001))),
    batch(detail(0)),
    batch(TWICE, TWICE),
    batch(detail(30), out_batch_no="a_b"),
    batch(detail(30, out_detail_no="a-b")),
    batch(detail(30, transfer_remark="茶" * 33)),
    batch(detail(30, other=1)),
]


@pytest.mark.parametrize("body", WRONG)
def test_a_batch_is_checked(wxpay: Wechatpay, body: dict[str, Any]) -> None:
    """Its sums, its numbers and its details."""
    assert refused(lambda: wxpay.chain(BATCHES).post(body)) == (400, "PARAM_ERROR")


def test_a_query_is_checked(wxpay: Wechatpay) -> None:
    """Which details are wanted has to be said; a number that nobody made is not there."""
    body = batch(detail(30))
    wxpay.chain(BATCHES).post(body)
    asked, number = wxpay.chain(BY_NUMBER), body["out_batch_no"]
    with pytest.raises(errors.ClientError, match="PARAM_ERROR: 传入的转账明细状态无效"):
        asked.get(no=number, params={"need_query_detail": "true"})
    wanted = {"need_query_detail": "true", "detail_status": "ALL"}
    for limit in (19, 101):
        assert refused(asked.get, no=number, params={**wanted, "limit": limit}) == (400, "PARAM_ERROR")
    missing = [
        lambda: asked.get(no="nobody", params={"need_query_detail": "false"}),
        lambda: wxpay.chain(f"{BY_NUMBER}/details/out-detail-no/<detail>").get(no=number, detail="nobody"),
    ]
    for call in missing:
        assert refused(call) == (404, "NOT_FOUND")
