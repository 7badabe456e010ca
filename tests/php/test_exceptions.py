"""What code for Guzzle and wechatpay-php catches: by PHP's names, in PHP's order."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from tests.authority import KEY, certificate
from tests.sockets import closed_port
from wechatpay_chain import Sandbox, errors, php
from wechatpay_chain.crypto.key_loader import serial_of
from wechatpay_chain.php import Instance, PemUtil


def caught(call: Callable[[], object]) -> list[str]:
    """The names of Guzzle's exceptions that catch what a call raises."""
    names = [name for name in php.__all__ if name.endswith("Exception")]
    try:
        call()
    except errors.WechatpayError as error:
        return [name for name in names if isinstance(error, getattr(php, name))]
    raise AssertionError("nothing was raised")


ALL = ["GuzzleException", "RequestException", "TransferException"]


def test_a_refusal_is_a_bad_response(gateway: Sandbox, instance: Instance) -> None:
    """4xx and 5xx by their own names, and by those of every ancestor; no connection was at fault."""
    missing = instance.v3.pay.transactions.outTradeNo["no-such-order"]
    query = {"query": {"mchid": gateway.mchid}}
    assert caught(lambda: missing.get(query)) == ["BadResponseException", "ClientException", *ALL]
    with pytest.raises(php.BadResponseException) as refused:
        missing.get(query)
    assert (refused.value.hasResponse(), refused.value.getCode()) == (True, 404)
    assert json.loads(refused.value.getResponse().getBody())["code"] == "ORDER_NOT_EXIST"
    gateway.tamper = lambda answer, _: vars(answer).update(status=503, body=b"")
    names = caught(lambda: instance.chain("v3/certificates").get({"retry": False}))
    assert names == ["BadResponseException", *ALL[:2], "ServerException", ALL[2]]


def test_who_answers_not_is_a_matter_of_the_connection(gateway: Sandbox) -> None:
    """Nobody listens: ConnectException, which has no answer."""
    with gateway.builder(base_uri=closed_port()) as instance, pytest.raises(php.ConnectException) as refused:
        instance.chain("v3/certificates").get()
    assert not refused.value.hasResponse()
    with gateway.builder(base_uri=closed_port()) as instance:
        assert caught(lambda: instance.chain("v3/certificates").get()) == ["ConnectException", *ALL]


@pytest.mark.parametrize("given", ["", "xxx", b"xxx", KEY.public_key(), "file:///nowhere.pem", None, 5, ["x"]])
def test_what_is_no_certificate_has_no_serial(given: Any) -> None:
    """PHP raises an UnexpectedValueException; so it is here, and a ConfigError as ever."""
    with pytest.raises(php.UnexpectedValueException) as refused:
        PemUtil.parseCertificateSerialNo(given)
    assert isinstance(refused.value, errors.ConfigError)
    assert str(refused.value).startswith("certificate: ")


def test_a_certificate_has_its_serial() -> None:
    """As a value and as PEM; a file that is missing is unexpected too."""
    made = certificate(KEY)
    assert PemUtil.parseCertificateSerialNo(made) == serial_of(made)
    with pytest.raises(php.UnexpectedValueException, match=r"^filepath: .*'/nowhere.pem'"):
        PemUtil.loadCertificate("/nowhere.pem")
    assert PemUtil.loadCertificateFromString("xxx") is False


def test_a_body_is_what_its_reader_wants(instance: Instance, gateway: Sandbox) -> None:
    """Text, bytes, JSON, a stream, wherever it stands; a copy is the same body from its start."""
    answer = instance.chain("v3/certificates").get()
    body = answer.getBody()
    assert body.getContents() == answer.text
    assert body.eof()
    assert json.loads(body) == json.loads(str(body)) == answer.data
    assert (bytes(body), body == answer.content, len(body)) == (answer.content, True, body.getSize())
    body.seek(1)
    assert (body.read(3), body.tell()) == (answer.content[1:4], 4)
    body.rewind()
    assert json.load(body) == answer.data
    assert body.readable()
    assert "data" not in repr(body)
    copy = pickle.loads(pickle.dumps(body))
    assert (copy, copy.tell(), str(copy), f"{copy}") == (body, 0, answer.text, answer.text)
    assert answer.getBody() is body
    assert not hasattr(body, "_private")
    assert php.Body(b"")


def test_an_order_number_in_path_text_is_sent_as_it_is_written(instance: Instance, gateway: Sandbox) -> None:
    """In a chain, in brackets and in one text with camelCase words, in both protocols' faces."""
    chain = "v3/pay/transactions/outTradeNo/T2026_1/close"
    body = {"json": {"mchid": gateway.mchid}}
    targets = [
        instance.prepare(instance.chain(chain).post, body).target,
        instance.prepare(instance.v3.pay.transactions.outTradeNo["T2026_1"].close.post, body).target,
        instance.prepare(
            instance["v3/pay/transactions/out-trade-no"].chain("T2026_1").chain("close").post, body
        ).target,
    ]
    assert targets == ["/v3/pay/transactions/out-trade-no/T2026_1/close"] * 3
