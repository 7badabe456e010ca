"""Faults before and after the work, by Python, control, header and rate, in both versions; and written answers."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any

import pytest
import requests

from tests.openssl import verified
from tests.sandbox import by_hand, shop
from wechatpay_chain import Sandbox, Wechatpay, errors
from wechatpay_chain.crypto import digest
from wechatpay_chain.encoding.style import JS
from wechatpay_chain.protocol import v2, xml
from wechatpay_chain.sandbox.faults import NAMES, parse_rule

REFUNDS = "/v3/refund/domestic/refunds"


def ordered(gateway: Sandbox, number: str = "", **headers: str) -> by_hand.Answer:
    """The answer to an order that is signed by hand."""
    body = by_hand.order(gateway, number or shop.number())
    sent: dict[str, str | None] = dict(headers)
    return by_hand.send(gateway, by_hand.request(gateway, "POST", by_hand.NATIVE, body, headers=sent))


def holds(gateway: Sandbox, answer: by_hand.Answer) -> bool:
    """What openssl says of an answer's signature."""
    told = answer.headers
    text = f"{told['Wechatpay-Timestamp']}\n{told['Wechatpay-Nonce']}\n".encode() + answer.body + b"\n"
    return verified(text, told["Wechatpay-Signature"], gateway.identity.public_key.public_key())


def states(gateway: Sandbox) -> list[str]:
    """The state of each order that there is."""
    return [order["trade_state"] for order in shop.control(gateway, "GET", "orders")[1]["orders"]]


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("SYSTEM_ERROR", 500, "SYSTEM_ERROR"),
        ("FREQUENCY_LIMITED", 429, "FREQUENCY_LIMITED"),
        ("ORDERPAID", 400, "ORDERPAID"),
        ("USERPAYING", 202, "USERPAYING"),
        ("SYSTEMERROR", 500, "SYSTEM_ERROR"),
    ],
)
def test_an_error_comes_before_the_work_or_after_it(gateway: Sandbox, name: str, status: int, code: str) -> None:
    """Signed, with its documented status, once; before it nothing is there, after it the order is."""
    for when, found in (("before", []), ("after", ["NOTPAY"])):
        gateway.reset()
        rule = gateway.fault(name, path="/v3/pay/*", when=when)
        answer = ordered(gateway)
        assert (answer.status, answer.told["code"], holds(gateway, answer)) == (status, code, True)
        assert (states(gateway), rule.used, rule.left, gateway.faults.rules) == (found, 1, 0, [])
        assert ordered(gateway).status == 200
        assert gateway.journal.find(1, status=status)[0].fault == name


def test_a_refund_that_was_carried_out_is_not_made_twice(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """The test that the fault is for: the same request again finds the refund that there is."""
    number = shop.number()
    wxpay.v3.pay.transactions.native.post(shop.order(gateway, out_trade_no=number))
    gateway.pay(number)
    gateway.fault("SYSTEM_ERROR", "POST", REFUNDS, when="after")
    body = shop.refund(number, 40)
    with pytest.raises(errors.ServerError):
        wxpay.v3.refund.domestic.refunds.post(body)
    told = wxpay.v3.refund.domestic.refunds.post(body).data
    assert told["status"] == "PROCESSING"
    assert [entry.status for entry in gateway.journal.find(path=REFUNDS)] == [200, 500]
    [listed] = shop.control(gateway, "GET", "refunds")[1]["refunds"]
    assert (listed["refund_id"], listed["amount"]) == (told["refund_id"], 40)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("WRONG_SIGNATURE", errors.SignatureMismatch),
        ("TAMPERED", errors.SignatureMismatch),
        ("SIGNTEST", errors.SignatureProbe),
        ("UNKNOWN_SERIAL", errors.UnknownSerial),
        ("STALE_CLOCK", errors.ClockOffset),
        ("HANG_UP", errors.TransportError),
        ("BAD_GATEWAY", errors.ServerError),
    ],
)
def test_this_client_names_what_it_met(gateway: Sandbox, wxpay: Wechatpay, name: str, error: type[Exception]) -> None:
    """Each fault for ever, so that no repetition helps."""
    gateway.fault(name, times=None)
    with pytest.raises(error):
        wxpay.v3.pay.transactions.native.post(shop.order(gateway))


def test_a_signature_that_is_spoilt_does_not_hold(gateway: Sandbox) -> None:
    """As openssl sees it: of these four, a stale answer's alone is right for its text."""
    for name, expected in (("WRONG_SIGNATURE", False), ("TAMPERED", False), ("STALE_CLOCK", True)):
        gateway.fault(name)
        answer = ordered(gateway)
        assert (answer.status, holds(gateway, answer)) == (200, expected), name
    gateway.fault("STALE_CLOCK")
    assert time.time() - int(ordered(gateway).headers["Wechatpay-Timestamp"]) > 300
    gateway.fault("SIGNTEST")
    assert ordered(gateway).headers["Wechatpay-Signature"].startswith("WECHATPAY/SIGNTEST/")
    gateway.fault("UNKNOWN_SERIAL")
    found = ordered(gateway).headers["Wechatpay-Serial"]
    assert (len(found), found == gateway.identity.public_key_id) == (len(gateway.identity.public_key_id), False)


@pytest.mark.parametrize(("when", "found"), [("", ["NOTPAY"]), ("after", ["NOTPAY"]), ("before", [])])
def test_it_hangs_up_after_the_work_was_done(gateway: Sandbox, when: str, found: list[str]) -> None:
    """By default after it; not a byte comes."""
    gateway.fault("HANG_UP", when=when)
    with pytest.raises(http.client.RemoteDisconnected):
        ordered(gateway)
    assert (states(gateway), gateway.journal.find()[0].status) == (found, 0)


def test_it_is_slow_for_as_long_as_was_said(gateway: Sandbox) -> None:
    """And right; a sandbox that ends keeps nobody waiting."""
    gateway.fault("SLOW", seconds=0.2)
    begun = time.monotonic()
    answer = ordered(gateway)
    assert (answer.status, holds(gateway, answer), time.monotonic() - begun >= 0.2) == (200, True, True)
    with Sandbox() as other:
        other.fault("SLOW", seconds=3000)
        with by_hand.connected(other) as connection:
            body = by_hand.order(other, "S1")
            connection.sendall(by_hand.request(other, "POST", by_hand.NATIVE, body))
            while other.faults.rules:
                other.notices.wait(0.01)


def asked(gateway: Sandbox, fields: dict[str, Any], path: str = "/pay/unifiedorder", **headers: str) -> dict[str, Any]:
    """The fields of the answer to an APIv2 request that is signed here."""
    told = {**fields, "nonce_str": "n" * 16, "sign_type": "HMAC-SHA256"}
    told["sign"] = digest.sign("HMAC-SHA256", v2.text_of(told, JS), gateway.identity.secret)
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(
            f"{gateway.base_url}{path}", data=xml.to_xml(told, style=JS).encode(), headers=headers, timeout=10
        )
    return dict(xml.from_xml(answer.content))


def is_signed(gateway: Sandbox, told: dict[str, Any]) -> bool:
    """Whether the sign of an APIv2 answer holds."""
    return bool(told["sign"] == digest.sign("HMAC-SHA256", v2.text_of(told, JS), gateway.identity.secret))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("USERPAYING", "USERPAYING"),
        ("SYSTEMERROR", "SYSTEMERROR"),
        ("SYSTEM_ERROR", "SYSTEMERROR"),
        ("ORDERPAID", "ORDERPAID"),
    ],
)
def test_apiv2_has_its_own_codes(gateway: Sandbox, name: str, code: str) -> None:
    """As err_code of a signed answer, before the work and after it."""
    for when, found in (("before", []), ("after", ["NOTPAY"])):
        gateway.reset()
        gateway.fault(name, path="/pay/unifiedorder", when=when)
        told = asked(gateway, shop.v2(gateway))
        assert (told["return_code"], told["result_code"], told["err_code"]) == ("SUCCESS", "FAIL", code)
        assert told["err_code_des"]
        assert is_signed(gateway, told)
        assert states(gateway) == found


def test_apiv2_is_spoilt_where_that_can_be(gateway: Sandbox) -> None:
    """Its sign, its text; what belongs to headers does not come, and a header that asks for it is told so."""
    for name in ("WRONG_SIGNATURE", "TAMPERED"):
        gateway.fault(name)
        assert not is_signed(gateway, asked(gateway, shop.v2(gateway)))
    rule = gateway.fault("SIGNTEST")
    assert is_signed(gateway, asked(gateway, shop.v2(gateway)))
    assert rule.used == 0
    gateway.faults.clear()
    told = asked(gateway, shop.v2(gateway), **{"Sandbox-Fault": "STALE_CLOCK"})
    assert (told["result_code"], "APIv2" in told["err_code_des"]) == ("FAIL", True)


def test_a_request_asks_for_its_own_fault(gateway: Sandbox) -> None:
    """By a header, for itself alone; what is no fault is told."""
    answer = ordered(gateway, **{"Sandbox-Fault": "SYSTEM_ERROR; when=after"})
    assert (answer.status, states(gateway)) == (500, ["NOTPAY"])
    assert ordered(gateway).status == 200
    assert asked(gateway, shop.v2(gateway), **{"Sandbox-Fault": "USERPAYING"})["err_code"] == "USERPAYING"
    begun = time.monotonic()
    assert ordered(gateway, **{"Sandbox-Fault": "SLOW; seconds=0.1"}).status == 200
    assert time.monotonic() - begun >= 0.1
    for text in ("NO_SUCH_FAULT", "SLOW; seconds=x", "SLOW; seconds=-1", "SLOW; pause=1", "SIGNTEST; when=before", ";"):
        answer = ordered(gateway, **{"Sandbox-Fault": text})
        assert (answer.status, answer.told["code"], "Sandbox-Fault" in answer.told["message"]) == (
            400,
            "PARAM_ERROR",
            True,
        ), text


def test_who_is_not_known_meets_no_fault(gateway: Sandbox) -> None:
    """A wrong signature is 401 as ever, and the rule waits for a right one."""
    rule = gateway.fault("SYSTEM_ERROR")
    body = by_hand.order(gateway, "F1")
    wrong = by_hand.request(gateway, "POST", by_hand.NATIVE, body, text=lambda *parts: b"other")
    assert (by_hand.send(gateway, wrong).status, rule.used) == (401, 0)
    assert (ordered(gateway).status, rule.used) == (500, 1)


def test_a_part_of_all_requests(gateway: Sandbox) -> None:
    """None, all, and half of two hundred by the same draw that is made for each."""
    with Sandbox(faults=["0%:SYSTEM_ERROR", "100%:FREQUENCY_LIMITED,path=/v3/refund/*"]) as own:
        assert ordered(own).status == 200
        target = f"{REFUNDS}/R1"
        assert by_hand.send(own, by_hand.request(own, "GET", target)).status == 429
        own.faults.clear()
        assert by_hand.send(own, by_hand.request(own, "GET", target)).status == 404
        own.reset()
        assert by_hand.send(own, by_hand.request(own, "GET", target)).status == 429
    rule = gateway.fault("SYSTEM_ERROR", times=None, rate="50%")
    ordered(gateway)
    met = sum(gateway.faults.take(gateway.requests[-1]) is not None for _ in range(400))
    # Four hundred fair draws lie outside of this once in a million runs.
    assert 150 < met < 250
    assert rule.used in (met, met + 1)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "NO_SUCH"},
        {"name": ""},
        {"name": 5},
        {"name": None},
        {},
        {"name": "SLOW", "seconds": "1"},
        {"name": "SLOW", "seconds": True},
        {"name": "SLOW", "seconds": 1e9},
        {"name": "SLOW", "times": 0},
        {"name": "SLOW", "times": 1.5},
        {"name": "SLOW", "rate": 2},
        {"name": "SLOW", "rate": "x%"},
        {"name": "SLOW", "rate": []},
        {"name": "SLOW", "when": "later"},
        {"name": "SLOW", "when": 1},
        {"name": "TAMPERED", "when": "before"},
        {"name": "SLOW", "path": ""},
        {"name": "SLOW", "path": "/v3?x=1"},
        {"name": "SLOW", "method": "G T"},
        {"name": "SLOW", "unknown": 1},
    ],
)
def test_what_is_no_fault_is_refused(gateway: Sandbox, fields: dict[str, Any]) -> None:
    """With a sentence that names the field, and nothing is set."""
    status, told = shop.control(gateway, "POST", "faults", fields)
    assert (status, told["code"], told["message"] != "") == (400, "PARAM_ERROR", True)
    assert gateway.faults.rules == []


def test_faults_are_steered_by_any_language(gateway: Sandbox) -> None:
    """Set, listed, taken away one by one and all together."""
    fields = {"name": "SLOW", "method": "post", "path": "v3/pay/*", "times": None, "seconds": 0, "rate": "5%"}
    status, one = shop.control(gateway, "POST", "faults", fields)
    assert status == 200
    assert one == {
        "id": one["id"],
        "name": "SLOW",
        "method": "POST",
        "path": "/v3/pay/*",
        "times": None,
        "left": None,
        "when": "before",
        "rate": 0.05,
        "seconds": 0.0,
        "used": 0,
    }
    two = shop.control(gateway, "POST", "faults", {"name": "HANG_UP"})[1]
    listed = shop.control(gateway, "GET", "faults")[1]
    assert ([each["id"] for each in listed["faults"]], listed["names"]) == ([one["id"], two["id"]], list(NAMES))
    assert shop.control(gateway, "DELETE", f"faults/{one['id']}")[0] == 200
    assert shop.control(gateway, "DELETE", f"faults/{one['id']}")[0] == 404
    assert [rule.name for rule in gateway.faults.rules] == ["HANG_UP"]
    assert shop.control(gateway, "DELETE", "faults")[0] == 200
    assert gateway.faults.rules == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("SLOW", ("SLOW", 1.0, None, "before", "*")),
        ("5%:SYSTEM_ERROR", ("SYSTEM_ERROR", 0.05, None, "before", "*")),
        ("0.5:HANG_UP,path=/v3/refund/*,times=2", ("HANG_UP", 0.5, 2, "after", "/v3/refund/*")),
        ("SYSTEM_ERROR, when=after", ("SYSTEM_ERROR", 1.0, None, "after", "*")),
    ],
)
def test_a_rule_is_written_in_a_word(text: str, found: tuple[Any, ...]) -> None:
    """As --fault has it."""
    rule = parse_rule(text)
    assert (rule.name, rule.rate, rule.times, rule.when, rule.path) == found


@pytest.mark.parametrize("text", ["", "x", "5%", "200%:SLOW", "SLOW,times=x", "SLOW,when", "SLOW,color=red", "%:SLOW"])
def test_a_rule_that_is_none_is_refused(text: str) -> None:
    """Before anything is served."""
    with pytest.raises(errors.ArgumentError):
        Sandbox(faults=[text])


def test_an_answer_is_what_a_user_wrote(gateway: Sandbox) -> None:
    """Signed as it must be, as often as was said, also for a path that nobody knows; nothing is done."""
    gateway.answer("POST", "/v3/pay/transactions/native", 403, {"code": "NO_AUTH", "message": "x"})
    answer = ordered(gateway)
    assert (answer.status, answer.told["code"], holds(gateway, answer), states(gateway)) == (403, "NO_AUTH", True, [])
    assert ordered(gateway).status == 200
    gateway.answer("*", "/v3/new/{id}/things", 200, {"n": 1}, times=2, headers={"X-Own": "1"})
    for _ in range(2):
        answer = by_hand.send(gateway, by_hand.request(gateway, "GET", "/v3/new/7/things?a=b"))
        assert (answer.told, answer.headers["X-Own"], holds(gateway, answer)) == ({"n": 1}, "1", True)
    assert by_hand.send(gateway, by_hand.request(gateway, "GET", "/v3/new/7/things")).status == 404
    gateway.answer("GET", "/v3/text", 200, "not JSON")
    answer = by_hand.send(gateway, by_hand.request(gateway, "GET", "/v3/text"))
    assert (answer.body, holds(gateway, answer)) == (b"not JSON", True)
    gateway.answer("POST", "/pay/unifiedorder", 200, {"result_code": "FAIL", "err_code": "NOAUTH"})
    told = asked(gateway, shop.v2(gateway))
    assert (told["return_code"], told["err_code"], is_signed(gateway, told)) == ("SUCCESS", "NOAUTH", True)


@pytest.mark.parametrize(
    "fields",
    [
        {"headers": {"Content-Length": "5"}},
        {"headers": {"transfer-encoding": "chunked"}},
        {"headers": {"Connection": "close"}},
        {"headers": {"wechatpay-signature": "x"}},
        {"headers": {"X": "a\r\nb"}},
        {"headers": {"a b": "x"}},
        {"headers": {"X": 5}},
        {"headers": []},
        {"status": 204, "body": {"a": 1}},
        {"status": 304, "body": "x"},
        {"status": 199},
        {"status": True},
        {"path": "/v3/x{a}"},
    ],
)
def test_an_answer_that_cannot_be_sent_is_refused(gateway: Sandbox, fields: dict[str, Any]) -> None:
    """One whose end nobody would find: what follows on the connection stays whole."""
    whole = {"method": "GET", "path": "/v3/x", "status": 200, **fields}
    status, told = shop.control(gateway, "POST", "answers", whole)
    assert (status, told["code"]) == (400, "PARAM_ERROR")
    assert gateway.faults.answers == []


def test_a_header_is_sent_once(gateway: Sandbox) -> None:
    """Whichever way its name is written."""
    own = {"content-type": "text/plain", "REQUEST-ID": "mine", "date": "x", "server": "nginx", "X-Own": "y"}
    gateway.answer("GET", "/v3/x", 200, {"a": 1}, headers=own)
    found = by_hand.send(gateway, by_hand.request(gateway, "GET", "/v3/x")).headers
    assert len(found) == len({name.lower() for name in found})
    assert {name: found[name] for name in own} == own


def test_an_answer_is_written_by_any_language(gateway: Sandbox) -> None:
    """Over the control API; what cannot be sent is refused."""
    body = {"method": "POST", "path": by_hand.NATIVE, "status": 200, "body": {"code_url": "weixin://x"}, "times": 1}
    assert shop.control(gateway, "POST", "answers", body)[0] == 200
    [listed] = shop.control(gateway, "GET", "faults")[1]["answers"]
    assert (listed["body"], listed["left"]) == ({"code_url": "weixin://x"}, 1)
    assert json.loads(ordered(gateway).body) == {"code_url": "weixin://x"}
    changes: tuple[dict[str, Any], ...] = (
        {"status": 99},
        {"status": "200"},
        {"status": True},
        {"path": 5},
        {"headers": {"A": "b\r\nC: d"}},
        {"headers": {"A b": "c"}},
        {"headers": []},
        {"more": 1},
    )
    for change in changes:
        assert shop.control(gateway, "POST", "answers", body | change)[0] == 400, change
    assert shop.control(gateway, "POST", "answers", {"path": "/x"})[0] == 400
    with pytest.raises(errors.ArgumentError):
        gateway.answer("GET", "/v3/x", 200, {1: object()})
