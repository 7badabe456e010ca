"""What the fields of a signed APIv2 answer or notice have to be, so that the signed text has one reading.

The text that is signed, ``k=v&k=v``, does not say where a value ends: ``nonce_str=K1&result_code=FAIL`` is two fields,
or one whose value holds ``&``. Only the names and their order tell.
Source of the text: https://pay.weixin.qq.com/doc/v2/merchant/4011985891
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from wechatpay_chain.errors import SignatureMismatch

__all__ = ["KNOWN", "WITHOUT_RESULT", "check_fields", "has_result", "outcome"]

# Operations whose answers are documented without result_code; every other one tells its outcome there.
WITHOUT_RESULT = re.compile(
    r"/face/get_wxpayface_authinfo"
    r"|/pay/(profitsharingmerchantratioquery|profitsharingorderamountquery|queryexchagerate)"
    r"|/papay/(partner/)?(h5)?entrustweb"
    r"|/sandboxnew/pay/getsignkey"
    r"|/secapi/mch/submchmanage"
    r"|/xdc/apiv2getsignkey/sign/getsignkey"
)
# They decide what an answer means. No value of WeChat Pay's holds them.
_OUTCOMES = frozenset({"return_code", "result_code"})
# Without one of these an answer is told as if nothing had failed, or nothing had been paid.
_DECISIVE = frozenset(
    {
        *("err_code", "trade_state", "refund_status"),
        *("total_fee", "cash_fee", "refund_fee", "settlement_total_fee", "settlement_refund_fee"),
    }
)
# Every field of the documented answers that are signed, and of the notices; numbered ones without their numbers.
_NAMES = """
    access_token account_name act_name amount app_download appid appid_config_list application_reject_detail
    application_status applyment_id applyment_state applyment_state_desc attach audit_comment audit_detail
    audit_status authinfo bank_type begin_time begin_time_t bind_bankcard body brand_mch_id business_category
    business_type business_website cancel_fee cancel_fee_desc cash_fee cash_fee_type cash_refund_fee
    cert_check_result certificates change_type channel_id checked_in city cmms_amt code_url combine_appid
    combine_mch_id combine_openid combine_out_trade_no compensation_fee compensation_fee_desc consume_fee
    contact_email contact_name contact_phone contract_code contract_display_account contract_err_code
    contract_err_code_des contract_expired_time contract_id contract_result_code contract_signed_time
    contract_state contract_terminated_time contract_termination_mode contract_termination_remark count
    coupon_budget coupon_count coupon_desc coupon_fee coupon_id coupon_mininumn coupon_name coupon_refund_count
    coupon_refund_fee coupon_refund_id coupon_remain_value coupon_state coupon_stock_id coupon_stock_status
    coupon_total coupon_type coupon_use_value coupon_value cre_type create_time create_time_t customs date
    date_end date_settlement date_start deadline_time deduct_mode deposit_amount description
    destination_account_bank destination_account_name destination_account_number detail detail_id device_info
    director_id_number director_name duty encrypted_credential_id encrypted_real_name end_time end_time_t
    err_code err_code_des err_param error_code error_code_des expires_in explanation fail_reason failed_count
    fbatchno fee_type finish_ticket finish_time finish_transaction_id goods_name h5_audit_reject_detail
    h5_authorization_state is_partial_use is_send_num is_subscribe jsapi_path_list max_quota max_ratio mcc
    mch_billno mch_customs_no mch_id media_id merchant_country_code merchant_name merchant_remark
    merchant_shortname merchant_type mini_program miniprogram_appid miniprogram_path miniprogram_username
    modify_time mweb_url nonce_str office_account office_phone openid operate_time order_fee order_id other_fee
    other_fee_desc out_order_no out_refund_no out_return_no out_trade_no overdue_fine overdue_fine_desc package
    param_name partner_trade_no path pay_amount pay_fee pay_net_fee pay_type payment_no plan_id
    plate_number_info poundage_fee pre_entrustweb_id prepay_id principal_id_number principal_name product_fee
    product_id promotion_detail rate rate_time rcv_time re_openid real_end_time reason recall receiver receivers
    record_num refund_account refund_amount refund_channel refund_count refund_fee refund_id refund_recv_accout
    refund_status refund_success_time refund_time registration_certificate_date registration_certificate_number
    reject_reason remark rent_fee rent_fee_desc rent_unit rent_unit_fee req_info request_serial resp_count
    result result_code result_msg ret_code ret_msg return_account return_account_type return_amount return_code
    return_msg return_no returned room room_rate room_rate_desc send_listid send_source send_time send_type
    sender_header_media_id sender_name service_end_location service_id service_location settlement_bank_number
    settlement_fee settlement_refund_fee settlement_total_fee settlementfee_type short_url sign_qrcode sign_type
    sign_url split_settlement_fee split_unsettlement_fee start_time state status store_address sub_appid
    sub_is_subscribe sub_mch_id sub_mch_status sub_openid sub_order_id sub_order_list sub_order_no success_count
    success_time time_end total_amount total_fee total_refund_count trade_state trade_state_desc trade_type
    transaction_id transport_fee unsettlement_fee unsplit_amount user_state verification_status
    verify_department verify_department_trade_id verify_openid verify_real_name wishing withdraw_id
    withdraw_status wxappid
"""
KNOWN = frozenset(_NAMES.split())
_CODE = re.compile(r"[A-Za-z_]{1,64}")
_NUMBERS = re.compile(r"(_[0-9]+)+$")
_HIDDEN = re.compile(r"&([A-Za-z_][A-Za-z0-9_.:-]*)=")


def has_result(path: str) -> bool:
    """Whether the answer to this call tells its outcome in ``result_code``."""
    return WITHOUT_RESULT.fullmatch(path) is None


def outcome(fields: Mapping[str, Any], name: str) -> str:
    """The text of ``return_code`` or ``result_code``; SignatureMismatch when it is missing, which is no success."""
    value = fields.get(name)
    if isinstance(value, list):
        raise SignatureMismatch(f"{name}: there more than once; it may not be WeChat Pay's")
    if not isinstance(value, str) or not value:
        raise SignatureMismatch(f"{name}: missing; it may not be WeChat Pay's")
    if not _CODE.fullmatch(value):
        raise SignatureMismatch(f"{name}: expected SUCCESS or FAIL, found {value[:40]!r}; it may not be WeChat Pay's")
    return value


def check_fields(fields: Mapping[str, Any]) -> None:
    """Raise SignatureMismatch for fields that are no text, and for a value that may hide another field.

    A value hides ``name`` when it holds ``&name=`` of a known field that would stand there in the order of names;
    so the signed text may be WeChat Pay's with that field told apart. Names of outcomes are refused in every value,
    those of the paid amount and the state of a payment or refund wherever that field is missing.
    """
    names = sorted((name for name, value in fields.items() if name != "sign" and value != ""), key=_order)
    for name in names:
        if not isinstance(fields[name], str):
            found = "there more than once" if isinstance(fields[name], list) else "elements or attributes"
            raise SignatureMismatch(f"{name[:40]}: expected text, found {found}; the signature does not cover that")
    for name, following in zip(names, [*names[1:], ""], strict=True):
        for hidden in _hidden_names(fields[name]):
            if _hides(name, hidden, following, fields):
                raise SignatureMismatch(
                    f"{name[:40]}: its value holds '&{hidden[:40]}=', which may be a field of WeChat Pay's; the signed"
                    " text does not tell; ask for the state by another call"
                )


def _hidden_names(value: str) -> Iterator[str]:
    return (found[1] for found in _HIDDEN.finditer(value))


def _hides(name: str, hidden: str, following: str, fields: Mapping[str, Any]) -> bool:
    if hidden in _OUTCOMES:
        return True
    if fields.get(hidden):
        return False  # it is told: the text would have it twice
    base = _NUMBERS.sub("", hidden)
    stands_here = _order(name) < _order(hidden) and (not following or _order(hidden) < _order(following))
    return base in _DECISIVE or (base in KNOWN and stands_here)


def _order(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")
