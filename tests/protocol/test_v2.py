"""APIv2: what leaves is signed as both SDKs sign it, and only what is signed comes back."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import io
import json
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from tests.answers import another_key
from tests.sockets import raw_server
from tests.test_recordings import DATA, is_v2, walked, without_absent
from wechatpay_chain import Builder, Sandbox, Wechatpay, errors
from wechatpay_chain.php import Instance
from wechatpay_chain.protocol import v2, xml
from wechatpay_chain.protocol.v2 import APIv2
from wechatpay_chain.request.call import VERBS
from wechatpay_chain.sandbox.answer import Answer, Received
from wechatpay_chain.sandbox.identity import private_pem
from wechatpay_chain.transport.tls import client_context

# The APIv2 key of the recordings, which is public and opens nothing.
SECRET = "exposed_your_key_here_have_risks"
ORDER = {"appid": "wx8888888888888888", "out_trade_no": "1", "body": "a&b"}
PACKET = {
    "mch_billno": "1",
    "wxappid": "wx8888888888888888",
    "send_name": "a",
    "re_openid": "o1",
    "total_amount": 100,
    "total_num": 1,
    "wishing": "b",
    "client_ip": "127.0.0.1",
    "act_name": "c",
    "remark": "d",
}


def recorded(name: str) -> list[dict[str, Any]]:
    with gzip.open(DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [row for row in map(json.loads, file) if is_v2(row)]
    return [row for row in rows if any(text.lower().startswith(("v2", "{+u}")) for _, text in row["steps"][:1])]


def told(row: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    """The fields with the nonce that the SDK drew, where the caller gave none."""
    drawn = {} if "nonce_str" in fields or "nonce_str" not in row else {"nonce_str": row["nonce_str"]}
    return {**fields, **drawn}


def configured(row: dict[str, Any], url: str) -> dict[str, Any]:
    client = {
        {"baseURL": "base_url"}.get(name, name): value.replace("{server}", "127.0.0.1:1")
        if isinstance(value, str)
        else None
        for name, value in (row.get("client") or {}).items()
    }
    return {"mchid": "1230000109", "secret": SECRET, url: "http://127.0.0.1:1", **client}


class JsonStringable(dict[str, Any]):
    """A value of the PHP documentation's: elements in XML, JSON where it is signed."""

    def __str__(self) -> str:
        return json.dumps(self, ensure_ascii=False, separators=(",", ":"))


class JsonStringableList(list[Any]):
    """The same for a list."""

    __str__ = JsonStringable.__str__


def stringable(value: Any) -> Any:
    if not isinstance(value, dict) or "$JsonStringable" not in value:
        return value
    told = value["$JsonStringable"]
    return JsonStringable(told) if isinstance(told, dict) else JsonStringableList(told)


# Without a merchant or its key nothing is signed: a ConfigError here.
RAISES = "edge/v2/body-option-empty-mchid", "edge/v2/no-secret"
# Elements that are no XML names become <item>; a leading dash is never made.
# Fields that hold structures are JSON text, which WeChat Pay takes, where both SDKs write elements.
DIFFERS = ("edge/v2/key-digit-first", "edge/v2/attribute", "~upper", "edge/v2/nested-list")
# XML cannot hold it; both SDKs send it all the same.
CONTROL = "edge/v2/control"
PHP_ROWS = recorded("php")
NODE_ROWS = [row for row in recorded("node") if "wire" in row]


@pytest.mark.parametrize("row", PHP_ROWS, ids=lambda row: row["id"])
def test_the_request_of_php_leaves(row: dict[str, Any]) -> None:
    """Target, headers and the very bytes of the XML, sign and all."""
    options = {name: told(row, value) if name in ("xml", "query") else value for name, value in row["options"].items()}
    if "xml" in options:
        options["xml"] = {name: stringable(value) for name, value in options["xml"].items()}
    if row["id"] in RAISES:
        with pytest.raises(errors.ConfigError):
            prepared(Builder.factory(configured(row, "base_uri")), row, options)
        return
    if row["id"] == CONTROL:
        with pytest.raises(errors.ChainError, match=r"a control character \(U\+0001\), which XML cannot hold"):
            prepared(Builder.factory(configured(row, "base_uri")), row, options)
        return
    compare(prepared(Builder.factory(configured(row, "base_uri")), row, options), row)


@pytest.mark.parametrize("row", NODE_ROWS, ids=lambda row: row["id"])
def test_the_request_of_node_leaves(row: dict[str, Any]) -> None:
    """The same in the native face, but for a sign_type that WeChat Pay does not have."""
    data, config = without_absent(row["data"]), without_absent(row["config"]) or {}
    if row["id"] in RAISES:
        with pytest.raises(errors.ConfigError):
            prepared(Wechatpay(configured(row, "base_url")), row, data, config)
        return
    if row["verb"] == "get":
        args: tuple[Any, ...] = ({**config, "params": told(row, config["params"])},)
    else:
        args = (told(row, data), config)
    if row["id"] == CONTROL:
        with pytest.raises(errors.ChainError, match=r"a control character \(U\+0001\), which XML cannot hold"):
            prepared(Wechatpay(configured(row, "base_url")), row, *args)
        return
    fields = args[0].get("params", args[0])
    if fields.get("sign_type", "MD5") not in ("MD5", "HMAC-SHA256"):
        with pytest.raises(errors.ChainError, match=r"^sign_type: expected MD5 or HMAC-SHA256"):
            prepared(Wechatpay(configured(row, "base_url")), row, *args)
        return
    compare(prepared(Wechatpay(configured(row, "base_url")), row, *args), row)


def prepared(client: Any, row: dict[str, Any], *args: Any) -> Any:
    row = {**row, "steps": [step for step in row["steps"] if step[1] != "(direct call)"]}
    return client.prepare(getattr(walked(client, row), row["verb"] if row["verb"] in VERBS else "post"), *args)


def compare(request: Any, row: dict[str, Any]) -> None:
    wire = row["wire"]
    assert (request.method, request.headers["Content-Type"]) == (wire["method"], wire["content_type"])
    assert request.headers["Accept"] == wire["accept"]
    assert "Authorization" not in request.headers
    if not any(mark in row["id"] for mark in DIFFERS):
        assert request.target == wire["target"].replace("+", "%20")
        assert (request.body or b"").decode() == wire["body"]


def test_there_are_enough_recordings() -> None:
    """So that an empty file would not pass."""
    assert len(PHP_ROWS) > 60
    assert len(NODE_ROWS) > 30


@pytest.mark.parametrize(("kind", "algorithm"), [("MD5", "-md5"), ("HMAC-SHA256", "-sha256")])
def test_openssl_makes_the_same_sign(kind: str, algorithm: str) -> None:
    """Over the sorted fields and the key."""
    fields = APIv2("1", SECRET).sign_fields({"mch_id": "1", "b": "2", "a": "中", "e": "", "n": 0, "sign_type": kind})
    text = f"a=中&b=2&mch_id=1&n=0&nonce_str={fields['nonce_str']}&sign_type={kind}&key={SECRET}"
    keyed = ["-hmac", SECRET] if kind != "MD5" else []
    command = ["openssl", "dgst", algorithm, *keyed]
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=True)
    assert done.stdout.split()[-1].decode().upper() == fields["sign"]


def test_an_order_goes_out_and_comes_back(gateway: Sandbox, wxpay: Wechatpay, instance: Instance) -> None:
    """XML out, a dict back, both signed; MD5 or HMAC-SHA256, by POST or GET, sync or async."""
    fields = {"mch_id": gateway.mchid, "appid": ORDER["appid"], "out_trade_no": "order00001"}
    told = {"body": "b", "attach": "a&b", "total_fee": 1, "trade_type": "NATIVE", "product_id": "1"}
    where = {"spbill_create_ip": "192.0.2.1", "notify_url": "http://127.0.0.1:9/notify"}
    wxpay.v2.pay.unifiedorder.post({**fields, **told, **where})
    gateway.pay("order00001")
    gateway.requests.clear()
    for answer in (
        wxpay.v2.pay.orderquery.post(fields),
        wxpay.v2.pay.orderquery.post({**fields, "sign_type": "HMAC-SHA256"}),
        wxpay.v2.pay.orderquery.post(xml=fields),
        wxpay.v2.pay.orderquery(fields),
        wxpay["v2/pay/orderquery"].post_async(fields).wait(),
        instance.v2.pay.orderquery.post({"xml": fields}),
        instance.chain("v2/pay/orderquery").postAsync({"xml": fields}).wait(),
    ):
        assert (answer.data["attach"], answer.data["result_code"], answer.verified) == ("a&b", "SUCCESS", True)
    assert not [received.verdict for received in gateway.requests if received.verdict]
    contract = {"plan_id": "1", "contract_code": "c1", "request_serial": 1, "contract_display_account": "a&b"}
    also = {"notify_url": "https://a.example", "version": "1.0", "timestamp": 1, **fields}
    assert wxpay.v2.papay.entrustweb.get(params={**contract, **also}).status == 200
    assert gateway.requests.pop().verdict == ""
    assert {received.target for received in gateway.requests} == {"/pay/orderquery"}


def answering(fields: dict[str, Any], **headers: str) -> Any:
    def tamper(answer: Answer, _: Received) -> None:
        answer.body = xml.to_xml(fields).encode()

    return tamper


def test_an_answer_that_is_not_signed_with_the_key_is_refused(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """No sign, another one, a changed field, no XML at all."""
    right = {"return_code": "SUCCESS", "result_code": "SUCCESS", "a": "1"}
    other = hashlib.md5(b"a=1&result_code=SUCCESS&return_code=SUCCESS&key=another").hexdigest().upper()
    mac = hmac.new(b"another", b"x", hashlib.sha256).hexdigest().upper()
    for fields in (
        right,
        {**right, "sign": other},
        {**right, "sign": mac},
        {**right, "sign": "中"},
        {**right, "sign": ""},
    ):
        gateway.tamper = answering(fields)
        with pytest.raises(errors.SignatureMismatch, match="sign") as caught:
            wxpay.v2.pay.orderquery.post({"mch_id": gateway.mchid})
        assert caught.value.response is not None
    for body in (b"", b"OK", b'{"a":1}', b"<xml><a>1</xml>", b"<!DOCTYPE x><xml/>"):

        def tamper(answer: Answer, _: Received, body: bytes = body) -> None:
            answer.body = body

        gateway.tamper = tamper
        with pytest.raises(errors.SignatureMismatch, match=r"no XML of WeChat Pay|no sign"):
            wxpay.v2.pay.orderquery.post({"mch_id": gateway.mchid})


def test_a_refusal_is_a_business_error(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """By return_code, which is never signed, or by result_code, which is; with WeChat Pay's code and words."""
    gateway.tamper = answering({"return_code": "FAIL", "return_msg": "签名错误"})
    with pytest.raises(errors.BusinessError, match=r"^FAIL: 签名错误; Check secret") as caught:
        wxpay.v2.pay.orderquery.post({"mch_id": gateway.mchid})
    assert (caught.value.code, caught.value.verified) == ("FAIL", False)
    fields = {
        "return_code": "SUCCESS",
        "result_code": "FAIL",
        "err_code": "ORDERNOTEXIST",
        "err_code_des": "订单不存在",
    }
    text = v2.text_of(fields) + f"&key={gateway.identity.secret}"
    gateway.tamper = answering({**fields, "sign": hashlib.md5(text.encode()).hexdigest().upper()})
    with pytest.raises(errors.BusinessError, match=r"^ORDERNOTEXIST: 订单不存在; Check the number") as caught:
        wxpay.v2.pay.orderquery.post({"mch_id": gateway.mchid})
    assert (caught.value.code, caught.value.message, caught.value.verified) == ("ORDERNOTEXIST", "订单不存在", True)
    assert caught.value.response is not None
    assert caught.value.data["err_code"] == "ORDERNOTEXIST"


def test_some_answers_are_not_signed(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Red packets answer XML without a sign, bills answer a file; a refusal in its place is told."""
    fields = {"mch_id": gateway.mchid}
    answer = wxpay.v2.mmpaymkttransfers.sendredpack.post({**fields, **PACKET})
    assert (answer.data["result_code"], answer.verified) == ("SUCCESS", False)

    def bill(answer: Answer, _: Received) -> None:
        answer.body = "交易时间,`1".encode()

    gateway.tamper = bill
    assert wxpay.v2.pay.downloadbill.post(fields).text == "交易时间,`1"
    gateway.tamper = answering({"return_code": "FAIL", "return_msg": "No Bill Exist"})
    with pytest.raises(errors.BusinessError, match="No Bill Exist"):
        wxpay.v2.pay.downloadbill.post(fields)


NO_OUTCOMES = {
    "nothing": b"",
    "a page": b"<html><body>It works</body></html>",
    "text": b"ok",
    "JSON": b'{"return_code":"SUCCESS","result_code":"SUCCESS"}',
    "no result": b"<xml><return_code>SUCCESS</return_code></xml>",
    "two results": b"<xml><return_code>SUCCESS</return_code><result_code>FAIL</result_code><result_code>SUCCESS"
    b"</result_code></xml>",
    "elements": b"<xml><return_code>SUCCESS</return_code><result_code><a>SUCCESS</a></result_code></xml>",
    "another word": b"<xml><return_code>SUCCESS</return_code><result_code>SUCCESS?</result_code></xml>",
}


@pytest.mark.parametrize("options", [{}, {"stream": True}], ids=["whole", "streamed"])
@pytest.mark.parametrize("found", NO_OUTCOMES)
def test_an_unsigned_payout_has_to_tell_its_outcome(
    gateway: Sandbox, wxpay: Wechatpay, found: str, options: dict[str, Any]
) -> None:
    """Whoever sends money is never told of success by a page of a gateway."""

    def tamper(answer: Answer, _: Received) -> None:
        answer.body = NO_OUTCOMES[found]

    gateway.tamper = tamper
    paying = wxpay.v2.mmpaymkttransfers
    for api in (paying.sendredpack, paying.promotion.transfers):
        with pytest.raises(errors.SignatureMismatch, match=r"(return_code|result_code|no XML)"):
            api.post({"mch_id": gateway.mchid, **PACKET}, **options)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"return_code": "SUCCESS", "result_code": "FAIL", "return_msg": "OK"}, "FAIL"),
        ({"return_code": "SUCCESS", "result_code": "success"}, "success"),
        ({"return_code": "FAIL"}, "FAIL"),
        ({"return_code": "SUCCESS", "result_code": "FAIL", "err_code": "NOTENOUGH"}, "NOTENOUGH"),
    ],
)
def test_a_refusal_never_has_the_code_of_success(
    gateway: Sandbox, wxpay: Wechatpay, fields: dict[str, str], code: str
) -> None:
    """Where err_code is missing, the outcome that is not SUCCESS tells."""
    gateway.tamper = answering(fields)
    with pytest.raises(errors.BusinessError) as caught:
        wxpay.v2.mmpaymkttransfers.sendredpack.post({"mch_id": gateway.mchid, **PACKET})
    assert (caught.value.code, str(caught.value).split(":")[0]) == (code, code)


@pytest.mark.parametrize(
    ("args", "options", "words"),
    [
        (({"mch_id": "1"},), {}, "mch_id: is '1'"),
        (({},), {}, "mch_id: is missing"),
        ((), {}, "mch_id: is missing"),
        (("<xml/>",), {}, "json: expected a mapping"),
        (({"a": 1},), {"xml": {"a": 1}}, "two bodies"),
        (({},), {"nonceless": "yes"}, "nonceless: expected True or False"),
        (({},), {"security": 1}, "security: expected True or False"),
    ],
)
def test_what_cannot_be_signed_is_not_sent(
    gateway: Sandbox, wxpay: Wechatpay, args: Any, options: Any, words: str
) -> None:
    """The merchant's number is checked before anything leaves."""
    with pytest.raises(errors.ChainError, match=words):
        wxpay.v2.pay.orderquery.post(*args, **options)
    with pytest.raises(errors.ChainError, match="belongs to APIv2"):
        wxpay.v3.x.post({}, nonceless=True)
    assert not gateway.requests


def test_security_needs_the_merchants_certificate(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """ConfigError names the entry, and nothing is sent."""
    with (
        gateway.client(merchant=None) as bare,
        pytest.raises(errors.ConfigError, match=r"^merchant: missing; security=True needs"),
    ):
        bare.v2.secapi.pay.refund.post({"mch_id": gateway.mchid}, security=True)
    assert not gateway.requests


def test_a_certificate_is_a_pair_or_an_archive(tmp_path: Path) -> None:
    """PEM files, or the PKCS#12 of the merchant console; openssl makes both."""
    (tmp_path / "key.pem").write_text(private_pem(another_key()))
    (tmp_path / "other.pem").write_text(private_pem(another_key()))
    run = "req -x509 -key key.pem -subj /CN=merchant -out cert.pem|pkcs12 -export -inkey key.pem -in cert.pem"
    for command in f"{run} -out apiclient.p12 -passout pass:1900000001".split("|"):
        subprocess.run(["openssl", *command.split()], cwd=tmp_path, check=True, capture_output=True)
    pair = {"cert": str(tmp_path / "cert.pem"), "key": str(tmp_path / "key.pem")}
    archive = {"pkcs12": tmp_path / "apiclient.p12", "passphrase": "1900000001"}
    for merchant in (pair, archive, {"pfx": str(archive["pkcs12"]), "passphrase": b"1900000001"}):
        assert isinstance(client_context(merchant), ssl.SSLContext)
    for wrong, words in (
        ({"cert": pair["cert"]}, "merchant.key: missing"),
        ({**pair, "key": str(tmp_path / "other.pem")}, "not that of key"),
        ({**pair, "key": "/nowhere/key.pem"}, "merchant.key: neither"),
        ({**pair, "cert": pair["key"]}, "merchant.cert: expected certificates in .*found PEM text 'PRIVATE KEY'"),
        ({**archive, "passphrase": "1"}, "another passphrase"),
        ({"pkcs12": "/nowhere/a.p12"}, "cannot be read"),
        ({"crt": "x"}, "no such entry 'crt'"),
        ("x", "expected"),
    ):
        with pytest.raises(errors.ConfigError, match=words):
            client_context(wrong)


def certificate(folder: Path, name: str, extension: str) -> Path:
    """A self-signed certificate and its key in one file, made by openssl."""
    file = folder / f"{name}.pem"
    command = f"req -x509 -newkey rsa:2048 -nodes -keyout {file} -subj /CN={name} -addext {extension} -out {file}.crt"
    subprocess.run(["openssl", *command.split()], check=True, capture_output=True)
    file.write_bytes(file.read_bytes() + Path(f"{file}.crt").read_bytes())
    return file


def test_security_shows_the_merchants_certificate(
    gateway: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A TLS server that asks for it sees it on a call with security, and on no other."""
    site = certificate(tmp_path, "site", "subjectAltName=IP:127.0.0.1")
    merchant = certificate(tmp_path, "merchant", "extendedKeyUsage=clientAuth")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(site)
    context.load_verify_locations(f"{merchant}.crt")
    context.verify_mode = ssl.CERT_OPTIONAL
    seen: list[Any] = []

    def behave(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            while not secured.recv(65536).endswith(b"</xml>"):
                pass
            seen.append(secured.getpeercert())
            body = b"<xml><return_code>FAIL</return_code><return_msg>seen</return_msg></xml>"
            secured.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    monkeypatch.setenv("REQUESTS_CA_BUNDLE", f"{site}.crt")
    pair = {"cert": f"{merchant}.crt", "key": str(merchant)}
    with (
        raw_server(behave) as (url, _),
        gateway.client(base_url=url.replace("http:", "https:"), merchant=pair) as wxpay,
    ):
        for security in (True, False):
            with pytest.raises(errors.BusinessError, match="seen"):
                wxpay.v2.secapi.pay.refund.post({"mch_id": gateway.mchid}, security=security)
    assert [bool(peer) for peer in seen] == [True, False]
    assert seen[0]["subject"] == ((("commonName", "merchant"),),)


LOOP: list[Any] = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    "value", ["\ud800", LOOP, {"a": LOOP}, object(), b"\xff", float("nan"), pytest.param(10**5000, id="long")]
)
@pytest.mark.parametrize("face", ["wxpay", "instance"])
def test_what_cannot_be_written_is_not_sent(
    gateway: Sandbox, face: str, value: object, request: pytest.FixtureRequest
) -> None:
    """Neither as XML nor as a query; a ChainError in one line."""
    client = request.getfixturevalue(face)
    fields = {"mch_id": gateway.mchid, "f": value}
    body, query = ({"xml": fields}, {"query": fields}) if face == "instance" else (fields, {"params": fields})
    for call, options in ((client.v2.x.post, body), (client.v2.x.get, query)):
        with pytest.raises(errors.ChainError, match=r"nothing was sent$"):
            call(options)
    assert not gateway.requests


def test_nothing_that_was_given_is_lost(gateway: Sandbox, wxpay: Wechatpay, instance: Instance) -> None:
    """A query beside a body travels, as in both SDKs; what a signed query cannot carry raises."""
    fields = {"mch_id": gateway.mchid}
    assert wxpay.prepare(wxpay["v2/x?a=1"].post, fields, params={"b": "2"}).target == "/x?a=1&b=2"
    assert instance.prepare(instance.v2.x.post, {"xml": fields, "query": {"b": True}}).target == "/x?b=1"
    for call, options in (
        (wxpay["v2/x?a=1"].get, {"params": fields}),
        (wxpay.v2.x.get, {"params": fields, "xml": {"a": 1}}),
        (wxpay.v2.x.get, {"params": fields, "json": {"a": 1}}),
        (instance.v2.x.get, {"query": fields, "xml": {"a": 1}}),
    ):
        with pytest.raises(errors.ChainError, match=r"nothing was sent$"):
            call(**options)
    assert not gateway.requests


VALUES: list[Any] = ["", 0, False, True, 1e25, 0.1 + 0.2, -0.0, 1e-7, 10**20, None, "a b&中", ["x", "y"], {"k": 1}]


@pytest.mark.parametrize("value", VALUES, ids=repr)
@pytest.mark.parametrize("face", ["wxpay", "instance"])
def test_what_a_query_signs_is_what_it_sends(
    gateway: Sandbox, face: str, value: Any, request: pytest.FixtureRequest
) -> None:
    """The sign is made of the texts that travel; a list that would travel under one name is refused."""
    client = request.getfixturevalue(face)
    fields = {"mch_id": gateway.mchid, "nonce_str": "n", "f": value}
    given = {"query": fields} if face == "instance" else {"params": fields}
    if face == "wxpay" and isinstance(value, list):
        with pytest.raises(errors.ChainError, match=r"^f\[\]: a list cannot be signed in a query"):
            client.prepare(client.v2.papay.entrustweb.get, given)
        return
    target = client.prepare(client.v2.papay.entrustweb.get, given).target
    sent = dict(parse_qsl(target.partition("?")[2], keep_blank_values=True))
    text = "&".join(f"{name}={sent[name]}" for name in sorted(sent) if name != "sign" and sent[name])
    text += f"&key={gateway.identity.secret}"
    assert hashlib.md5(text.encode()).hexdigest().upper() == sent["sign"]


REFUSED = b"<xml><return_code>FAIL</return_code><return_msg>No Bill Exist</return_msg></xml>"
REFUSALS = {
    "a mark": b"\xef\xbb\xbf" + REFUSED,
    "blanks": b"\r\n  " + REFUSED,
    "more blanks": b" " * 5000 + REFUSED,
    "a declaration": b'\xef\xbb\xbf<?xml version="1.0"?>\n' + REFUSED,
    "a comment": b"<!-- gateway -->" + REFUSED,
    "another root": REFUSED.replace(b"xml>", b"root>"),
    "gzip": gzip.compress(REFUSED),
    "gzip with a mark": gzip.compress(b"\xef\xbb\xbf " + REFUSED),
    "gzip with a long name": gzip.compress(REFUSED)[:3] + b"\x08" + gzip.compress(REFUSED)[4:10]
    + b"n" * 2000 + b"\0" + gzip.compress(REFUSED)[10:],
}  # fmt: skip
NO_FILES = {
    "nothing": b"",
    "blanks": b"\xef\xbb\xbf \r\n",
    "HTML": b"<html><title>502</title></html>",
    "a broken page": b"<!DOCTYPE html><br>",
    "capitals": REFUSED.upper(),
    "XML that refuses nothing": b"<xml><return_code>SUCCESS</return_code></xml>",
    "gzip of nothing": gzip.compress(b""),
    "gzip of HTML": gzip.compress(b"<html></html>"),
}


def in_place_of_the_bill(gateway: Sandbox, wxpay: Wechatpay, body: bytes) -> Iterator[Callable[[], object]]:
    """Each way in which a bill can be asked for."""

    def refuse(answer: Answer, _: Received) -> None:
        answer.body, answer.pieces = body, None

    gateway.tamper = refuse
    for api in (wxpay.v2.pay.downloadbill, wxpay.v2.pay.downloadfundflow, wxpay.v2.billcommentsp.batchquerycomment):
        fields = {"mch_id": gateway.mchid, "bill_date": "20261101", "sign_type": "HMAC-SHA256", "tar_type": "GZIP"}
        ways: list[dict[str, Any]] = [{}, {"stream": True}, {"sink": io.BytesIO()}]
        for options in ways:
            yield partial(api.post, fields, **options)


@pytest.mark.parametrize("form", REFUSALS)
def test_a_refusal_is_no_bill(gateway: Sandbox, wxpay: Wechatpay, form: str) -> None:
    """However the document begins that comes in the place of the file, streamed or not."""
    for ask in in_place_of_the_bill(gateway, wxpay, REFUSALS[form]):
        with pytest.raises(errors.BusinessError, match="No Bill Exist"):
            ask()


@pytest.mark.parametrize("form", NO_FILES)
def test_what_is_no_file_is_no_bill(gateway: Sandbox, wxpay: Wechatpay, form: str) -> None:
    """A page of a gateway, or nothing at all, is not handed over as one."""
    for ask in in_place_of_the_bill(gateway, wxpay, NO_FILES[form]):
        with pytest.raises(errors.SignatureMismatch):
            ask()
