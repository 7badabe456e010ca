"""What the network says: each host, its clock, the proxy on the way, and a signed call that changes nothing."""

from __future__ import annotations

import secrets
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests

from wechatpay_chain.cli.doctor_checks import FAILED, OK, SKIPPED, Check, key_ids
from wechatpay_chain.client import Wechatpay
from wechatpay_chain.crypto import ciphers
from wechatpay_chain.display.reasons import cause_of, reason_of
from wechatpay_chain.errors import (
    ApiError,
    BusinessError,
    ClockOffset,
    ConfigError,
    DecryptionError,
    HeadersIncomplete,
    ServerError,
    SignatureMismatch,
    SignError,
    TransportError,
    UnknownSerial,
    VerificationError,
    WechatpayError,
)
from wechatpay_chain.protocol.hosts import Base, bases_of
from wechatpay_chain.protocol.keyring import canonical

__all__ = ["check_calls", "check_hosts"]

_TIMEOUT = 5.0
# What counts where nothing else is configured: a check should not wait as long as a payment.
_PATIENCE = {"timeout": _TIMEOUT, "retry": False, "deadline": 4 * _TIMEOUT}
# Seconds, as WeChat Pay allows: https://pay.weixin.qq.com/doc/v3/merchant/4012365336
_CLOCK_WINDOW = 300
_NTP = "set the clock by NTP (timedatectl set-ntp true)"
_VERIFICATION: Mapping[type[VerificationError], str] = {
    UnknownSerial: "configure the key that is named: public_key_id and public_key, or let certificates be downloaded",
    SignatureMismatch: "the key under this id is not WeChat Pay's: download it again; else a proxy changes answers",
    ClockOffset: _NTP,
    HeadersIncomplete: "something between here and WeChat Pay answers in its place, or takes headers away",
}


def check_hosts(entries: Mapping[str, Any]) -> Iterator[Check]:
    """Whether each host is reached and trusted, by which proxy, and how its clock stands to this machine's."""
    try:
        bases = bases_of(entries.get("base_url"), allow_http=bool(entries.get("allow_http")))
    except ConfigError as error:
        yield Check("host", FAILED, str(error), "set base_url to https://api.mch.weixin.qq.com, or leave it out")
        return
    dates = []
    for base in bases:
        check, date = _check_host(base)
        yield check
        dates.append((date, time.time()))
    yield _check_clock([(date, at) for date, at in dates if date])


_NO_PROXY = {"http": "", "https": "", "all": ""}


def _check_host(base: Base) -> tuple[Check, str]:
    name, host = f"host {urlsplit(base.origin).netloc}", urlsplit(base.origin).hostname or ""
    # As the client does: what a proxy's environment names is no way to this machine itself.
    proxies = _NO_PROXY if base.is_loopback else requests.utils.get_environ_proxies(base.origin)
    proxy = requests.utils.select_proxy(base.origin, proxies)
    if proxy:
        proxy = proxy if "://" in proxy else f"http://{proxy}"
        if not _is_address(proxy):
            remedy = "write HTTPS_PROXY (or HTTP_PROXY) as http://host:port, or unset it"
            return Check(name, FAILED, f"the proxy {proxy.rpartition('@')[2][:60]!r} is no URL", remedy), ""
    way = f" through the proxy {_without_password(proxy)}" if proxy else ""
    try:
        # Nothing is signed, and nothing but the head of the answer counts.
        answer = requests.get(f"{base.origin}/", timeout=_TIMEOUT, allow_redirects=False, stream=True, proxies=proxies)
    except requests.exceptions.ProxyError:
        remedy = "start the proxy, or change HTTPS_PROXY, or name the host in NO_PROXY"
        return Check(name, FAILED, f"the proxy {_without_password(proxy)} cannot be used", remedy), ""
    except requests.exceptions.SSLError as error:
        cause = cause_of(error)
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLCertVerificationError):
            remedy = "write http:// in base_url where it speaks plain HTTP; else something in between breaks TLS"
            return Check(name, FAILED, f"no TLS is spoken there{way} ({reason_of(error)})", remedy), ""
        remedy = "update certifi; behind a proxy that opens TLS set REQUESTS_CA_BUNDLE to the file of its authority"
        return Check(name, FAILED, f"TLS is not trusted{way} ({reason_of(error)})", remedy), ""
    except requests.Timeout:
        remedy = f"let this machine reach {host} (firewall, security group), or set HTTPS_PROXY"
        return Check(name, FAILED, f"no answer in {_TIMEOUT:.0f} s{way}", remedy), ""
    except OSError as error:
        if not isinstance(error, requests.RequestException):
            # requests raises a plain one for a bundle that is not there.
            remedy = "set REQUESTS_CA_BUNDLE (or CURL_CA_BUNDLE) to a file of certificates, or unset it"
            return Check(name, FAILED, str(error), remedy), ""
        remedy = f"check the name servers, the firewall and base_url; let this machine reach {host}"
        return Check(name, FAILED, f"not reached{way} ({reason_of(error)})", remedy), ""
    with answer:
        trusted = ", TLS trusted" if base.origin.startswith("https:") else ", plain http"
        return Check(name, OK, f"reached{way}{trusted}"), answer.headers.get("Date", "")


def _check_clock(dates: list[tuple[str, float]]) -> Check:
    for date, at in dates:
        try:
            offset = at - parsedate_to_datetime(date).timestamp()
        except (TypeError, ValueError, OverflowError):
            continue
        side = "ahead of" if offset > 0 else "behind"
        found = f"{abs(offset):.0f} s {side} the server's, {_CLOCK_WINDOW} are allowed"
        return Check("clock", FAILED, found, _NTP) if abs(offset) > _CLOCK_WINDOW else Check("clock", OK, found)
    return Check("clock", SKIPPED, "no server told its time")


def check_calls(entries: Mapping[str, Any], is_reached: bool) -> Iterator[Check]:
    """A signed query of an order that does not exist, and what its refusal means; then whether the APIv3 key fits.

    Nothing is sent unless a host ``is_reached``; the client that would send is made in any case.
    """
    try:
        client = Wechatpay({**_PATIENCE, **entries})
    except ConfigError as error:
        yield Check("configuration", FAILED, str(error), "mend this entry")
        return
    except TypeError as error:  # entries that are no names of a client's
        yield Check("configuration", FAILED, str(error), "take this entry away")
        return
    with client:
        if not is_reached:
            yield Check("signed call", SKIPPED, "no host is reached")
            return
        is_brand = entries.get("brand_id") is not None
        if entries.get("private_key") is None:
            yield Check("signed call", SKIPPED, "no private_key is configured")
        else:
            check = _check_call(_ask_for_stores if is_brand else _ask_for_an_order, client, key_ids(entries))
            yield check
            if check.outcome == OK and entries.get("apiv3_key") is not None and not is_brand:
                yield _check_apiv3_key(client, entries["apiv3_key"])
        if entries.get("secret") is not None and not is_brand:
            yield _check_v2_call(client)


def _ask_for_an_order(client: Wechatpay) -> object:
    """One that does not exist: https://pay.weixin.qq.com/doc/v3/merchant/4012791859"""
    node = client.v3.pay.transactions.outTradeNo._out_trade_no_
    return node.get(params={"mchid": client.mchid}, out_trade_no=f"doctor{secrets.token_hex(8)}")


def _ask_for_stores(client: Wechatpay) -> object:
    """A brand's own, one at most: https://pay.weixin.qq.com/doc/brand/4016756646"""
    return client.brand.store.brandstores.get(params={"offset": 0, "limit": 1})


def _check_call(ask: Callable[[Wechatpay], object], client: Wechatpay, known: list[str]) -> Check:
    name = "signed call"
    try:
        ask(client)
    except SignError as error:
        return Check(name, FAILED, str(error), error.remedy)
    except ServerError as error:
        return Check(name, FAILED, str(error), "WeChat Pay has a fault; try again later")
    except ApiError as error:
        if not error.code:
            return Check(name, FAILED, str(error), "this is not WeChat Pay: check base_url and the proxy")
        serial = error.response.headers.get("Wechatpay-Serial", "")
        if not error.verified and serial:
            is_known = canonical(serial) in map(canonical, known)
            kind = SignatureMismatch if is_known else UnknownSerial
            why = "does not fit the key that is configured for it" if is_known else "is of a key that is not configured"
            found = f"{kind.__name__}: the answer's signature, which names {serial[:64]}, {why}"
            return Check(name, FAILED, found, _VERIFICATION[kind])
        return Check(name, OK, f"the signature holds; the harmless call was answered with {error.status} {error.code}")
    except VerificationError as error:
        remedy = next((text for kind, text in _VERIFICATION.items() if isinstance(error, kind)), "try again")
        return Check(name, FAILED, f"{type(error).__name__}: {error}", remedy)
    except TransportError as error:
        return Check(name, FAILED, str(error), "see the checks of the hosts")
    except WechatpayError as error:
        return Check(name, FAILED, str(error), "mend this entry")
    return Check(name, OK, "the signature holds")


# Nobody's: the call asks for an order that does not exist, and configurations have no appid.
_APPID = "wx0000000000000000"
_V2_KEY = (
    "set secret to the APIv2 key of the console (account centre, API security), which is another than the APIv3 key"
)


def _check_v2_call(client: Wechatpay) -> Check:
    """A query of APIv2; what return_code refuses carries no sign, and may have been refused before ours was checked.

    https://pay.weixin.qq.com/wiki/doc/api/jsapi.php?chapter=9_2
    """
    name = "signed call of APIv2"
    try:
        number = f"doctor{secrets.token_hex(8)}"
        client.v2.pay.orderquery.post({"appid": _APPID, "mch_id": client.mchid, "out_trade_no": number})
    except BusinessError as error:
        if error.verified:
            return Check(name, OK, f"the sign holds; an order that does not exist is {error.code}")
        if "签名" in error.message or "sign" in error.message.lower():
            return Check(name, FAILED, f"WeChat Pay refuses the sign: {error.message}", _V2_KEY)
        return Check(name, SKIPPED, f"refused before the sign counted ({error.message}); the first call tells")
    except VerificationError as error:
        is_xml = error.response is not None and error.response.content.lstrip().startswith(b"<xml")
        remedy = _V2_KEY if is_xml else "this is not WeChat Pay: check base_url and the proxy"
        return Check(name, FAILED, f"{type(error).__name__}: {error}", remedy)
    except TransportError as error:
        return Check(name, FAILED, str(error), "see the checks of the hosts")
    except WechatpayError as error:
        return Check(name, FAILED, str(error), "this is not WeChat Pay: check base_url and the proxy")
    return Check(name, OK, "the sign holds")


def _check_apiv3_key(client: Wechatpay, key: str | bytes) -> Check:
    """The APIv3 key opens the certificates that WeChat Pay hands out, where it does."""
    name = "APIv3 key fits"
    try:
        rows = client.v3.certificates.get().data["data"]
        sealed = rows[0]["encrypt_certificate"]
        data = key.encode() if isinstance(key, str) else bytes(key)
        ciphers.decrypt(sealed["ciphertext"], data, sealed["nonce"].encode(), sealed["associated_data"].encode())
    except DecryptionError:
        remedy = "set the one of the console; it was changed there, or it is another merchant's"
        return Check(name, FAILED, "it does not open WeChat Pay's certificates", remedy)
    except WechatpayError as error:
        told = f"{error.status} {error.code}" if isinstance(error, ApiError) else type(error).__name__
        return Check(name, SKIPPED, f"no certificates to try it on ({told}); the first notice tells")
    except (KeyError, TypeError, IndexError):
        return Check(name, SKIPPED, "no certificates to try it on; the first notice tells")
    return Check(name, OK, "it opens WeChat Pay's certificates")


def _is_address(proxy: str) -> bool:
    try:
        parts = urlsplit(proxy)
        return bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


def _without_password(proxy: str | None) -> str:
    parts = urlsplit(proxy or "")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else "without a host"
