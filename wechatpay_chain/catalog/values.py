"""Values of a sample call: the merchant's own numbers, new ones, times that fit, else the documentation's example."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

from wechatpay_chain.catalog.facts import Operation, is_legacy
from wechatpay_chain.catalog.typical import preset

__all__ = ["CALLER", "MCHID", "Values"]

MCHID = "1900000109"
CALLER = ("mchid", "sp_mchid", "mch_id", "combine_mchid", "combine_mch_id")
# Also the caller, by the part that it plays: who made a coupon, who is complained of, who pays for a transfer.
_ALSO_CALLER = ("stock_creator_mchid", "creator_mchid", "complainted_mchid", "contract_mchid", "sponsor_mchid")
_BEIJING = timezone(timedelta(hours=8))
_NOTIFY_URL = "https://www.example.com/wechatpay/notify"
_NOTIFIED = re.compile(r"https?://[^\s/?#]+/[^\s?#]+")
# A number that the caller makes up; what a call refers to is not new.
_NUMBER = re.compile(
    r"(combine_)?out_\w*_?no|\w*request_no|mch_billno|partner_trade_no|business_code|(out_)?contract_code|out_record_id"
)
# A code of payment is used once: 18 digits, of which the first two are 10 to 15.
_AUTH_CODE = "auth_code"
# The last word of paths that go on with what there is, and words of those that ask for papers about it.
_LOOKUP = re.compile(
    r"query.*|close|cancel(-.*)?|reverse|revoke|(dis)?associate|terminate|complete|modify|redeclare"
    r"|unlock|sync(-.*)?|return-advance|apply-abnormal-refund|delete|unbind|confirm|send-.*message|exposure"
    r"|finish-order|after-sales-orders"
)
_PAPERS = frozenset({"elecsign", "electronic-receipts", "bill-receipt", "subsidies", "customs", "feedbacks"})
_LOOKUP_V2 = re.compile(r".*(query|close|reverse|finish|get|remove|delete)\w*", re.IGNORECASE)
_TIMES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:?\d\d|Z)"), "rfc3339"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "%Y-%m-%d %H:%M:%S"),
    (re.compile(r"\d{4}-\d\d-\d\d"), "%Y-%m-%d"),
    (re.compile(r"20\d\d[01]\d[0-3]\d[0-2]\d[0-5]\d[0-5]\d"), "%Y%m%d%H%M%S"),
    (re.compile(r"20\d\d[01]\d[0-3]\d"), "%Y%m%d"),
)
_FORMATS: Mapping[str, str] = {"rfc3339": "rfc3339", "date": "%Y-%m-%d", "yyyyMMddHHmmss": "%Y%m%d%H%M%S"}
_TIME = re.compile(r"(.*_)?(time|date|day|at|begin|end|expire|start)(_.*)?|.*(date|time)")
_ENDS = re.compile(r"(.*_)?(expire|expiry|end|finish|until|deadline|stop)(_.*)?")
_BEGINS = re.compile(r"(.*_)?(start|begin|available|valid|effective|appointment|online)(_.*)?")
# These have happened when a call tells of them.
_PAST = re.compile(
    r"(.*_)?(paid|pay|success|use|used|bill|sync|happen|create|birth|issue|trade|consume)_?(time|date|day)?"
)
_FINISHED = re.compile(r".*/(complete|direct-complete|finish\w*|sync)")


class Values(NamedTuple):
    """The values of one call: whose it is, and when it is written."""

    operation: Operation
    own: Mapping[str, str]
    now: datetime

    @classmethod
    def of(cls, operation: Operation, mchid: str) -> Values:
        """Those for the merchant ``mchid``, as of this moment."""
        own = dict.fromkeys((*CALLER, *_ALSO_CALLER), mchid) if mchid else {}
        return cls(operation, own, datetime.now(_BEIJING).replace(microsecond=0))

    def example(self, place: Sequence[str], schema: Mapping[str, Any], is_reference: bool) -> Any:
        """What stands in the place of the documentation's example; None where that fits."""
        name = place[-1]
        fixed = preset(self.operation, place)
        if fixed is not None:
            return fixed
        if name in self.own:
            return self.own[name]
        if schema.get("enum"):
            return None
        if name == "offset":
            return 0
        if name == _AUTH_CODE:
            return f"13{secrets.randbelow(10**16):016}"
        if schema.get("type") == "string":
            if not is_reference and _NUMBER.fullmatch(name) and self._is_new():
                return self._number(schema)
            if name.endswith(("notify_url", "callback_url")) or name == "url":
                text = str(schema.get("example") or "")
                return None if _NOTIFIED.fullmatch(text) else _NOTIFY_URL
            return self._time(name, schema)
        return None

    def _is_new(self) -> bool:
        operation = self.operation
        if operation.method == "GET":
            return False
        if is_legacy(operation.path):
            return not _LOOKUP_V2.fullmatch(operation.path)
        segments = [each for each in operation.words if not each.startswith("{")]
        # A service order that is paid was made before.
        if operation.path.endswith("/{out_order_no}/pay"):
            return False
        return operation.method != "DELETE" and not (_LOOKUP.fullmatch(segments[-1]) or _PAPERS & set(segments))

    def _number(self, schema: Mapping[str, Any]) -> str:
        # The time, and what no other has; digits alone, which every operation takes.
        text = f"{self.now:%Y%m%d%H%M%S}{secrets.randbelow(10**8):08}"
        return text[-int(schema["max_length"]) :] if schema.get("max_length") else text

    def _time(self, name: str, schema: Mapping[str, Any]) -> str | None:
        example = str(schema.get("example") or "")
        form = next((form for pattern, form in _TIMES if pattern.fullmatch(example)), "")
        form = form or (_FORMATS.get(str(schema.get("format")), "") if not example else "")
        if not form or not (_TIME.fullmatch(name) or schema.get("format") in _FORMATS):
            return None
        time = self._moment(name)
        return time.isoformat() if form == "rfc3339" else time.strftime(form)

    def _moment(self, name: str) -> datetime:
        """Begin and end of a query lie in the past, of what is made in the future; what has happened was before."""
        day = timedelta(days=1)
        if self.operation.method == "GET" or "bill" in name:
            return self.now - (7 * day if _BEGINS.fullmatch(name) else day)
        if _FINISHED.fullmatch(self.operation.path):
            return self.now - timedelta(minutes=30 if _BEGINS.fullmatch(name) else 1)
        if _PAST.fullmatch(name):
            return self.now - timedelta(minutes=1)
        if _ENDS.fullmatch(name):
            # Two hours are enough for an order, and no more than what any of them allows.
            return self.now + (timedelta(hours=2) if "expire" in name else 7 * day)
        return self.now + timedelta(hours=1) if _BEGINS.fullmatch(name) else self.now
