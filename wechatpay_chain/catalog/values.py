"""Values of a sample call: the merchant's own numbers, new ones, times that fit, else the documentation's example."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from wechatpay_chain.catalog.alternatives import alternatives
from wechatpay_chain.catalog.facts import Operation, is_legacy
from wechatpay_chain.catalog.typical import preset

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["ALL_CALLERS", "CALLER", "MCHID", "Values", "own_numbers"]

MCHID = "1900000109"
CALLER = ("mchid", "sp_mchid", "mch_id", "combine_mchid", "combine_mch_id")
# Also the caller, by the part that it plays: who made a coupon, who is complained of, who pays for a transfer.
ALL_CALLERS = (
    *CALLER,
    *("stock_creator_mchid", "creator_mchid", "complainted_mchid", "contract_mchid", "sponsor_mchid"),
)
_NOTIFY_URL = "https://www.example.com/wechatpay/notify"
_NOTIFIED = r"https?://[^\s/?#]+/[^\s?#]+"
# A number that the caller makes up; what a call refers to is not new.
_NUMBER = (
    r"(combine_)?out_\w*_?no|\w*request_no|mch_billno|partner_trade_no|business_code|(out_)?contract_code|out_record_id"
)
# A code of payment is used once: 18 digits, of which the first two are 10 to 15.
_AUTH_CODE = "auth_code"
# The last word of paths that go on with what there is, and words of those that ask for papers about it.
_LOOKUP = (
    r"query.*|close|cancel(-.*)?|reverse|revoke|(dis)?associate|terminate|complete|modify|redeclare"
    r"|unlock|sync(-.*)?|return-advance|apply-abnormal-refund|delete|unbind|confirm|send-.*message|exposure"
    r"|finish-order|after-sales-orders"
)
_PAPERS = frozenset({"elecsign", "electronic-receipts", "bill-receipt", "subsidies", "customs", "feedbacks"})
_LOOKUP_V2 = r"(?i).*(query|close|reverse|finish|get|remove|delete)\w*"
_TIMES = (
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:?\d\d|Z)", "rfc3339"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "%Y-%m-%d %H:%M:%S"),
    (r"\d{4}-\d\d-\d\d", "%Y-%m-%d"),
    (r"20\d\d[01]\d[0-3]\d[0-2]\d[0-5]\d[0-5]\d", "%Y%m%d%H%M%S"),
    (r"20\d\d[01]\d[0-3]\d", "%Y%m%d"),
)
_FORMATS: Mapping[str, str] = {"rfc3339": "rfc3339", "date": "%Y-%m-%d", "yyyyMMddHHmmss": "%Y%m%d%H%M%S"}
_TIME = r"(.*_)?(time|date|day|at|begin|end|expire|start)(_.*)?|.*(date|time)"
_ENDS = r"(.*_)?(expire|expiry|end|finish|until|deadline|stop)(_.*)?"
_BEGINS = r"(.*_)?(start|begin|available|valid|effective|appointment|online)(_.*)?"
# These have happened when a call tells of them.
_PAST = r"(.*_)?(paid|pay|success|use|used|bill|sync|happen|create|birth|issue|trade|consume)_?(time|date|day)?"
_FINISHED = r".*/(complete|direct-complete|finish\w*|sync)"


class Values(NamedTuple):
    """The values of one call: whose it is, and when it is written."""

    operation: Operation
    own: Mapping[str, str]
    now: datetime

    @classmethod
    def of(cls, operation: Operation, mchid: str) -> Values:
        """Those for the merchant ``mchid``, as of this moment."""
        # Completion imports this room on every Tab, and writes no call.
        from datetime import datetime, timedelta, timezone

        own = dict.fromkeys(ALL_CALLERS, mchid) if mchid else {}
        return cls(operation, own, datetime.now(timezone(timedelta(hours=8))).replace(microsecond=0))

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
            # The last two digits choose what a sandbox does with it; with these it is paid at once.
            return f"13{_digits(14)}00"
        if schema.get("type") == "string":
            if not is_reference and re.fullmatch(_NUMBER, name) and self._is_new():
                return self._number(schema)
            if name.endswith(("notify_url", "callback_url")) or name == "url":
                text = str(schema.get("example") or "")
                return None if re.fullmatch(_NOTIFIED, text) else _NOTIFY_URL
            return self._time(name, schema)
        return None

    def _is_new(self) -> bool:
        return _makes_something(self.operation)

    def _number(self, schema: Mapping[str, Any]) -> str:
        # The time, and what no other has; digits alone, which every operation takes.
        text = f"{self.now:%Y%m%d%H%M%S}{_digits(8)}"
        return text[-int(schema["max_length"]) :] if schema.get("max_length") else text

    def _time(self, name: str, schema: Mapping[str, Any]) -> str | None:
        example = str(schema.get("example") or "")
        form = next((form for pattern, form in _TIMES if re.fullmatch(pattern, example)), "")
        form = form or (_FORMATS.get(str(schema.get("format")), "") if not example else "")
        if not form or not (re.fullmatch(_TIME, name) or schema.get("format") in _FORMATS):
            return None
        time = self._moment(name)
        return time.isoformat() if form == "rfc3339" else time.strftime(form)

    def _moment(self, name: str) -> datetime:
        """Begin and end of a query lie in the past, of what is made in the future; what has happened was before."""
        from datetime import timedelta

        day = timedelta(days=1)
        if self.operation.method == "GET" or "bill" in name:
            return self.now - (7 * day if re.fullmatch(_BEGINS, name) else day)
        if re.fullmatch(_FINISHED, self.operation.path):
            return self.now - timedelta(minutes=30 if re.fullmatch(_BEGINS, name) else 1)
        if re.fullmatch(_PAST, name):
            return self.now - timedelta(minutes=1)
        if re.fullmatch(_ENDS, name):
            # Two hours are enough for an order, and no more than what any of them allows.
            return self.now + (timedelta(hours=2) if "expire" in name else 7 * day)
        return self.now + timedelta(hours=1) if re.fullmatch(_BEGINS, name) else self.now


def _digits(count: int) -> str:
    from secrets import randbelow

    return f"{randbelow(10**count):0{count}}"


def own_numbers(operation: Operation) -> list[str]:
    """The numbers at the top of a request that its caller makes up, by which the same request is known again.

    Those of an order that is refunded, shared or asked for are not among them.
    """
    others = alternatives(operation)
    fields = (operation.facts.get("body") or {}).get("fields") or {}
    if not _makes_something(operation):
        return []
    return [name for name in fields if re.fullmatch(_NUMBER, name) and name not in others]


def _makes_something(operation: Operation) -> bool:
    """Whether a call makes something under a number of its own, and does not go on with what there is."""
    if operation.method == "GET":
        return False
    if is_legacy(operation.path):
        return not re.fullmatch(_LOOKUP_V2, operation.path)
    segments = [each for each in operation.words if not each.startswith("{")]
    # A service order that is paid was made before.
    if operation.path.endswith("/{out_order_no}/pay"):
        return False
    return operation.method != "DELETE" and not (re.fullmatch(_LOOKUP, segments[-1]) or _PAPERS & set(segments))
