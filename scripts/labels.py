"""Labels that the source lacks: taken over from fields of the same name, else ours.

A field without an official name takes the one that most fields of its name have: those of the same product inside the
same field, of the same product anywhere, then of any product inside the same field, unless that has a name for
anything, as ``data``. It is taken only where three quarters agree. ``OWN`` has names of ours for what is left:
translated from the field's name, its values and its example, and not WeChat Pay's own words.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from wechatpay_chain.catalog.facts import is_legacy

__all__ = ["OWN", "add_labels"]

_Fields = Mapping[str, Any]
_Key = tuple[str, ...]
_PLACES = ("path_params", "query", "headers", "form")
_AGREEMENT = 0.75
_ANYTHING = frozenset({"", "data", "detail", "details", "item", "items", "list", "result"})

# By the field's name.
OWN: Mapping[str, str] = {
    line.split()[0]: line.split()[1]
    for line in """
Wechatpay-Negative-Test 异常场景
access_token_expire_in 凭证有效期
action 操作类型
additional_material 补充材料
app_pics APP截图
appid 应用ID
appid_config_list 应用ID配置列表
application 申请单
application_list 申请单列表
apply_material_information 申请材料信息
audit_comment 审核意见
available_items 可用单品列表
available_merchants 可用商户列表
available_week_day 可用星期数
bind_bankcard 是否绑定银行卡
business_addition_desc 补充说明
business_addition_pics 补充材料
business_time 营业期限
cert_sign 证件校验串
cert_valid_date 证件有效期
charging_rule 收费规则
credential_type 证件类型
data 数据列表
detail 商品详情
duration_segment_rule 时段收费规则
effective_time 证书启用时间
encrypt_certificate 证书信息
expire_time 证书弃用时间
failed_store_recipient 操作失败的收款人
fields 字段列表
fixed_interval_rule 固定间隔收费规则
goods_category 商品类目
goods_detail 单品列表
goods_id 商品ID
goods_name 商品名称
goods_tag 订单优惠标记
grant_type 授权类型
id_card_valid_time 身份证有效期限
identification_type 证件类型
identification_valid_date 证件有效期
image_list 图片列表
imei1 IMEI1
imei2 IMEI2
indoor_pic 店内环境照片
licence_valid_date 营业执照有效期
limit_pay 指定支付方式
meta 媒体文件元信息
mini_program_pics 小程序截图
mp_pics 公众号页面截图
openid 用户标识
parking_lot 停车场
post_discounts 商户优惠
pre_entry_rule 入场前规则
promotion_detail 优惠功能
qualifications 特殊资质图片
receivers 分账接收方列表
response_images 反馈图片
response_type 返回类型
sales_scenes_type 经营场景类型
scene_info 场景信息
serial_no 证书序列号
sign_plan_detail 签约计划明细
sp_appid 服务商应用ID
store_state_value 门店状态
sub_appid 子商户应用ID
sub_openid 用户子标识
sub_order_list 子单列表
sub_serial_no 子序列号
tartype 压缩类型
tax_code 税收分类编码
token 凭证
trade_type 交易类型
trades 交易列表
ubo_id_doc_type 受益人证件类型
unavailable_items 不可用单品列表
union_id 用户统一标识
user_service_state 用户服务状态
verify_department 核验机构
verify_openid 用户标识校验结果
verify_real_name 实名校验结果
violation_records 违规记录列表
wework_pics 企业微信页面截图
""".strip().splitlines()
}


def add_labels(endpoints: list[dict[str, Any]], own: Mapping[str, str] = OWN) -> list[dict[str, Any]]:
    """The operations with a label for each field for which there is one."""
    counts: defaultdict[_Key, Counter[str]] = defaultdict(Counter)
    for endpoint in endpoints:
        for fields in _sets(endpoint):
            for parent, name, label in _labels("", fields):
                for key in _keys(endpoint["path"], parent, name):
                    counts[key][label] += 1

    def find(path: str, parent: str, name: str) -> str:
        found = (_agreed(counts[key]) for key in _keys(path, parent, name) if key in counts)
        return next(filter(None, found), own.get(name, ""))

    return [_with_labels(endpoint, find) for endpoint in endpoints]


def _keys(path: str, parent: str, name: str) -> Iterator[_Key]:
    """Where fields of one name are looked for, the nearest first."""
    words = path.strip("/").split("/")
    product = "v2" if is_legacy(path) else "/".join(words[:2])
    yield (product, parent, name)
    yield (product, name)
    if parent not in _ANYTHING:
        yield ("", parent, name)


def _agreed(labels: Counter[str]) -> str:
    label, times = labels.most_common(1)[0]
    return label if times >= _AGREEMENT * labels.total() else ""


def _sets(endpoint: Mapping[str, Any]) -> Iterator[_Fields]:
    for place in _PLACES:
        yield endpoint.get(place) or {}
    for schema in (endpoint.get("body"), *(endpoint.get("responses") or {}).values()):
        yield _inner(schema or {}).get("fields", {})


def _labels(parent: str, fields: _Fields) -> Iterator[tuple[str, str, str]]:
    for name, schema in fields.items():
        if schema.get("label"):
            yield parent, name, schema["label"]
        yield from _labels(name, _inner(schema).get("fields", {}))


def _inner(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while schema.get("type") == "array" and schema.get("items"):
        schema = schema["items"]
    return schema


def _with_labels(endpoint: Mapping[str, Any], find: Callable[[str, str, str], str]) -> dict[str, Any]:
    path = str(endpoint["path"])

    def labelled(parent: str, fields: _Fields) -> dict[str, Any]:
        return {name: below(name, add(parent, name, schema)) for name, schema in fields.items()}

    def add(parent: str, name: str, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        label = "" if schema.get("label") else find(path, parent, name)
        return {**schema, "label": label} if label else schema

    def below(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
        told = dict(schema)
        if "items" in told:
            told["items"] = below(name, told["items"])
        if "fields" in told:
            told["fields"] = labelled(name, told["fields"])
        return told

    told = dict(endpoint)
    for place in _PLACES:
        if told.get(place):
            told[place] = labelled("", told[place])
    if told.get("body"):
        told["body"] = below("", told["body"])
    if told.get("responses"):
        told["responses"] = {code: each and below("", each) for code, each in told["responses"].items()}
    return told
