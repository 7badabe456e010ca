from __future__ import annotations

import base64
import http.client
import json
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding

from tests.answers import another_key
from tests.openssl import verified
from wechatpay_chain import Sandbox, Wechatpay, errors

CERTIFICATES = "/v3/certificates"


def asked(gateway: Sandbox, change: Callable[[dict[str, str]], None], target: str = CERTIFICATES) -> requests.Response:
    """The answer to a rightly signed request after ``change`` of its headers, by requests alone."""
    with gateway.client() as wxpay:
        headers = dict(wxpay.prepare(wxpay.chain(target).get).headers)
    change(headers)
    with requests.Session() as session:
        session.headers.clear()
        return session.get(gateway.base_url + target, headers=headers, timeout=10)


def authorization(old: str, new: str) -> Callable[[dict[str, str]], None]:
    def change(headers: dict[str, str]) -> None:
        assert old in headers["Authorization"]
        headers["Authorization"] = headers["Authorization"].replace(old, new)

    return change


def fields(old: str, new: str) -> Callable[[dict[str, str]], None]:
    def change(headers: dict[str, str]) -> None:
        head, _, rest = headers["Authorization"].partition(f'{old}="')
        headers["Authorization"] = f'{head}{old}="{new}"{rest.partition(chr(34))[2]}'

    return change


@pytest.mark.parametrize(
    ("change", "field", "issue"),
    [
        (lambda headers: headers.pop("Authorization"), "authorization", "scheme"),
        (authorization("WECHATPAY2-SHA256-RSA2048", "Bearer"), "authorization", "scheme"),
        (authorization("WECHATPAY2-SHA256-RSA2048 ", "WECHATPAY2-SHA256-RSA2048  "), "authorization", "quoted"),
        (authorization('nonce_str="', 'nonce="'), "authorization", "quoted"),
        (authorization("mchid=", 'mchid="1",mchid='), "authorization", "once"),
        (authorization('"', ""), "authorization", "quoted"),
        (fields("mchid", "1"), "mchid", "not match"),
        (fields("serial_no", "AB"), "serial_no", "not match"),
        (fields("timestamp", "1"), "timestamp", "expired"),
        (lambda headers: fields("timestamp", str(int(time.time()) + 400))(headers), "timestamp", "expired"),
        (fields("timestamp", "x"), "timestamp", "expired"),
        (fields("timestamp", "9" * 5000), "timestamp", "expired"),
        (fields("nonce_str", "N"), "signature", "sign not match"),
        (fields("signature", "AAAA"), "signature", "sign not match"),
    ],
)
def test_an_authorization_that_does_not_hold_is_a_sign_error(
    gateway: Sandbox, change: Callable[[dict[str, str]], None], field: str, issue: str
) -> None:
    """401 SIGN_ERROR tells which field; with sign_information where the text could be built."""
    answer = asked(gateway, change)
    told = answer.json()
    assert (answer.status_code, told["code"], told["detail"]["field"]) == (401, "SIGN_ERROR", field)
    assert issue in told["detail"]["detail"]["issue"]
    if field != "authorization":
        information = told["detail"]["sign_information"]
        assert (information["method"], information["url"]) == ("GET", CERTIFICATES)
        assert information["truncated_sign_message"].startswith(f"GET\n{CERTIFICATES}\n")
        assert min(information["sign_message_length"], 256) == len(information["truncated_sign_message"])
    assert gateway.requests[-1].verdict.startswith("SIGN_ERROR")


@pytest.mark.parametrize("name", ["Accept", "User-Agent"])
def test_accept_and_user_agent_are_required(gateway: Sandbox, name: str) -> None:
    """Without them WeChat Pay refuses."""
    answer = asked(gateway, lambda headers: headers.update({name: ""}))
    assert (answer.status_code, answer.json()["code"]) == (400, "PARAM_ERROR")


def test_every_answer_is_signed(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """openssl verifies 200, 404 and 401, by the key that the answer names."""
    keys = {gateway.identity.public_key_id: gateway.identity.public_key.public_key()}
    for change, target in (
        (lambda headers: None, CERTIFICATES),
        (lambda headers: None, "/v3/nothing"),
        (fields("mchid", "1"), CERTIFICATES),
    ):
        answer = asked(gateway, change, target)
        headers = answer.headers
        message = f"{headers['Wechatpay-Timestamp']}\n{headers['Wechatpay-Nonce']}\n".encode() + answer.content + b"\n"
        assert verified(message, headers["Wechatpay-Signature"], keys[headers["Wechatpay-Serial"]])
        assert headers["Request-ID"]


def test_what_it_does_not_know_is_404_in_wechats_shape(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Unknown paths, and known ones by another method."""
    for call in (wxpay.v3.nothing.get, wxpay.v3.certificates.delete, wxpay.v3.marketing.favor.callbacks.put):
        with pytest.raises(errors.ClientError) as caught:
            call()
        assert (caught.value.status, caught.value.code) == (404, "RESOURCE_NOT_EXISTS")
        assert caught.value.message


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


def test_a_merchants_key_of_another_is_refused(gateway: Sandbox) -> None:
    """The same request, another key."""
    with gateway.client(private_key=another_key()) as wxpay, pytest.raises(errors.SignError):
        wxpay.v3.certificates.get()


def test_a_body_may_be_large_but_not_endless(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """413 before it is read."""
    with pytest.raises(errors.ClientError, match="PARAM_ERROR"):
        wxpay.v3.marketing.partner.productCoupon.notifyConfigs.post({"notify_url": "x" * 1_000_000})
    headers = {"Content-Length": str(1 << 40), "Accept": "*/*"}
    request = requests.Request("POST", gateway.base_url + "/v3/x", headers=headers).prepare()
    request.headers["Content-Length"] = str(1 << 40)
    with requests.Session() as session:
        answer = session.send(request, timeout=10)
    assert answer.status_code == 413
    assert json.loads(answer.content)["code"] == "PARAM_ERROR"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST /v3/x HTTP/1.1\r\nContent-Length: -5\r\n\r\n", 400),
        (b"POST /v3/x HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST /v3/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n", 400),
        (b"BREW /v3/x HTTP/1.1\r\n\r\n", 404),
        (b"GET /v3/x HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", 431),
        (b"OPTIONS /v3/x HTTP/1.1\r\n\r\n", 400),
    ],
)
def test_what_is_no_request_is_answered_and_signed(gateway: Sandbox, head: bytes, status: int) -> None:
    """In WeChat's shape, and the connection ends."""
    host, port = gateway.base_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(head)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        body = answer.read()
    assert answer.status == status
    assert json.loads(body)["code"] == "PARAM_ERROR"
    message = f"{answer.headers['Wechatpay-Timestamp']}\n{answer.headers['Wechatpay-Nonce']}\n".encode() + body + b"\n"
    assert verified(message, answer.headers["Wechatpay-Signature"], gateway.identity.public_key.public_key())


def test_the_configuration_is_pem(gateway: Sandbox) -> None:
    """Text that any other SDK takes as well."""
    entries = gateway.configuration()
    certificate = gateway.identity.certificate.public_bytes(Encoding.PEM).decode()
    assert certificate in entries["certs"].values()
    assert entries["private_key"].startswith("-----BEGIN PRIVATE KEY-----")
    assert repr(gateway) == f"<Sandbox of {gateway.mchid} at {gateway.base_url}>"
