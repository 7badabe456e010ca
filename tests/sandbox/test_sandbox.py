from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding

from tests.openssl import verified
from tests.sandbox.by_hand import CERTIFICATES, request, send
from wechatpay_chain import Sandbox, Wechatpay, errors


def test_what_is_signed_and_what_is_not(gateway: Sandbox) -> None:
    """Once a request's signature holds every answer is signed, which openssl verifies; before that none is."""
    key = gateway.identity.public_key.public_key()
    missing = "/v3/pay/transactions/out-trade-no/nobodymade1?mchid="
    for target, status in ((f"{missing}{gateway.mchid}", 404), ("/v3/bill/tradebill?bill_date=x", 400)):
        answer = send(gateway, request(gateway, target=target))
        headers = answer.headers
        message = f"{headers['Wechatpay-Timestamp']}\n{headers['Wechatpay-Nonce']}\n".encode() + answer.body + b"\n"
        assert answer.status == status
        assert verified(message, headers["Wechatpay-Signature"], key)
        assert headers["Request-ID"].rpartition("-")[2] != "0"
    for text in (request(gateway, signature="AAAA"), request(gateway, target="/v3/nothing"), request(gateway, "PUT")):
        unsigned = send(gateway, text)
        assert unsigned.status in (401, 404, 405)
        assert not [name for name in unsigned.headers if name.startswith("Wechatpay-")]


ABSENT = {
    ("GET", "/v3/nothing"): (404, "no operation GET /v3/nothing is known"),
    ("PUT", CERTIFICATES): (405, "/v3/certificates takes GET, not PUT"),
    ("BREW", CERTIFICATES): (405, ""),
    ("POST", "/pay/transactions/jsapi"): (404, "/v3/pay/transactions/jsapi is an APIv3 path"),
    ("POST", "/v3/pay/unifiedorder"): (404, "/pay/unifiedorder is an APIv2 path, which takes XML"),
    ("POST", "/v2/pay/unifiedorder"): (404, "/pay/unifiedorder is an APIv2 path"),
    ("GET", "/v3/v3/certificates"): (404, "/v3/certificates is an APIv3 path"),
    ("GET", "//v3/certificates"): (404, "/v3/certificates is an APIv3 path"),
    ("GET", "/v3/certificates/"): (404, "/v3/certificates is an APIv3 path"),
    ("POST", "/v3/pay/transaction/jsapi"): (404, "near it: /v3/pay/transactions/jsapi"),
    ("GET", "/%E4%B9%A6"): (404, "no operation"),
}


@pytest.mark.parametrize(("method", "target"), ABSENT)
def test_what_is_not_there_has_an_empty_body_and_a_hint(gateway: Sandbox, method: str, target: str) -> None:
    """Before any signature is looked at; the header says what may have been meant."""
    status, hint = ABSENT[method, target]
    kinds: tuple[dict[str, Any], ...] = ({}, {"signature": "AAAA"})
    for changes in kinds:
        answer = send(gateway, request(gateway, method, target, **changes))
        assert (answer.status, answer.body) == (status, b"")
        assert hint in answer.headers.get("Sandbox-Hint", "")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_apiv2_takes_post_alone(gateway: Sandbox, method: str) -> None:
    """It has no status for it: FAIL and a text, as for all that was not understood; nothing is done."""
    for target in ("/pay/orderquery", "/pay/unifiedorder", "/sandboxnew/pay/micropay", "/secapi/pay/refund"):
        answer = send(gateway, request(gateway, method, target))
        assert answer.status == 200
        told = answer.body.decode()
        assert re.search("<return_code>(<!.CDATA.)?FAIL", told)
        assert "请使用post方法" in told
        assert f"REQUIRE_POST_METHOD，收到{method}" in told
        assert f"{target} takes POST, not {method}" in answer.headers["Sandbox-Hint"]
    assert gateway.requests[-1].cause == f"APIv2 takes POST, not {method}"


@pytest.mark.parametrize(
    ("body", "told"),
    [(b"", "post数据为空"), (b"<xml><a>\xff\xfe</a></xml>", "编码格式错误"), (b"<xml><a>", "XML格式错误")],
)
def test_what_is_no_xml_is_told_apart(gateway: Sandbox, body: bytes, told: str) -> None:
    """POST_DATA_EMPTY, NOT_UTF8 and XML_FORMAT_ERROR, by their texts."""
    answer = send(gateway, request(gateway, "POST", "/pay/orderquery", body, headers={"Authorization": None}))
    text = answer.body.decode()
    assert (answer.status, "FAIL" in text) == (200, True)
    assert re.search(f"<return_msg>(<!.CDATA.)?{told}", text)


def test_a_client_tells_the_hint(wxpay: Wechatpay) -> None:
    """In the error's one line."""
    with pytest.raises(errors.ClientError, match=r"^405 .*; /v3/certificates takes GET, not DELETE$"):
        wxpay.v3.certificates.delete()


def test_an_apiv3_call_on_an_apiv2_path_is_told(gateway: Sandbox) -> None:
    """Its JSON is no XML."""
    answer = send(gateway, request(gateway, "POST", "/pay/orderquery", b"{}"))
    assert "APIv2的路径" in answer.body.decode()


APIS: dict[str, tuple[Callable[[Any], Any], str, dict[str, Any], dict[str, Any], set[str], set[str]]] = {
    "favor": (
        lambda wxpay: wxpay.v3.marketing.favor.callbacks,
        "post",
        {"json": {"mchid": "9856888", "switch": True}},
        {"params": {"mchid": "9856888"}},
        {"update_time", "notify_url"},
        {"mchid", "notify_url"},
    ),
    "membercard": (
        lambda wxpay: wxpay.v3.marketing.membercardOpen.callback,
        "patch",
        {"json": {}},
        {},
        {"notify_url", "mchid"},
        {"notify_url", "mchid"},
    ),
    "delivery plan": (
        lambda wxpay: wxpay.v3.marketing.partner.deliveryPlan._sp_mchid_.notifyUrl,
        "post",
        {"json": {}, "sp_mchid": "298689900"},
        {"sp_mchid": "298689900"},
        {"notify_url"},
        {"notify_url"},
    ),
    "product coupon": (
        lambda wxpay: wxpay.v3.marketing.partner.productCoupon.notifyConfigs,
        "post",
        {"json": {}},
        {},
        {"notify_url", "update_time"},
        {"notify_url", "update_time"},
    ),
}


@pytest.mark.parametrize("api", APIS)
def test_a_callback_address_is_kept(gateway: Sandbox, wxpay: Wechatpay, api: str) -> None:
    """404 before; what POST or PATCH stored, GET returns; the last one counts."""
    find, verb, writing, reading, wrote, read = APIS[api]
    node = find(wxpay)
    with pytest.raises(errors.ClientError, match="404"):
        node.get(**reading)
    for url in ("https://a.example/1", "https://a.example/2"):
        stored = getattr(node, verb)(**{**writing, "json": {**writing["json"], "notify_url": url}})
        assert stored.data.keys() == wrote
        answer = node.get(**reading)
        assert answer.data.keys() == read
        assert stored.data["notify_url"] == answer.data["notify_url"] == url
    assert wxpay.v3.certificates.get().ok


@pytest.mark.parametrize("body", [{}, {"notify_url": ""}, {"notify_url": 5}, {"notify_url": "x" * 257}, [], "x", None])
def test_a_wrong_parameter_is_a_param_error(wxpay: Wechatpay, body: Any) -> None:
    """400 PARAM_ERROR in WeChat's shape, and nothing is stored."""
    node = wxpay.v3.marketing.partner.productCoupon.notifyConfigs
    with pytest.raises(errors.ClientError) as caught:
        node.post(body)
    assert (caught.value.status, caught.value.code) == (400, "PARAM_ERROR")
    with pytest.raises(errors.ClientError, match="404"):
        node.get()


def test_merchants_do_not_share_addresses(wxpay: Wechatpay) -> None:
    """Each mchid of the coupons' API has its own."""
    node = wxpay.v3.marketing.favor.callbacks
    node.post({"mchid": "1", "notify_url": "https://a.example"})
    with pytest.raises(errors.ClientError, match="404"):
        node.get({"params": {"mchid": "2"}})


def test_certificates_are_encrypted_under_the_apiv3_key(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """What AES-GCM opens is the certificate that signs when a request names it."""
    (entry,) = wxpay.v3.certificates.get().data["data"]
    sealed = entry["encrypt_certificate"]
    assert (sealed["algorithm"], sealed["associated_data"]) == ("AEAD_AES_256_GCM", "certificate")
    pem = AESGCM(gateway.identity.apiv3_key.encode()).decrypt(
        sealed["nonce"].encode(), base64.b64decode(sealed["ciphertext"]), sealed["associated_data"].encode()
    )
    certificate = x509.load_pem_x509_certificate(pem)
    assert certificate.serial_number == int(entry["serial_no"], 16)
    assert wxpay.v3.certificates.get(headers={"Wechatpay-Serial": entry["serial_no"]}).verified


def test_keys_are_new_at_each_start(gateway: Sandbox) -> None:
    """No two sandboxes share anything."""
    with Sandbox() as other:
        ours, theirs = gateway.configuration(), other.configuration()
        assert not [name for name in ours if ours[name] == theirs[name]]
        assert not ours["certs"].keys() & theirs["certs"].keys()


def test_the_configuration_is_pem(gateway: Sandbox) -> None:
    """Text that any other SDK takes as well."""
    entries = gateway.configuration()
    certificate = gateway.identity.certificate.public_bytes(Encoding.PEM).decode()
    assert certificate in entries["certs"].values()
    assert entries["private_key"].startswith("-----BEGIN PRIVATE KEY-----")
    assert repr(gateway) == f"<Sandbox of {gateway.mchid} at {gateway.base_url}>"


@pytest.mark.parametrize("rows", [None, "", "20", -1, 2.5, True, ["20"]])
def test_the_rows_of_a_bill_are_a_whole_number(rows: Any) -> None:
    """Told as rows, and not as the seconds of its neighbours."""
    with pytest.raises(errors.ConfigError, match=r"^bill_rows: expected a whole number from 0 on, found "):
        Sandbox(bill_rows=rows)
