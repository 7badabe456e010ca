from __future__ import annotations

import copy
import json
import pickle
import subprocess

import pytest

from tests.openssl import authorization_fields, verified
from wechatpay_chain import Sandbox, Wechatpay, errors

BODY = {"notify_url": 'https://pay.weixin.qq.com/it\'s?a="b"', "名": "字"}


def test_a_prepared_request_is_signed_and_unsent(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """.method .url .headers .body .message: openssl verifies the one over the other; nothing was sent."""
    request = wxpay.prepare(wxpay.v3.a._id_.post, BODY, id="x/y", params={"q": "1 2"})
    assert request.method == "POST"
    assert request.url == f"{gateway.base_url}/v3/a/x%2Fy?q=1%202"
    assert isinstance(request.body, bytes)
    assert json.loads(request.body) == BODY
    fields = authorization_fields(request.headers)
    assert (fields["mchid"], fields["serial_no"]) == (gateway.mchid, gateway.identity.serial)
    lines = ["POST", "/v3/a/x%2Fy?q=1%202", fields["timestamp"], fields["nonce_str"], request.body.decode(), ""]
    assert request.message == "\n".join(lines)
    public_key = gateway.identity.merchant_key.public_key()
    assert verified(request.message.encode(), fields["signature"], public_key)
    assert not verified(request.message.encode() + b"x", fields["signature"], public_key)
    assert not gateway.requests


def test_curl_sends_the_same_request(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """The real curl, from a shell: the gateway takes its signature."""
    node = wxpay.v3.marketing.partner.productCoupon.notifyConfigs
    for request in (wxpay.prepare(node.post, BODY), wxpay.prepare(node.get, params={"a": "b'c [d]{e}"})):
        done = subprocess.run(f"{request.curl()} --silent --globoff", shell=True, capture_output=True, check=True)
        assert json.loads(done.stdout)["notify_url"] == BODY["notify_url"]
    assert [received.verdict for received in gateway.requests] == ["", ""]


@pytest.mark.parametrize("body", [b"\xff\xfe{}", b"a\0b", "密".encode("gbk")])
def test_curl_sends_a_body_that_no_shell_holds(gateway: Sandbox, wxpay: Wechatpay, body: bytes) -> None:
    """Byte for byte: another one would not fit the signature."""
    request = wxpay.prepare(wxpay.v3.x.post, data=body)
    subprocess.run(f"{request.curl()} --silent", shell=True, capture_output=True, check=True)
    (received,) = gateway.requests
    assert (received.body, received.verdict) == (body, "")


def test_a_copy_or_a_pickle_is_an_ordinary_request(wxpay: Wechatpay) -> None:
    """Neither holds what could sign or was signed."""
    request = wxpay.prepare(wxpay.v3.certificates.get)
    for other in (pickle.loads(pickle.dumps(request)), copy.copy(request)):
        assert type(other).__name__ == "PreparedRequest"
        assert (other.method, other.url) == (request.method, request.url)
        assert "Authorization" not in other.headers
        assert other.headers["Accept"] == request.headers["Accept"]


def test_repr_tells_no_signature(wxpay: Wechatpay) -> None:
    """Method and path, without the query."""
    assert repr(wxpay.prepare(wxpay.v3.x.get, params={"a": 1})) == "<SignedRequest [GET] /v3/x>"


def test_only_a_verb_is_prepared(wxpay: Wechatpay) -> None:
    """Anything else raises in words."""
    for thing in (wxpay.v3.x, wxpay, None, "v3.x.get", lambda: None):
        with pytest.raises(errors.ChainError, match=r"ends with a verb|end it with"):
            wxpay.prepare(thing)  # type: ignore[arg-type]
