from __future__ import annotations

import hashlib
import logging
import pickle
import re
import time
from urllib.parse import quote

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from tests import answers
from tests.openssl import authorization_fields
from tests.transport.test_session import CALLBACK, CALLS
from wechatpay_chain import Sandbox, Wechatpay, errors
from wechatpay_chain.crypto import asymmetric
from wechatpay_chain.protocol.v3 import answer_text, is_unsigned
from wechatpay_chain.sandbox.answer import Answer, Received
from wechatpay_chain.sandbox.identity import private_pem

WRONG: dict[str, tuple[answers.Tamper, type[errors.VerificationError], str]] = {
    "no timestamp": (answers.with_header("Wechatpay-Timestamp", None), errors.HeadersIncomplete, "Wechatpay-Timestamp"),
    "no nonce": (answers.with_header("Wechatpay-Nonce", None), errors.HeadersIncomplete, "Wechatpay-Nonce"),
    "no serial": (answers.with_header("Wechatpay-Serial", None), errors.HeadersIncomplete, "Wechatpay-Serial"),
    "no signature": (answers.with_header("Wechatpay-Signature", None), errors.HeadersIncomplete, "Wechatpay-Signature"),
    "timestamp no number": (answers.with_header("Wechatpay-Timestamp", "soon"), errors.HeadersIncomplete, "'soon'"),
    "unknown serial": (answers.with_header("Wechatpay-Serial", "PUB_KEY_ID_9"), errors.UnknownSerial, "PUB_KEY_ID_9"),
    "garbage signature": (answers.with_header("Wechatpay-Signature", "%%%"), errors.SignatureMismatch, "does not fit"),
    "another key": (answers.signed_by(answers.another_key()), errors.SignatureMismatch, "does not fit"),
    "another nonce": (answers.with_header("Wechatpay-Nonce", "n"), errors.SignatureMismatch, "does not fit"),
    "tampered body": (answers.changed, errors.SignatureMismatch, "does not fit"),
    "probe": (answers.probing, errors.SignatureProbe, "deliberate"),
    "unsigned 200": (answers.bare(200, b'{"notify_url":"x"}', "application/json"), errors.HeadersIncomplete, "Nonce"),
    "unsigned 204": (answers.bare(204), errors.HeadersIncomplete, "Wechatpay-Signature"),
    "unsigned 202": (answers.bare(202), errors.HeadersIncomplete, "Wechatpay-Signature"),
}


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_answer_raises_its_own_error(gateway: Sandbox, wxpay: Wechatpay, method: str, case: str) -> None:
    """The body is never returned as good; it is kept on the error, and the request was sent once."""
    gateway.tamper, kind, words = WRONG[case]
    with pytest.raises(errors.VerificationError, match=words) as caught:
        CALLS[method](wxpay)
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)
    assert caught.value.response is not None
    assert caught.value.response.verified is False
    assert caught.value.response.status_code < 300
    assert len(gateway.requests) == 1


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize("offset", [-301 - 5, 301 + 5, -86400 * 365, 10**9])
def test_a_clock_that_is_off_raises(gateway: Sandbox, wxpay: Wechatpay, method: str, offset: int) -> None:
    """Rightly signed, but more than 300 s away, on either side; both clocks are told."""
    gateway.tamper = answers.signed_by(gateway.identity.public_key, offset)
    with pytest.raises(errors.ClockOffset, match=r"\d{10}.*this machine's clock says \d{10}.*300 allowed"):
        CALLS[method](wxpay)


@pytest.mark.parametrize("offset", [-290, 0, 290])
def test_a_clock_within_the_window_is_right(gateway: Sandbox, wxpay: Wechatpay, offset: int) -> None:
    """300 s are allowed."""
    gateway.tamper = answers.signed_by(gateway.identity.public_key, offset)
    assert wxpay.v3.certificates.get().verified is True


def test_either_key_may_sign(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Certificate and public key side by side: the answer's own id picks the key."""
    serial = next(key for key in gateway.configuration()["certs"] if not key.startswith("PUB_KEY_ID_"))
    answer = wxpay.v3.certificates.get(headers={"Wechatpay-Serial": serial})
    assert answer.headers["Wechatpay-Serial"] == serial
    assert wxpay.v3.certificates.get().headers["Wechatpay-Serial"] == gateway.identity.public_key_id


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.ClientError),
        (401, errors.ClientError),
        (403, errors.ClientError),
        (404, errors.ClientError),
        (429, errors.RateLimited),
        (500, errors.ServerError),
        (502, errors.ServerError),
        (503, errors.ServerError),
    ],
)
@pytest.mark.parametrize("method", CALLS)
def test_a_refusal_carries_what_wechat_pay_said(
    gateway: Sandbox, wxpay: Wechatpay, status: int, kind: type[errors.ApiError], method: str
) -> None:
    """Status, code, message, detail and request id; signed or not."""
    body = '{"code":"PARAM_ERROR","message":"参数错误","detail":{"field":"/a"}}'.encode()
    gateway.tamper = answers.bare(status, body, "application/json", **{"Request-ID": "ABC-268435462"})
    with pytest.raises(errors.ApiError) as caught:
        CALLS[method](wxpay)
    error = caught.value
    assert type(error) is kind
    assert isinstance(error, requests.HTTPError)
    assert (error.status, error.code, error.message) == (status, "PARAM_ERROR", "参数错误")
    assert (error.detail, error.request_id, error.verified) == ({"field": "/a"}, "ABC-268435462", False)
    assert str(error) == f"{status} PARAM_ERROR: 参数错误 (/a) (Request-ID ABC-268435462); {error.remedy}"
    assert error.remedy
    assert error.response.content == body


@pytest.mark.parametrize(
    "body", [b"", b"<html><h1>502\nBad Gateway</h1></html>", b"[1]", b'"x"', b"{", b"\xff\xfe", b"null"]
)
def test_a_refusal_may_hold_anything(gateway: Sandbox, wxpay: Wechatpay, body: bytes) -> None:
    """A proxy's page or nothing at all: the error is still an ApiError of one line."""
    gateway.tamper = answers.bare(502, body)
    with pytest.raises(errors.ServerError) as caught:
        wxpay.v3.certificates.get()
    error = caught.value
    assert (error.status, error.code, error.message, error.detail, error.request_id) == (502, "", "", None, "")
    assert str(error).startswith("502 no WeChat Pay error body")
    assert "\n" not in str(error)


def test_a_signed_refusal_is_verified(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """verified tells the one from the other."""
    with pytest.raises(errors.ClientError) as caught:
        wxpay.v3.marketing.partner.productCoupon.notifyConfigs.get()
    assert (caught.value.status, caught.value.code) == (404, "RESOURCE_NOT_EXISTS")
    assert caught.value.verified is True
    gateway.tamper = answers.changed
    with pytest.raises(errors.ClientError) as caught:
        wxpay.v3.marketing.partner.productCoupon.notifyConfigs.get()
    assert caught.value.verified is False


def test_a_wrong_key_is_a_sign_error_with_the_signed_text(gateway: Sandbox) -> None:
    """401 SIGN_ERROR brings the text that the server built, to be compared with one's own."""
    with gateway.client(private_key=answers.another_key()) as wxpay, pytest.raises(errors.SignError) as caught:
        wxpay.v3.marketing.partner.productCoupon.notifyConfigs.post(CALLBACK)
    information = caught.value.detail["sign_information"]
    message = caught.value.response.request.message  # type: ignore[attr-defined]
    head, _, body = message.removesuffix("\n").rpartition("\n")
    assert information["truncated_sign_message"] == f"{head}\n{body[:8]}\n"
    assert information["sign_message_length"] == len(message)
    assert (information["method"], information["url"]) == ("POST", gateway.requests[-1].target)


def test_no_secret_is_told(gateway: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """Neither keys nor signatures stand in a log at DEBUG, a repr, a message or a pickled error."""
    caplog.set_level(logging.DEBUG)
    failures: list[Exception] = []
    with gateway.client() as wxpay, gateway.builder() as instance:
        for tamper in (None, *(tamper for tamper, _, _ in WRONG.values()), answers.bare(500)):
            gateway.tamper = tamper
            for client in (wxpay, instance):
                try:
                    client.v3.marketing.membercardOpen.callback.patch(json=CALLBACK)
                except errors.WechatpayError as error:
                    failures.append(error)
        things = [wxpay, instance, wxpay._settings, wxpay._v3, wxpay._session, gateway]
    assert len(failures) == 2 * (len(WRONG) + 1)
    identity = gateway.identity
    secrets = [identity.apiv3_key, identity.secret, *private_pem(identity.merchant_key).splitlines()[1:-1]]
    secrets += [authorization_fields(received.headers)["signature"] for received in gateway.requests]
    told = caplog.text + "".join(f"{thing!r}{thing!s}" for thing in (*things, *failures))
    for failure in failures:
        pickled = pickle.dumps(failure)
        told += pickled.decode("latin-1")
        again = pickle.loads(pickled)
        assert type(again) is type(failure)
        assert str(again) == str(failure)
    assert told.count("127.0.0.1") > 0
    assert not [secret for secret in secrets if secret in told]


UNSIGNED = [
    "v3/billdownload/file?token=a",
    "v3/transferdownload/elecvoucherfile",
    "v3/transferdownload/signfile",
    "v3/new-tax-control-fapiao/download",
    "v3/merchant-service/images/media-id",
    "v3/global/merchant-service/images/media-id",
    "v3/merchant-service/images/ChsyMDAzMDgw/MjAyMjAx+MTEwMjE1NjU5NDM1OTEYACCZ4teXBigBMAE4AQ==",
    "v3/merchant-service/images/ChsyMDAzMDgw%2FMjAyMjAx%2BMTEw%3D%3D",
    "v3/global/merchant-service/images/a//b/upload",
]


@pytest.mark.parametrize("path", UNSIGNED)
def test_some_answers_are_not_signed(gateway: Sandbox, wxpay: Wechatpay, path: str) -> None:
    """Their bytes are handed over unverified, streamed when asked; the same path by POST is not excepted."""
    gateway.tamper = answers.bare(200, b"\x00bytes" * 1000, "application/octet-stream")
    answer = wxpay.chain(path).get()
    assert (answer.content, answer.verified) == (b"\x00bytes" * 1000, False)
    streamed = wxpay.chain(path).get(stream=True)
    assert streamed.raw.read(6) == b"\x00bytes"
    streamed.close()
    with pytest.raises(errors.HeadersIncomplete):
        wxpay.chain(path).post({})
    gateway.tamper = answers.bare(404)
    with pytest.raises(errors.ClientError):
        wxpay.chain(path).get(stream=True)


@pytest.mark.parametrize("path", ["v3/merchant-service/images/upload", "v3/billdownload/file/x", "v3/certificates"])
def test_no_other_answer_goes_unsigned(gateway: Sandbox, wxpay: Wechatpay, path: str) -> None:
    """stream=True changes nothing about it."""
    gateway.tamper = answers.bare(200, b"bytes")
    for stream in (False, True):
        with pytest.raises(errors.HeadersIncomplete):
            wxpay.chain(path).get(stream=stream)


# Where each of these may lead is for a server to say; its answer has to be signed.
ELSEWHERE = [
    "..%2f..%2fpay%2ftransactions%2fid%2f1",
    "..%2F..%2Fpay",
    "%2e%2e%2f%2e%2e%2fpay",
    "a%2f..%2f..%2f..%2fpay",
    "%252e%252e%252fpay",
    "%25252e%25252e%25252fpay",
    "a/%2e%2e/%2e%2e/pay",
    "..%5c..%5cpay",
    "..%255cpay",
    "%2e%2e",
    ".%2e%2fpay",
    "%2e%2fa",
    "%c0%ae%c0%ae%2fpay",
    "%uff0e%uff0e%2fpay",
    "%EF%BC%8E%EF%BC%8E%EF%BC%8Fpay",
    "a%00b",
    "a%0d%0ab",
    "a%3fb",
    "a%23b",
    "a%3bb",
    "%75pload",
    "%2fupload",
    "upload%2f",
    "upload/",
    "/upload",
    "%25252525252525252525252e%25252525252525252525252e",
]


@pytest.mark.parametrize("way", ELSEWHERE)
@pytest.mark.parametrize("site", ["v3/merchant-service", "v3/global/merchant-service"])
def test_what_decodes_to_a_path_elsewhere_is_signed(gateway: Sandbox, wxpay: Wechatpay, site: str, way: str) -> None:
    """Encoded once or more often, and streamed or not; one request left each time."""
    gateway.tamper = answers.bare(200, b'{"trade_state":"SUCCESS"}', "application/json")
    assert not is_unsigned("GET", f"/{site}/images/{way}")
    for stream in (False, True):
        with pytest.raises((errors.HeadersIncomplete, errors.ChainError)):
            wxpay.chain(f"{site}/images/{{+way}}").get(way=way, stream=stream)
    assert len(gateway.requests) in (0, 2)


@given(st.text() | st.text("abcZ09+/=_-.~%25fe"))
def test_an_id_passes_as_it_is_or_encoded(media_id: str) -> None:
    """Any id of base64, plain or encoded; none with a step up in it, however it is written."""
    path = "/v3/merchant-service/images/"
    encoded = quote(media_id, safe="")
    is_base64 = re.fullmatch(r"[A-Za-z0-9+/=_-]+", media_id) is not None and media_id.strip("/") != "upload"
    if is_base64:
        assert is_unsigned("GET", path + media_id)
        assert is_unsigned("GET", path + encoded)
        assert not is_unsigned("POST", path + media_id)
    for step in ("../", "..%2f", "%2e%2e/", "..%252f"):
        assert not is_unsigned("GET", f"{path}a/{step}{encoded}")
        assert not is_unsigned("GET", f"{path}{step}{media_id}")


def test_a_statement_is_verified_by_its_digest(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """The overseas statements sign {"sha1": …}; the digest must be that of the body."""

    def statement(body: bytes, digest_of: bytes) -> answers.Tamper:
        def tamper(answer: Answer, _: Received) -> None:
            answer.status, answer.body = 200, body
            digest = hashlib.sha1(digest_of).hexdigest()
            timestamp, nonce = str(int(time.time())), answer.headers["Wechatpay-Nonce"]
            message = answer_text(timestamp, nonce, f'{{"sha1":"{digest}"}}'.encode())
            answer.headers["Wechatpay-Timestamp"] = timestamp
            answer.headers["Wechatpay-Statement-Sha1"] = digest
            answer.headers["Wechatpay-Signature"] = asymmetric.sign(message, gateway.identity.public_key)

        return tamper

    gateway.tamper = statement(b"a,b\n1,2\n", b"a,b\n1,2\n")
    for path in ("v3/global/statements", "hk/v3/statements"):
        assert wxpay.chain(path).get(params={"date": "20240101"}).verified is True
    assert wxpay.v3.statements.get(base_url=f"{gateway.base_url}/hk/").verified is True
    gateway.tamper = statement(b"a,b\n1,3\n", b"a,b\n1,2\n")
    with pytest.raises(errors.SignatureMismatch, match="Wechatpay-Statement-Sha1"):
        wxpay.v3.global_.statements.get()
