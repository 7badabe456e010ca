"""Blanks behind a header's value are no part of it: RFC 9110, 5.5. A true answer stays true, over real sockets."""

from __future__ import annotations

import gzip
import hashlib
import json
import socket
import time
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import authority
from tests.sockets import raw_server, request_of
from wechatpay_chain import Wechatpay, errors
from wechatpay_chain.crypto import asymmetric
from wechatpay_chain.protocol.keyring import Keyring
from wechatpay_chain.protocol.merchant import Merchant
from wechatpay_chain.protocol.notification import signature_headers
from wechatpay_chain.protocol.v3 import APIv3, answer_text

PLATFORM = authority.KEY
MERCHANT = authority.other_key()
ID = "PUB_KEY_ID_1"
BLANKS = st.text(" \t", max_size=4)
NAMES = ("Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Serial", "Wechatpay-Signature")


def signed(body: bytes) -> dict[str, str]:
    now = str(int(time.time()))
    signature = asymmetric.sign(answer_text(now, "n", body), PLATFORM)
    return dict(zip(NAMES, (now, "n", ID, signature), strict=True))


def client(url: str, **options: Any) -> Wechatpay:
    return Wechatpay(
        mchid="1900000001",
        serial="AB",
        private_key=MERCHANT,
        certs={ID: PLATFORM.public_key()},
        base_url=url,
        secret="s" * 32,
        **options,
    )


def answered(headers: Mapping[str, str], body: bytes, received: list[bytes]) -> Any:
    def behave(connection: socket.socket) -> None:
        received.append(request_of(connection))
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        connection.sendall(f"HTTP/1.1 200 OK\r\nConnection: close\r\n{lines}\r\n".encode() + body)

    return behave


@pytest.mark.parametrize("blanks", [" ", "\t", " \t ", "   "])
@pytest.mark.parametrize("name", [*NAMES, "Content-Length", "Content-Type", "Content-Encoding", "Request-ID"])
def test_a_true_answer_is_verified(name: str, blanks: str) -> None:
    """Whichever header has them; the order was sent once."""
    body = json.dumps({"code_url": "weixin://x"}).encode()
    sent = gzip.compress(body) if name == "Content-Encoding" else body
    headers = {**signed(body), "Content-Type": "application/json", "Content-Length": str(len(sent)), "Request-ID": "0A"}
    if name == "Content-Encoding":
        headers[name] = "gzip"
    headers[name] += blanks
    received: list[bytes] = []
    with raw_server(answered(headers, sent, received)) as (url, _), client(url) as wxpay:
        answer = wxpay.v3.pay.transactions.native.post({"amount": {"total": 1}})
    assert answer.verified
    assert answer.data == {"code_url": "weixin://x"}
    assert answer.request_id == "0A"
    assert len(received) == 1


@pytest.mark.parametrize("blanks", ["", " ", "\t", " \t "])
@pytest.mark.parametrize("coding", ["chunked", "Chunked"])
@pytest.mark.parametrize("also", ["", "Content-Length: 3\r\n", "Connection: close\r\n"])
def test_a_true_answer_in_chunks_is_verified(also: str, coding: str, blanks: str) -> None:
    """Also the second one of a connection, whose head is read by another way."""
    body = json.dumps({"code_url": "weixin://x"}).encode()
    received: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        while request := request_of(connection):
            received.append(request)
            lines = "".join(f"{name}: {value}\r\n" for name, value in signed(body).items())
            head = f"HTTP/1.1 200 OK\r\n{lines}{also}Transfer-Encoding: {coding}{blanks}\r\n\r\n"
            connection.sendall(head.encode() + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
            if "close" in also:
                return

    with raw_server(behave) as (url, _), client(url) as wxpay:
        for _ in range(2):
            answer = wxpay.v3.pay.transactions.native.post({"amount": {"total": 1}})
            assert answer.verified
            assert answer.data == {"code_url": "weixin://x"}
    assert len(received) == 2


@pytest.mark.parametrize("blanks", [" ", "\t"])
def test_a_statement_is_verified_by_its_digest(blanks: str) -> None:
    """The digest is signed without them, too."""
    body = b"a,b\n`1,`2\n"
    digest = hashlib.sha1(body).hexdigest()
    headers = {**signed(b'{"sha1":"%s"}' % digest.encode()), "Content-Length": str(len(body))}
    headers["Wechatpay-Statement-Sha1"] = digest + blanks
    received: list[bytes] = []
    with raw_server(answered(headers, body, received)) as (url, _), client(url) as wxpay:
        answer = wxpay.v3.global_.statements.get(params={"date": "20261101"})
        assert (answer.content, answer.verified) == (body, True)
        assert wxpay.v3.global_.statements.get(params={"date": "20261101"}, stream=True).verified
        assert wxpay.download(f"{url}/v3/global/statements?date=20261101") == body
    assert len(received) == 3


@settings(max_examples=60)
@given(st.fixed_dictionaries(dict.fromkeys(NAMES, BLANKS)), st.binary(max_size=40))
def test_any_blanks_behind_any_of_them(blanks: dict[str, str], body: bytes) -> None:
    """Of an answer and of a notification, in every form in which a server hands headers over."""
    protocol = APIv3(Merchant("1900000001", "AB", MERCHANT), Keyring.of({ID: PLATFORM.public_key()}))
    headers = {name: value + blanks[name] for name, value in signed(body).items()}
    protocol.verify("/v3/x", headers, body)
    for given_headers in (
        headers,
        [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()},
        {name: [value, value.rstrip()] for name, value in headers.items()},
    ):
        protocol.verify("", signature_headers(given_headers), body)


@pytest.mark.parametrize("mark", ["\u00a0", "\u3000", "\x0b", "\x0c", "\x00", "\r", "\n", "\x85", "x", "="])
@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_blank_is_refused(name: str, mark: str) -> None:
    """RFC 9110 strips the blank and the tab alone, and only at the end."""
    protocol = APIv3(Merchant("1900000001", "AB", MERCHANT), Keyring.of({ID: PLATFORM.public_key()}))
    right = signed(b"{}")
    for value in (right[name] + mark, right[name] + mark + " ", right[name][:1] + " " + right[name][1:] + mark):
        with pytest.raises(errors.VerificationError):
            protocol.verify("/v3/x", {**right, name: value}, b"{}")
