"""Twenty calls that shops make every day, and what each of them cannot do without."""

from __future__ import annotations

import ast
from typing import NamedTuple

__all__ = ["EVERYDAY", "MCHID", "PAID", "SHARED", "UNPAID", "Everyday", "without"]

MCHID = "1900000001"
# Orders that the sandbox has: two that were paid, of which one may be shared, and one that was not.
PAID, SHARED, UNPAID = "EVERYDAY0001", "EVERYDAY0002", "EVERYDAY0003"


class Everyday(NamedTuple):
    """What it is, the call, and the way to a field that it cannot do without."""

    title: str
    call: str
    way: tuple[str | int, ...]


_ORDER = '"appid": "wxd678efh567hg6787", "mchid": "1900000001", "description": "Tea", "amount": {"total": 100}'
_NOTIFY = '"notify_url": "https://www.example.com/notify"'
_SUB_ORDER = (
    '"mchid": "1900000001", "attach": "a", "description": "Tea", "amount": {"total_amount": 1, "currency": "CNY"}'
)
_REFUND = '"amount": {"refund": 10, "total": 100, "currency": "CNY"}'

EVERYDAY = (
    Everyday(
        "JSAPI",
        f'wxpay.v3.pay.transactions.jsapi.post({{{_ORDER}, {_NOTIFY}, "out_trade_no": "EVERYDAY0011",'
        ' "payer": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}})',
        ("out_trade_no",),
    ),
    Everyday(
        "H5",
        f'wxpay.v3.pay.transactions.h5.post({{{_ORDER}, {_NOTIFY}, "out_trade_no": "EVERYDAY0012",'
        ' "scene_info": {"payer_client_ip": "14.23.150.211", "h5_info": {"type": "Wap"}}})',
        ("description",),
    ),
    Everyday(
        "Native",
        f'wxpay.v3.pay.transactions.native.post({{{_ORDER}, {_NOTIFY}, "out_trade_no": "EVERYDAY0013"}})',
        ("notify_url",),
    ),
    Everyday(
        "app",
        f'wxpay.v3.pay.transactions.app.post({{{_ORDER}, {_NOTIFY}, "out_trade_no": "EVERYDAY0014"}})',
        ("amount", "total"),
    ),
    Everyday(
        "JSAPI of a partner with sub_openid",
        'wxpay.v3.pay.partner.transactions.jsapi.post({"sp_appid": "wx8888888888888888", "sp_mchid": "1900000001",'
        ' "sub_appid": "wxd678efh567hg6999", "sub_mchid": "1900000109", "description": "Tea", "amount": {"total": 1},'
        f' {_NOTIFY}, "out_trade_no": "EVERYDAY0015", "payer": {{"sub_openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}}}})',
        ("sub_mchid",),
    ),
    Everyday(
        "combined order of a direct merchant",
        'wxpay.v3.combineTransactions.jsapi.post({"combine_appid": "wxd678efh567hg6787", "combine_mchid": "1900000001",'
        ' "combine_out_trade_no": "EVERYDAY0016", "combine_payer_info": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},'
        f' {_NOTIFY}, "sub_orders": [{{{_SUB_ORDER}, "out_trade_no": "EVERYDAY0017"}},'
        f' {{{_SUB_ORDER}, "out_trade_no": "EVERYDAY0018"}}]}})',
        ("sub_orders", 0, "amount"),
    ),
    Everyday(
        "query by the merchant's number",
        "wxpay.v3.pay.transactions.outTradeNo._out_trade_no_.get("
        'params={"mchid": "1900000001"}, out_trade_no="EVERYDAY0001")',
        ("mchid",),
    ),
    Everyday(
        "query of a combined order",
        'wxpay.v3.combineTransactions.outTradeNo._combine_out_trade_no_.get(combine_out_trade_no="EVERYDAY0016")',
        ("combine_out_trade_no",),
    ),
    Everyday(
        "close",
        'wxpay.v3.pay.transactions.outTradeNo._out_trade_no_.close.post({"mchid": "1900000001"},'
        ' out_trade_no="EVERYDAY0003")',
        ("out_trade_no",),
    ),
    Everyday(
        "refund by the merchant's number",
        'wxpay.v3.refund.domestic.refunds.post({"out_trade_no": "EVERYDAY0001", "out_refund_no": "EVERYDAYR001",'
        f" {_REFUND}}})",
        ("out_refund_no",),
    ),
    Everyday(
        "refund by WeChat Pay's number",
        'wxpay.v3.refund.domestic.refunds.post({"transaction_id": "TRANSACTION", "out_refund_no": "EVERYDAYR002",'
        f" {_REFUND}}})",
        ("out_refund_no",),
    ),
    Everyday(
        "query of a refund",
        'wxpay.v3.refund.domestic.refunds._out_refund_no_.get(out_refund_no="EVERYDAYR001")',
        ("out_refund_no",),
    ),
    Everyday(
        "trade bill with types",
        'wxpay.v3.bill.tradebill.get(params={"bill_date": "BILL_DATE", "bill_type": "SUCCESS", "tar_type": "GZIP"})',
        ("bill_date",),
    ),
    Everyday(
        "fund bill with types",
        'wxpay.v3.bill.fundflowbill.get(params={"bill_date": "BILL_DATE", "account_type": "BASIC",'
        ' "tar_type": "GZIP"})',
        ("bill_date",),
    ),
    Everyday(
        "receiver of shares",
        'wxpay.v3.profitsharing.receivers.add.post({"appid": "wxd678efh567hg6787", "type": "PERSONAL_OPENID",'
        ' "account": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", "relation_type": "USER"})',
        ("relation_type",),
    ),
    Everyday(
        "profit sharing",
        'wxpay.v3.profitsharing.orders.post({"appid": "wxd678efh567hg6787", "transaction_id": "SHARED",'
        ' "out_order_no": "EVERYDAYS001", "unfreeze_unsplit": False, "receivers": [{"type": "PERSONAL_OPENID",'
        ' "account": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", "amount": 10, "description": "Tea"}]})',
        ("receivers", 0, "description"),
    ),
    Everyday(
        "query of profit sharing",
        'wxpay.v3.profitsharing.orders._out_order_no_.get(params={"transaction_id": "SHARED"},'
        ' out_order_no="EVERYDAYS001")',
        ("transaction_id",),
    ),
    Everyday(
        "transfer",
        'wxpay.v3.fundApp.mchTransfer.transferBills.post({"appid": "wxd678efh567hg6787",'
        ' "out_bill_no": "EVERYDAYT001", "openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", "transfer_amount": 100,'
        ' "transfer_remark": "Tea", "transfer_scene_id": "1000", "transfer_scene_report_infos": ['
        '{"info_type": "活动名称", "info_content": "新会员有礼"},'
        ' {"info_type": "奖励说明", "info_content": "注册会员抽奖一等奖"}]})',
        ("transfer_scene_report_infos",),
    ),
    Everyday(
        "query of a transfer",
        'wxpay.v3.fundApp.mchTransfer.transferBills.outBillNo._out_bill_no_.get(out_bill_no="EVERYDAYT001")',
        ("out_bill_no",),
    ),
    Everyday(
        "complaints",
        'wxpay.v3.merchantService.complaintsV2.get(params={"begin_date": "BILL_DATE", "end_date": "BILL_DATE"})',
        ("end_date",),
    ),
)


def without(call: str, way: tuple[str | int, ...]) -> str:
    """The call without a field: of its body, of its query, or a placeholder."""
    tree = ast.parse(call, mode="eval")
    assert isinstance(tree.body, ast.Call)
    keyword = next((each for each in tree.body.keywords if each.arg == way[0]), None)
    if keyword is not None:
        tree.body.keywords.remove(keyword)
        return ast.unparse(tree)
    first = (
        tree.body.args[0] if tree.body.args else next(each.value for each in tree.body.keywords if each.arg == "params")
    )
    holder: ast.expr = first
    for step in way[:-1]:
        holder = holder.elts[step] if isinstance(holder, ast.List) and isinstance(step, int) else _item(holder, step)
    assert isinstance(holder, ast.Dict)
    at = next(at for at, key in enumerate(holder.keys) if isinstance(key, ast.Constant) and key.value == way[-1])
    del holder.keys[at], holder.values[at]
    return ast.unparse(tree)


def _item(holder: ast.expr, name: str | int) -> ast.expr:
    assert isinstance(holder, ast.Dict)
    pairs = zip(holder.keys, holder.values, strict=True)
    return next(value for key, value in pairs if isinstance(key, ast.Constant) and key.value == name)
