"""Answers out of the catalogue: every documented field with its example, and what is known instead of it.

Ids that nobody gave are new, times are now, and nothing tells of a failure: an example contradicts itself easily.
"""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from wechatpay_chain.catalog import sample
from wechatpay_chain.sandbox.clock import BEIJING, to_beijing

__all__ = ["Examples", "fresh", "is_number", "own_merchant"]

# Where the documentation's examples point: a client of the sandbox must not be sent there.
_HOST = re.compile(r"https://api(hk)?2?\.(mch\.weixin\.qq\.com|wechatpay\.cn)(?=/)")
# Which of the numbered fields an example has.
_NUMBERED = re.compile(r"\$[nm]")
_CALLER = ("mchid", "sp_mchid", "mch_id", "combine_mchid")
_FILE = frozenset({"download_url", "hash_value"})
_NUMBER = re.compile(r"(\w+_|\w*bill)?(no|id|code|number|sn|ticket|token)")
# Names that come from elsewhere: no operation makes what they name.
_ELSEWHERE = re.compile(
    r"\w*mch_?id|\w*appid|\w*app_id|\w*openid|unionid|brand_id|service_id|province_code|city_code|\w*area_code"
    r"|bank_\w*|\w*region_\w*|account\w*|city_id|channel_id|template_id|auth_code|code|err_code|error_code|\w*err_code"
    r"|fail_code|return_code|result_code|\w*id_card\w*|id_number|\w*id_no|\w*phone_number|plate_number|nonce_str|\w*goods_id"
    r"|driver_license|qq|user_id|business_license\w*|cert\w*|\w*_id_doc\w*|scene_id|transfer_scene_id|license_number"
    r"|card_number|device_id|\w*country_code|postal_code|currency_code|category_id|\w*credential_id|org_code|\w*license\w*"
    r"|contact_id\w*|id|taxpayer_id|store_id|device_sn|merchant_code|\w*merchant_id|wechat_openid"
)
_FAILURE = re.compile(
    r"\w*(fail(ed|ure)?|reject(ed|ion)?|error|err|abnormal|refuse|block(ed)?)_?(reason|code|msg|message|des|desc|detail|param|description)\w*"
)
# A text that explains, and one that explains a failure.
_EXPLANATION = re.compile(r"(\w+_)?(desc|description|reason|message|msg)")
_FAILED = re.compile("失败|驳回|拒绝|错误|不通过")
_SUCCEEDED = "成功"
_FAILING = re.compile(r"\w*(FAIL|REJECT|ABNORMAL|ERROR)\w*")
_LATER = re.compile(r"expire|end|invalid|deadline|until|close_time")
_TIMES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(\+\d\d:\d\d|Z)"), "iso milliseconds"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\+\d\d:?\d\d|Z)?"), "iso"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "%Y-%m-%d %H:%M:%S"),
    (re.compile(r"\d{4}-\d\d-\d\d"), "%Y-%m-%d"),
    (re.compile(r"20\d{12}"), "%Y%m%d%H%M%S"),
)
# RSA of 2048 bits in base64, and what it can take with OAEP.
_CIPHERTEXT = re.compile("[A-Za-z0-9+/]{342}==")
_LONGEST_SEALED = 214
_MONTH = 30 * 86_400
# So few characters are no number that is meant to be the only one.
_SHORT = 6


@dataclass(frozen=True)
class Examples:
    """How the answers to one request are written: its ``host``, whose it is, who encrypts a field, who names a file.

    ``file`` is told whether the file is to be encrypted. ``now`` is what times say; ``fresh`` makes an id of an
    example of one, None leaves the example; ``made`` are names of what the operation makes, though they are no ids.
    """

    host: str
    mchid: str
    seal: Callable[[str], str]
    file: Callable[[bool], Mapping[str, Any]]
    now: float
    fresh: Callable[[str, Any], Any] | None = None
    made: frozenset[str] = frozenset()

    def answer(self, fields: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        """An answer with all ``fields``; one that was ``given`` by the same name and type is told back."""
        told = self._object(fields)
        for name, schema in fields.items():
            if name in given and (value := _as_type(schema, given[name])) is not None:
                told[name] = self._encrypt(name, str(value)) if sample.is_sealed(schema) else value
        return told

    def _encrypt(self, name: str, value: str) -> str:
        """A text encrypted for the merchant; one that an earlier answer had encrypted is told as it is."""
        if _CIPHERTEXT.fullmatch(value):
            return value
        return self.seal(value if len(value.encode("utf-8", "replace")) <= _LONGEST_SEALED else name)

    def _object(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        told = {
            _NUMBERED.sub("0", name): self._value(name, schema)
            for name, schema in fields.items()
            if not _FAILURE.fullmatch(name)
        }
        if fields.keys() >= _FILE:
            told.update(self.file("encrypt_key" in fields))
        return told

    def _value(self, name: str, schema: Mapping[str, Any]) -> Any:
        if sample.is_sealed(schema):
            return self.seal(name)
        if schema.get("type") == "object":
            return self._object(schema.get("fields", {}))
        if schema.get("type") == "array":
            return [self._value(name, schema.get("items", {}))]
        value = sample.value(name, schema, dict.fromkeys(_CALLER, self.mchid))
        if self.fresh is not None and (is_number(name) or name in self.made) and not schema.get("enum"):
            return self.fresh(name, value)
        if not isinstance(value, str):
            return value
        if _EXPLANATION.fullmatch(name) and _FAILED.search(value):
            return _SUCCEEDED
        if schema.get("enum") and _FAILING.fullmatch(value):
            return next((each for each in schema["enum"] if not _FAILING.fullmatch(str(each))), value)
        return self._time(name, value) or _HOST.sub(self.host, value)

    def _time(self, name: str, value: str) -> str:
        """The time of an example, now; empty for what is no time."""
        form = next((form for pattern, form in _TIMES if pattern.fullmatch(value)), "")
        if not form or not re.search("time|date|_at|begin|end", name):
            return ""
        moment = to_beijing(self.now + (_MONTH if _LATER.search(name) else 0)).astimezone(BEIJING)
        if form.startswith("iso"):
            return moment.isoformat(timespec="milliseconds" if form.endswith("milliseconds") else "seconds")
        return moment.strftime(form)


def is_number(name: str) -> bool:
    """Whether a field's name is that of something that operations make: an order, a plan, an upload."""
    return _NUMBER.fullmatch(name) is not None and _ELSEWHERE.fullmatch(name) is None


def fresh(name: str, example: Any) -> Any:
    """An id that looks like ``example``, and that nobody else has."""
    if isinstance(example, bool) or not isinstance(example, str | int):
        return example
    text = str(example)
    if len(text) < _SHORT or (isinstance(example, str) and not example.isascii()):
        return (
            f"{secrets.randbelow(9 * 10**17) + 10**17}"
            if isinstance(example, str)
            else 10**12 + secrets.randbelow(10**12)
        )
    made = text[:2] + "".join(map(_another, text[2:]))
    return int(made) if isinstance(example, int) else made


def own_merchant(value: Any, mchid: str) -> Any:
    """A documented example with this merchant in place of the documentation's."""
    if isinstance(value, Mapping):
        return {
            name: mchid if name in _CALLER and isinstance(item, str) else own_merchant(item, mchid)
            for name, item in value.items()
        }
    return [own_merchant(item, mchid) for item in value] if isinstance(value, list) else value


def _another(character: str) -> str:
    for kind in (string.digits, string.ascii_lowercase, string.ascii_uppercase):
        if character in kind:
            return secrets.choice(kind)
    return character


def _as_type(schema: Mapping[str, Any], value: Any) -> Any:
    """A parameter as the answer's field holds it; None when it is of another type."""
    kind = schema.get("type")
    if kind in ("object", "array"):
        # What is encrypted in it is so for WeChat Pay, which is of no use to the merchant.
        fits = isinstance(value, dict if kind == "object" else list) and not _holds_sealed(schema)
        return value if fits else None
    if isinstance(value, dict | list | None):
        return None
    if kind == "boolean":
        return {"true": True, "false": False}.get(str(value).lower())
    if kind == "integer" or kind == "number":
        return _number(value)
    return value if isinstance(value, str) else None


def _holds_sealed(schema: Mapping[str, Any]) -> bool:
    inner = [*schema.get("fields", {}).values(), *([schema["items"]] if schema.get("items") else [])]
    return sample.is_sealed(schema) or any(map(_holds_sealed, inner))


def _number(value: Any) -> Any:
    if isinstance(value, str):
        return int(value) if re.fullmatch(r"-?[0-9]{1,18}", value) else None
    return None if isinstance(value, bool) else value
