from __future__ import annotations

import io
import json
from typing import Any

import pytest

from wechatpay_chain import Builder, Sandbox, errors
from wechatpay_chain.php import Instance, Response

URL = "https://pay.weixin.qq.com"


def test_the_three_spellings_are_one_request(gateway: Sandbox, instance: Instance) -> None:
    """Attributes, chain() and [], sync and async."""
    chains = [
        instance.v3.marketing.partner.productCoupon.notifyConfigs,
        instance.chain("v3/marketing/partner/product-coupon/notify-configs"),
        instance["v3/marketing/partner/product-coupon/notify-configs"],
        instance["v3/marketing/partner/productCoupon/notifyConfigs"],
    ]
    for chain in chains:
        answer = chain.post({"json": {"notify_url": URL}})
        assert isinstance(answer, Response)
        assert json.loads(str(answer.getBody()))["notify_url"] == URL
        told = chain.getAsync([]).then(lambda answer: json.loads(str(answer.getBody()))).wait()
        assert told["notify_url"] == URL
    assert {(received.method, received.target) for received in gateway.requests} == {
        ("POST", "/v3/marketing/partner/product-coupon/notify-configs"),
        ("GET", "/v3/marketing/partner/product-coupon/notify-configs"),
    }


def test_options_may_be_keywords(instance: Instance) -> None:
    """json=… is {"json": …}; a placeholder's value stands among the options."""
    request = instance.prepare(instance.v3.a._sp_mchid_.post, json={"b": 1}, sp_mchid="1 2", query={"q": True})
    assert (request.target, request.body) == ("/v3/a/1%202?q=1", b'{"b":1}')


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (({"jsno": {}},), "did you mean json"),
        (({"params": {}},), "neither an option"),
        (({"data": {}},), "neither an option"),
        (({"xml": {}},), "xml: it belongs to APIv2"),
        (({"form_params": 5},), "form_params: expected a mapping"),
        (({"base_uri": 5},), "base_uri: expected a URL"),
        (({"body": {"a": 1}},), "body: expected text or bytes"),
        (({}, {}), "one mapping of options"),
        (("x",), "expected a mapping"),
        (([1],), "expected a mapping"),
        (({1: 2},), "option names are text"),
    ],
)
def test_options_that_cannot_be_meant_raise(
    gateway: Sandbox, instance: Instance, args: tuple[Any, ...], words: str
) -> None:
    """Nothing is sent."""
    with pytest.raises(errors.ChainError, match=words):
        instance.v3.x.post(*args)
    assert not gateway.requests


def test_json_comes_before_body_as_in_guzzle(instance: Instance) -> None:
    """And a query option replaces the query of the path."""
    request = instance.prepare(instance.chain("v3/x?a=1").post, {"json": {"b": 2}, "body": "raw", "query": {"c": "3"}})
    assert (request.target, request.body) == ("/v3/x?c=3", b'{"b":2}')
    assert request.headers["Content-Type"] == "application/json"
    for body in (io.StringIO("raw"), io.BytesIO(b"raw")):
        assert instance.prepare(instance.v3.x.post, {"body": body}).body == b"raw"
    raw = instance.prepare(instance.chain("v3/x?a=1").post, {"body": "raw"})
    assert (raw.target, raw.body) == ("/v3/x?a=1", b"raw")


@pytest.mark.parametrize(
    ("base_uri", "url"),
    [
        ("https://api.mch.weixin.qq.com/", "https://api.mch.weixin.qq.com/v3/x"),
        ("https://api.mch.weixin.qq.com/hk/", "https://api.mch.weixin.qq.com/hk/v3/x"),
        ("https://api.mch.weixin.qq.com/hk", "https://api.mch.weixin.qq.com/v3/x"),
        ("https://u:p@a.example/b/?c=d", "https://a.example/b/v3/x"),
    ],
)
def test_a_base_uri_is_resolved_against(gateway: Sandbox, base_uri: str, url: str) -> None:
    """As RFC 3986 does and Guzzle with it, for the client and for one call."""
    with gateway.builder(base_uri=base_uri) as instance:
        assert instance.prepare(instance.v3.x.get).url == url
    with gateway.builder() as instance:
        assert instance.prepare(instance.v3.x.get, {"base_uri": base_uri}).url == url


def test_the_factory_takes_the_php_names(gateway: Sandbox) -> None:
    """As one mapping, or by name; what is wrong is named."""
    entries = gateway.configuration()
    php = {
        "mchid": entries["mchid"],
        "serial": entries["serial"],
        "privateKey": entries["private_key"],
        "certs": entries["certs"],
        "secret": "v2 secret",
        "base_uri": f"{entries['base_url']}/",
    }
    for instance in (Builder.factory(php), Builder.factory(**php)):
        with instance:
            assert instance.v3.certificates.get().getStatusCode() == 200
    for wrong, words in (
        ({"privatekey": "x"}, "did you mean private_?[kK]ey"),
        ({"base_uri": 5}, "base_url: expected a URL"),
        ({"base_uri": "http://[::1"}, "no URL"),
        ({"mchid": None}, "mchid: missing"),
    ):
        with pytest.raises(errors.ConfigError, match=words):
            Builder.factory({**php, **wrong})
    with pytest.raises(errors.ConfigError, match="expected a mapping"):
        Builder.factory([1])  # type: ignore[arg-type]
