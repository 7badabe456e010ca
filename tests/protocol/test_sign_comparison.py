"""A refused signature names where the two texts part: real requests that something on the way has changed."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import answers
from tests.relay import Passing, relaying
from wechatpay_chain import Sandbox, Wechatpay, errors
from wechatpay_chain.protocol.sign_comparison import explain

ORDER = {"appid": "wxd678efh567hg6787", "description": "书 one", "out_trade_no": "BOOK-0001"}


def with_body(change: Callable[[bytes], bytes]) -> Callable[[Passing], Passing]:
    return lambda passing: passing._replace(body=change(passing.body))


def with_target(change: Callable[[str], str]) -> Callable[[Passing], Passing]:
    return lambda passing: passing._replace(target=change(passing.target))


def with_authorization(pattern: str, text: Callable[[], str]) -> Callable[[Passing], Passing]:
    def change(passing: Passing) -> Passing:
        return passing._replace(
            headers={
                name: re.sub(pattern, text(), value) if name == "Authorization" else value
                for name, value in passing.headers.items()
            }
        )

    return change


def rewritten(body: bytes) -> bytes:
    return json.dumps(json.loads(body)).encode()


def spaced(body: bytes) -> bytes:
    return body[:-1] + b" }"


ON_THE_WAY: dict[str, tuple[Callable[[Passing], Passing], str]] = {
    "method": (lambda p: p._replace(method="PUT"), "the method differs: signed POST, arrived PUT; usually a redirect"),
    "prefix": (
        with_target(lambda target: f"{target}"[:3] + "/inner" + target[3:]),
        "the path differs: signed /v3/pay/transactions/native, arrived /v3/inner/pay",
    ),
    "slash": (with_target(lambda target: target + "/"), "usually a proxy adds or takes away the slash at the end"),
    "query": (with_target(lambda target: target + "?a=1"), "the query arrived and was not signed"),
    "time": (
        with_authorization(r'timestamp="\d+"', lambda: f'timestamp="{int(time.time()) - 100}"'),
        "the timestamp differs: signed ",
    ),
    "nonce": (with_authorization(r'nonce_str="\w+"', lambda: 'nonce_str="ANOTHER"'), "the nonce differs: signed "),
    "no body": (with_body(lambda body: b""), "an empty body arrived"),
    "other body": (with_body(lambda body: b"[" + body + b"]"), "the body differs from its character 1 on"),
    "spaces": (with_body(spaced), "the body differs behind its beginning: "),
    "escapes": (with_body(rewritten), "the body differs behind its beginning: "),
}


# The paths are those of the sandbox: what it does not know it answers with 404, not with 401.
KNOWN = {"method", "prefix", "slash"}


@pytest.mark.parametrize("name", sorted(ON_THE_WAY.keys() - KNOWN))
def test_what_was_changed_on_the_way_is_named(gateway: Sandbox, name: str) -> None:
    """The first difference and its usual cause stand in the message; of the body nothing."""
    change, told = ON_THE_WAY[name]
    with (
        relaying(gateway.base_url, change) as url,
        gateway.client(base_url=url) as wxpay,
        pytest.raises(errors.SignError) as caught,
    ):
        wxpay.v3.pay.transactions.native.post({**ORDER, "mchid": wxpay.mchid})
    assert told in str(caught.value)
    assert "usually" in str(caught.value)
    assert "书" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_what_was_changed_in_method_and_path_is_named(name: str) -> None:
    """As WeChat Pay answers it; a sandbox has another answer for paths that it does not have."""
    change, told = ON_THE_WAY[name]
    signed = Passing("POST", "/v3/pay/transactions/native", {}, b"{}")
    arrived = change(signed)
    text = f"{arrived.method}\n{arrived.target}\n1\nA\n{{}}\n"
    information = {"truncated_sign_message": text, "sign_message_length": len(text)}
    own = f"{signed.method}\n{signed.target}\n1\nA\n{{}}\n"
    assert told in explain(own, "", "签名错误", {"sign_information": information})


def test_a_wrong_key_is_named(gateway: Sandbox) -> None:
    """Where both texts are the same the key is wrong: number and serial are told, the key is not."""
    with gateway.client(private_key=answers.another_key()) as wxpay, pytest.raises(errors.SignError) as caught:
        wxpay.v3.pay.transactions.native.post({**ORDER, "mchid": wxpay.mchid})
    expected = f"private_key does not belong to serial {gateway.identity.serial} of mchid {gateway.mchid}; usually"
    assert expected in str(caught.value)


def test_a_wrong_serial_and_a_wrong_number_are_named(gateway: Sandbox) -> None:
    """WeChat Pay says the one itself, and nothing of the text for the other."""
    with gateway.client(serial="7B7A0E") as wxpay, pytest.raises(errors.SignError, match="serial 7B7A0E is not that"):
        wxpay.v3.pay.transactions.native.post({**ORDER, "mchid": wxpay.mchid})
    with gateway.client(mchid="1900000999") as wxpay, pytest.raises(errors.SignError, match="does not know mchid 19"):
        wxpay.v3.pay.transactions.native.post({**ORDER, "mchid": wxpay.mchid})


def test_a_wrong_clock_is_named() -> None:
    """The answer's own Date says how far."""
    told = explain(
        "",
        'WECHATPAY2-SHA256-RSA2048 mchid="1",timestamp="1700000000"',
        "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟",
        None,
        "Tue, 14 Nov 2023 22:23:20 GMT",
    )
    assert told == "this machine's clock is 600 s behind WeChat Pay's, 300 s are allowed: set it by NTP"


def test_the_values_of_a_query_are_not_shown() -> None:
    """They may be of a person."""
    text = "GET\n/v3/a?openid=oabc&b=1\n1\nA\n\n"
    other = text.replace("oabc", "oabd")
    information = {"truncated_sign_message": other, "sign_message_length": len(other)}
    told = explain(text, "", "", {"sign_information": information})
    assert "character 11 on" in told
    assert "oab" not in told
    swapped = text.replace("openid=oabc&b=1", "b=1&openid=oabc")
    told = explain(text, "", "", {"sign_information": {"truncated_sign_message": swapped}})
    assert "another order" in told


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.text(), st.text(), st.text(), JSON | st.fixed_dictionaries({"sign_information": JSON}), st.text())
def test_any_refusal_is_taken(signed: str, authorization: str, message: str, detail: object, date: str) -> None:
    """Whatever an answer holds, there is one text and no error."""
    assert isinstance(explain(signed, authorization, message, detail, date), str)


@given(st.text(max_size=40), st.integers(0, 300))
def test_the_same_text_never_differs(body: str, cut: int) -> None:
    """However WeChat Pay cuts it."""
    text = f"POST\n/v3/a\n1\nA\n{body}\n"
    shown = f"POST\n/v3/a\n1\nA\n{body[: min(cut, 8) or 1]}\n"
    length = len(text.encode("utf-8", "surrogatepass")) if body.isprintable() else None
    information = {"truncated_sign_message": shown, "sign_message_length": length}
    assert "the very text" in explain(text, "", "", {"sign_information": information})


def test_a_good_call_stays_good(wxpay: Wechatpay) -> None:
    """Another refusal has no such text."""
    with pytest.raises(errors.ClientError) as caught:
        wxpay.v3.pay.transactions.native.post({**ORDER, "mchid": wxpay.mchid})
    assert not isinstance(caught.value, errors.SignError)
    assert "was signed" not in str(caught.value)
