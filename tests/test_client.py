from __future__ import annotations

import asyncio
import subprocess
import sys
import traceback
from typing import Any

import pytest

import wechatpay_chain
from tests.openssl import rightly_signed
from wechatpay_chain import Promise, Response, Sandbox, Wechatpay, errors
from wechatpay_chain.sandbox.identity import private_pem


def test_a_call_is_signed_and_its_answer_verified(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """The seed of it all: POST /v3/marketing/favor/callbacks."""
    url = "https://pay.weixin.qq.com"
    answer = wxpay.v3.marketing.favor.callbacks.post({"mchid": "9856888", "notify_url": url, "switch": True})
    assert isinstance(answer, Response)
    assert (answer.status, answer.verified, answer.data["notify_url"]) == (200, True, url)
    received = gateway.requests[-1]
    assert (received.method, received.target) == ("POST", "/v3/marketing/favor/callbacks")
    assert received.body == b'{"mchid":"9856888","notify_url":"https://pay.weixin.qq.com","switch":true}'
    assert rightly_signed(received, gateway.identity.merchant_key.public_key())


def test_async_verbs_give_promises(wxpay: Wechatpay) -> None:
    """then, catch, await and Promise.all, as in JS."""
    node = wxpay.v3.marketing.partner.productCoupon.notifyConfigs
    stored = node.post_async({"notify_url": "https://a.example"}).then(lambda answer: answer.data["notify_url"])
    assert isinstance(stored, Promise)
    assert stored.wait() == "https://a.example"
    assert node.getAsync().then(lambda answer: answer.status).result(10) == 200
    missing = wxpay.v3.nothing.get_async().catch(lambda error: error.status)
    assert missing.wait() == 404

    async def many() -> list[Any]:
        return await asyncio.gather(*(node.get_async() for _ in range(40)))

    assert {answer.data["notify_url"] for answer in asyncio.run(many())} == {"https://a.example"}
    assert len(Promise.all(node.get_async() for _ in range(40)).wait() or []) == 40


def test_an_async_mistake_raises_at_once(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """What was never sent needs no promise."""
    with pytest.raises(errors.ChainError):
        wxpay.v3.x._id_.get_async()
    assert not gateway.requests


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        ({"certs": None, "apiv3_key": None}, "certs"),
        ({"serial": None, "private_key": None}, "serial, private_key"),
        ({"serial": None, "private_key": None, "certs": None}, "serial, private_key"),
        ({"serial": None, "private_key": None, "certs": None, "apiv3_key": None}, "serial, private_key, certs"),
    ],
)
def test_what_apiv3_lacks_is_named_at_the_first_call(gateway: Sandbox, options: dict[str, Any], fields: str) -> None:
    """A client for one protocol may leave out what the other needs; construction touches no network."""
    with gateway.client(**options) as wxpay, pytest.raises(errors.ConfigError, match=f"^{fields}: missing"):
        wxpay.v3.certificates.get()
    assert not gateway.requests


def test_configuration_comes_by_name_or_as_one_mapping(gateway: Sandbox) -> None:
    """Also under the JS names."""
    entries = gateway.configuration()
    js = {"privateKey": entries.pop("private_key"), "baseURL": entries.pop("base_url"), **entries}
    for client in (Wechatpay(js), Wechatpay(**js), Wechatpay({"mchid": js.pop("mchid")}, **js)):
        with client:
            assert client.v3.certificates.get().verified


def test_a_configuration_error_shows_no_secret(gateway: Sandbox) -> None:
    """Neither in the message nor in the values of this package's frames."""
    pem = private_pem(gateway.identity.merchant_key)
    wrong: list[dict[str, Any]] = [
        {"mchid": "x"},
        {"apiv3_key": "short-secret-of-mine"},
        {"certs": {"PUB_KEY_ID_1": pem}},
        {"private_key": pem.replace("A", "B")},
        {"base_url": "https://me:hush-password@api.mch.weixin.qq.com"},
        {"nonsense": "hush-password"},
        {"timeout": "hush-password"},
        {"headers": {"Authorization": "hush-password"}},
        {"certs_dir": pem},
        {"base_url": gateway.identity.apiv3_key},
        {"mchid": gateway.identity.apiv3_key},
    ]
    secrets = [*pem.splitlines()[1:-1], gateway.identity.apiv3_key, "hush-password", "short-secret-of-mine"]
    secrets += pem.replace("A", "B").splitlines()[1:-1]
    for options in wrong:
        for factory in (wechatpay_chain.Wechatpay, wechatpay_chain.Builder.factory):
            try:
                factory({**gateway.configuration(), **options})
            except errors.ConfigError as error:
                told = str(error)
                trace = traceback.TracebackException.from_exception(error, capture_locals=True)
                frames = [frame for frame in trace.stack if "wechatpay_chain" in frame.filename]
                told += "".join(f"{frame.locals}" for frame in frames)
                assert frames
                contexts = [error.__context__, error.__cause__]
                assert not [secret for secret in secrets if secret in told]
                assert contexts == [None, None]
            else:
                pytest.fail(f"{options.keys()} was accepted")


def test_close_frees_the_connections_and_a_later_call_opens_new_ones(gateway: Sandbox) -> None:
    """with and close() end no client for good."""
    with gateway.client() as wxpay:
        wxpay.v3.certificates.get()
        before = gateway.connections
        wxpay.v3.certificates.get()
        assert gateway.connections == before
    wxpay.v3.certificates.get()
    assert gateway.connections == before + 1
    wxpay.close()
    wxpay.close()


def test_importing_the_package_imports_nothing_heavy() -> None:
    """requests and cryptography are loaded at first use."""
    script = (
        "import sys, wechatpay_chain, wechatpay_chain.cli.main\n"
        "heavy = {'requests', 'urllib3', 'cryptography', 'asyncio', 'http.server'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "dir(wechatpay_chain), wechatpay_chain.Wechatpay\n"
        "assert 'requests' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True)


def test_all_names_are_there() -> None:
    """__all__ is what users import, and no other name is made up."""
    for name in wechatpay_chain.__all__:
        assert getattr(wechatpay_chain, name) is not None
        assert name in dir(wechatpay_chain)
    assert wechatpay_chain.errors is errors
    with pytest.raises(AttributeError, match="no attribute 'Wechatpai'"):
        _ = wechatpay_chain.Wechatpai


def test_params_of_the_client_stand_in_every_query(gateway: Sandbox) -> None:
    """As axios merges them: those of a call are added, or stand in their place."""
    with gateway.client(params={"d": True}) as wxpay:
        assert wxpay.prepare(wxpay.v3.x.get).target == "/v3/x?d=true"
        assert wxpay.prepare(wxpay.v3.x.get, {"params": {"a": "1"}}).target == "/v3/x?d=true&a=1"
        assert wxpay.prepare(wxpay.v3.x.post, {}, params={"d": None}).target == "/v3/x"
    for wrong in (5, [("a", "b")], {"a": object()}, {5: 1}):
        with pytest.raises(errors.ConfigError, match=r"^(params|query): "):
            gateway.client(params=wrong)
