"""The download of certificates, over real sockets against a gateway whose certificates rotate."""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests import answers
from tests.authority import other_key
from tests.openssl import rightly_signed
from tests.promises import PATIENCE
from wechatpay_chain import Builder, Sandbox, Wechatpay, errors
from wechatpay_chain.protocol.certificate_folder import SHARED
from wechatpay_chain.sandbox.answer import Answer, Received, signed_headers

CERTIFICATES = "/v3/certificates"
DAY = 86_400.0


@pytest.fixture
def client(gateway: Sandbox) -> Iterator[Wechatpay]:
    """One that has the APIv3 key and no key of WeChat Pay."""
    with gateway.client(certs=None) as wxpay:
        yield wxpay


def call(wxpay: Any) -> Any:
    return wxpay.v3.marketing.partner.productCoupon.notifyConfigs.post({"notify_url": "https://a.example"})


def held_until(gate: threading.Event) -> answers.Tamper:
    def tamper(answer: Answer, received: Received) -> None:
        gate.wait(PATIENCE)

    return tamper


def downloads(gateway: Sandbox) -> int:
    return sum(received.target == CERTIFICATES for received in gateway.requests)


def others(gateway: Sandbox) -> int:
    return len(gateway.requests) - downloads(gateway)


def moved(wxpay: Any, seconds: float) -> None:
    wxpay._settings.keyring.clock = lambda: time.time() + seconds


def test_certificates_are_downloaded_at_first_need(gateway: Sandbox, client: Wechatpay) -> None:
    """Nothing at construction; then once, signed, before the call that needs them, which names the certificate."""
    assert not gateway.requests
    answer = call(client)
    assert answer.verified
    assert gateway.requests[0].target == CERTIFICATES
    assert (downloads(gateway), others(gateway)) == (1, 1)
    assert rightly_signed(gateway.requests[0], gateway.identity.merchant_key.public_key())
    assert gateway.requests[0].headers["User-Agent"].startswith("wechatpay_chain/")
    serial = gateway.requests[1].headers["Wechatpay-Serial"]
    assert serial == answer.headers["Wechatpay-Serial"] != gateway.identity.public_key_id
    call(client)
    assert downloads(gateway) == 1


def test_the_php_face_downloads_too(gateway: Sandbox) -> None:
    """Under its own names."""
    entries = {**gateway.configuration(), "certs": None}
    php = {"privateKey": entries.pop("private_key"), "base_uri": entries.pop("base_url"), **entries}
    with Builder.factory(php) as instance:
        instance.v3.marketing.partner.productCoupon.notifyConfigs.post({"json": {"notify_url": "https://a.example"}})
    assert (downloads(gateway), others(gateway)) == (1, 1)


def test_a_promise_does_not_wait_for_the_first_download(
    gateway: Sandbox, client: Wechatpay, gate: threading.Event
) -> None:
    """The verb returns at once; all of many have one download."""
    gateway.tamper = held_until(gate)
    node = client.v3.marketing.partner.productCoupon.notifyConfigs
    promises = [node.post_async({"notify_url": "https://a.example"}) for _ in range(8)]
    gate.set()
    assert all(promise.result(PATIENCE).verified for promise in promises)
    assert (downloads(gateway), others(gateway)) == (1, 8)


def test_prepare_downloads_nothing(gateway: Sandbox, client: Wechatpay) -> None:
    """Without a key the request names none; with one it does."""
    request = client.prepare(client.v3.x.post, {"a": 1})
    assert "Wechatpay-Serial" not in request.headers
    assert not gateway.requests
    call(client)
    assert client.prepare(client.v3.x.get).headers["Wechatpay-Serial"]
    moved(client, DAY)
    assert client.prepare(client.v3.x.get)
    assert downloads(gateway) == 1


@pytest.mark.slow
@pytest.mark.parametrize("overlap", [True, False])
def test_no_call_fails_while_certificates_rotate(gateway: Sandbox, client: Wechatpay, overlap: bool) -> None:
    """1,000 calls by 8 threads, the first download among them: 2 downloads, whether both sign for a while or not."""
    platform, made = gateway.platform, gateway.platform.successor()
    done, rotated = threading.Semaphore(0), threading.Event()
    failures: list[BaseException] = []

    def work() -> None:
        node = client.v3.marketing.partner.productCoupon.notifyConfigs
        for number in range(125):
            assert number < 100 or rotated.wait(PATIENCE)
            try:
                assert node.post({"notify_url": "https://a.example"}).verified
            except BaseException as error:
                failures.append(error)
            done.release()

    with ThreadPoolExecutor(8) as pool:
        for _ in range(8):
            pool.submit(work)
        for step in (lambda: platform.rotate(made), platform.retire):
            for _ in range(300 if overlap or step != platform.retire else 0):
                assert done.acquire(timeout=PATIENCE)
            step()
        rotated.set()
    assert not failures
    assert others(gateway) == 1000
    assert downloads(gateway) == 2
    named = {each.headers["Wechatpay-Serial"] for each in gateway.requests if each.target != CERTIFICATES}
    assert len(named) == 2
    assert client._settings.keyring.current.id in named


def test_a_post_that_meets_an_unknown_serial_is_sent_once(gateway: Sandbox, client: Wechatpay) -> None:
    """The certificates are fetched and the same answer is verified again."""
    call(client)
    gateway.platform.rotate()
    gateway.platform.retire()
    assert call(client).verified
    assert (downloads(gateway), others(gateway)) == (2, 2)


def test_unknown_serials_cause_no_flood(gateway: Sandbox, client: Wechatpay) -> None:
    """At most one download in 30 s whatever arrives, and none for the id of a public key."""
    call(client)
    for serial in ("AB", "CD", "EF", "PUB_KEY_ID_9"):
        gateway.tamper = tampered(serial)
        with pytest.raises(errors.UnknownSerial, match=serial) as caught:
            call(client)
        assert caught.value.response is not None
    assert (downloads(gateway), others(gateway)) == (2, 5)


def tampered(serial: str) -> answers.Tamper:
    """Another serial on every answer but the certificates'."""
    replace = answers.with_header("Wechatpay-Serial", serial)

    def tamper(answer: Answer, received: Received) -> None:
        if received.target != CERTIFICATES:
            replace(answer, received)

    return tamper


def test_a_merchant_without_certificates_is_told_of_the_public_key(gateway: Sandbox, client: Wechatpay) -> None:
    """404 and 403; nothing else was sent."""
    gateway.platform.verify = "public-key"
    with pytest.raises(errors.ConfigError, match=r"^certs: .*404 RESOURCE_NOT_EXISTS.*configure the public key"):
        call(client)
    gateway.tamper = answers.bare(403, b'{"code":"NO_AUTH","message":"x"}', "application/json")
    moved(client, 31)
    with pytest.raises(errors.ConfigError, match=r"403 NO_AUTH.*configure the public key"):
        call(client)
    assert others(gateway) == 0


def test_a_404_of_somebody_else_says_nothing_about_the_merchant(gateway: Sandbox, client: Wechatpay) -> None:
    """A web server under a wrong address: the public key would not help."""
    gateway.tamper = answers.bare(404, b"<html>")
    with pytest.raises(errors.ClientError, match=r"the call was not sent, .*: 404 no WeChat Pay error body"):
        call(client)


def test_a_download_asks_wechat_pay_itself(gateway: Sandbox, tmp_path: Path) -> None:
    """Though a folder holds certificates that are fresh; its errors speak of no other call."""
    with gateway.client(certs=None, certs_dir=tmp_path) as wxpay:
        call(wxpay)
        gateway.platform.rotate()
        assert wxpay.download_certificates() == gateway.platform.certificates
        gateway.tamper = answers.changed
        with pytest.raises(errors.SignatureMismatch, match=r"^the signature does not fit"):
            wxpay.download_certificates()
        gateway.tamper = None
        gateway.platform.verify = "public-key"
        with pytest.raises(errors.ConfigError, match=r"^certs: this merchant has no platform certificates \(404"):
            wxpay.download_certificates()
    assert downloads(gateway) == 4


def test_a_fixed_key_goes_on_when_the_download_fails(gateway: Sandbox) -> None:
    """The public key needs none; an unknown serial stays one, with the reason, and is sent once."""
    gateway.platform.verify = "public-key"
    public_id = gateway.identity.public_key_id
    certs = {public_id: gateway.configuration()["certs"][public_id]}
    with gateway.client(certs=certs) as wxpay:
        assert call(wxpay).verified
        assert downloads(gateway) == 0
        gateway.tamper = tampered("AB")
        with pytest.raises(
            errors.UnknownSerial, match=f"holds {public_id}; add it to certs; asking for it failed: .*404"
        ):
            call(wxpay)
    assert (downloads(gateway), others(gateway)) == (1, 2)


def test_certificates_stand_beside_a_public_key(gateway: Sandbox) -> None:
    """During a switch an answer may be signed with either; the one that was not configured is fetched."""
    public_id = gateway.identity.public_key_id
    certs = {public_id: gateway.configuration()["certs"][public_id]}
    serial = next(each for each in gateway.configuration()["certs"] if each != public_id)
    with gateway.client(certs=certs) as wxpay:
        answer = wxpay.v3.certificates.get(headers={"Wechatpay-Serial": serial})
        assert answer.headers["Wechatpay-Serial"] == serial
        assert answer.verified
    assert gateway.requests[1].headers["Wechatpay-Serial"] == public_id


WRONG: dict[str, tuple[Any, dict[str, Any], type[errors.WechatpayError], str]] = {
    "another signature": (answers.signed_by(other_key()), {}, errors.SignatureMismatch, "does not fit"),
    "a changed body": (answers.changed, {}, errors.SignatureMismatch, "does not fit"),
    "a probe": (answers.probing, {}, errors.SignatureProbe, "deliberate"),
    "a clock": (answers.with_header("Wechatpay-Timestamp", "1"), {}, errors.ClockOffset, "300 allowed"),
    "the public key": (answers.with_header("Wechatpay-Serial", "PUB_KEY_ID_9"), {}, errors.ConfigError, "public key"),
    "no signature": (answers.with_header("Wechatpay-Signature", None), {}, errors.HeadersIncomplete, "Signature"),
    "no JSON": (answers.bare(200, b"<html>"), {}, errors.VerificationError, "no list of encrypted"),
    "204": (answers.bare(204), {}, errors.VerificationError, "no list of encrypted"),
    "502": (answers.bare(502, b"<html>"), {}, errors.ServerError, "502"),
    "429": (answers.bare(429), {}, errors.RateLimited, "429"),
    "a redirect": (answers.bare(302, Location="http://127.0.0.1:9"), {}, errors.ApiError, "not followed"),
    "the APIv3 key": (None, {"apiv3_key": "k" * 32}, errors.DecryptionError, "^apiv3_key: it does not open"),
    "the merchant's key": (None, {"private_key": other_key()}, errors.SignError, "401 SIGN_ERROR"),
    "nobody there": (None, {"base_url": "http://127.0.0.1:9"}, errors.TransportError, "Connection refused"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_failing_first_download_sends_nothing_else(gateway: Sandbox, case: str) -> None:
    """The error is of its own kind; it says that the call was not sent, and shows no secret."""
    gateway.tamper, options, kind, words = WRONG[case]
    with gateway.client(**{"certs": None, **options}) as wxpay:
        with pytest.raises(kind, match=words) as caught:
            call(wxpay)
        assert type(caught.value) is kind
        if not isinstance(caught.value, ValueError):
            assert str(caught.value).startswith(
                "the call was not sent, since WeChat Pay's certificates could not be had:"
            )
        assert not any(attempt.sent for attempt in getattr(caught.value, "attempts", ()))
        assert gateway.identity.apiv3_key not in str(caught.value)
        assert others(gateway) == 0
        # For 30 s it is told again and nothing leaves; then what was wrong once is not kept.
        asked = downloads(gateway)
        healed, gateway.tamper = gateway.tamper is not None, None
        for _ in range(3):
            with pytest.raises(kind, match=words) as again:
                call(wxpay)
            assert type(again.value) is kind
            assert "asked less than 30 s ago" in str(again.value)
        assert (downloads(gateway), others(gateway)) == (asked, 0)
        if healed:
            moved(wxpay, 31)
            assert call(wxpay).verified


def test_a_download_that_brings_none_is_made_once_in_30_seconds(gateway: Sandbox, client: Wechatpay) -> None:
    """Of a client without keys, however many calls and threads need one; none of these calls leaves."""

    def tamper(answer: Answer, received: Received) -> None:
        answer.body = b'{"data":[]}'
        answer.headers.update(signed_headers(*gateway.platform.signer(""), answer.body, time.time()))

    gateway.tamper = tamper
    with ThreadPoolExecutor(8) as pool:
        for failure in [pool.submit(call, client).exception(PATIENCE) for _ in range(40)]:
            assert isinstance(failure, errors.ConfigError)
    assert (downloads(gateway), others(gateway)) == (1, 0)
    moved(client, 29)
    for _ in range(2):
        with pytest.raises(errors.ConfigError):
            call(client)
    assert downloads(gateway) == 1
    moved(client, 31)
    for _ in range(2):
        with pytest.raises(errors.ConfigError):
            call(client)
    assert (downloads(gateway), others(gateway)) == (2, 0)


def test_a_time_out_of_the_download_is_not_the_calls(gateway: Sandbox, gate: threading.Event) -> None:
    """Of the call no byte has left, whatever became of the download."""
    gateway.tamper = held_until(gate)
    with gateway.client(certs=None, timeout=0.2) as wxpay, pytest.raises(errors.TimedOut) as caught:
        call(wxpay)
    assert caught.value.attempts
    assert not any(attempt.sent for attempt in caught.value.attempts)
    gate.set()


def aged(wxpay: Wechatpay) -> Any:
    """The keyring, as if its certificates had been downloaded long ago."""
    keyring: Any = wxpay._settings.keyring
    keyring._fetched = keyring._fetched._replace(at=time.time() - DAY / 2 - 60)
    return keyring


def test_certificates_are_renewed_behind_a_call(gateway: Sandbox, client: Wechatpay, gate: threading.Event) -> None:
    """After 12 h, once, while the calls go on; then the new one is there, and what leaves names it."""
    call(client)
    new = gateway.platform.rotate()
    renewed = threading.Event()

    def hold(answer: Answer, received: Received) -> None:
        if received.target == CERTIFICATES:
            renewed.set()
            gate.wait(PATIENCE)

    gateway.tamper = hold
    keyring = aged(client)
    first = keyring.current.id
    assert renewed.wait(PATIENCE)
    assert [keyring.current.id for _ in range(3)] == [first] * 3
    gate.set()
    assert keyring.find(new).id == new
    assert keyring.current.id == new
    assert call(client).verified
    assert downloads(gateway) == 2


def test_a_failing_renewal_fails_no_call(gateway: Sandbox, client: Wechatpay) -> None:
    """The old keys verify; the log tells."""
    call(client)
    told: queue.Queue[str] = queue.Queue()
    handler = logging.Handler()
    handler.emit = lambda record: told.put(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("wechatpay_chain").addHandler(handler)
    gateway.tamper = lambda answer, received: (
        answers.bare(500)(answer, received) if received.target == CERTIFICATES else None
    )
    aged(client)
    assert call(client).verified
    assert "could not be renewed: " in told.get(timeout=PATIENCE)
    logging.getLogger("wechatpay_chain").removeHandler(handler)
    assert call(client).verified


def test_processes_share_a_folder(gateway: Sandbox, tmp_path: Path) -> None:
    """The second one downloads nothing; what one fetched is there for an unknown serial of the other."""
    folder = tmp_path / "certs"
    with gateway.client(certs=None, certs_dir=folder) as one, gateway.client(certs=None, certs_dir=folder) as other:
        assert not folder.exists()
        assert call(one).verified
        assert (folder / SHARED).exists()
        assert call(other).verified
        assert downloads(gateway) == 1
        gateway.platform.rotate()
        gateway.platform.retire()
        assert call(one).verified
        assert call(other).verified
        assert downloads(gateway) == 2
    with gateway.client(certs=None, certs_dir=str(folder)) as later:
        assert call(later).verified
    (folder / SHARED).write_bytes(b"damaged")
    with gateway.client(certs=None, certs_dir=folder) as later:
        assert call(later).verified
    assert downloads(gateway) == 3


def test_a_shared_file_that_is_old_is_renewed(gateway: Sandbox, tmp_path: Path) -> None:
    """Its time is that of the download, not of the process's start."""
    with gateway.client(certs=None, certs_dir=tmp_path) as wxpay:
        call(wxpay)
    renewed = threading.Event()
    gateway.tamper = lambda answer, received: renewed.set() if received.target == CERTIFICATES else None
    os.utime(tmp_path / SHARED, (time.time(), time.time() - DAY))
    with gateway.client(certs=None, certs_dir=tmp_path) as wxpay:
        assert call(wxpay).verified
        assert renewed.wait(PATIENCE)
    assert downloads(gateway) == 2


def test_settings_headers_go_along(gateway: Sandbox) -> None:
    """A download passes the same proxies as any call."""
    with (
        gateway.client(certs=None, headers={"X-Route": "1", "Accept": None}) as wxpay,
        pytest.raises(errors.ClientError),
    ):
        call(wxpay)
    assert gateway.requests[0].headers["X-Route"] == "1"


@pytest.mark.parametrize(
    ("base_url", "path"),
    [
        ("https://apihk.mch.weixin.qq.com", "/v3/global/certificates"),
        ("https://api.mch.weixin.qq.com/hk", "/hk/v3/certificates"),
        ("https://api.mch.weixin.qq.com", "/v3/certificates"),
    ],
)
def test_overseas_the_list_has_another_path(gateway: Sandbox, base_url: str, path: str) -> None:
    """By the host, or by the prefix of the base."""
    refresh: Any
    with gateway.client(base_url=base_url) as wxpay:
        refresh = wxpay._settings.keyring.refresh
        request = refresh._request()
        request.sign_for(wxpay._settings.bases[0])
        assert request.target == path


@pytest.mark.parametrize("options", [{"apiv3_key": None}, {"private_key": None, "serial": None}])
def test_without_its_keys_nothing_is_downloaded(gateway: Sandbox, options: dict[str, Any]) -> None:
    """What a download needs is configured, or there is none."""
    make: Callable[..., Wechatpay] = gateway.client
    with make(**options) as wxpay:
        assert wxpay._settings.keyring.refresh is None
