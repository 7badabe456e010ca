"""Notifications from the other side: encrypted, signed, posted, and sent again until they are accepted.

Sources: https://pay.weixin.qq.com/docs/merchant/apis/h5-payment/payment-notice.html and
https://pay.weixin.qq.com/doc/v3/merchant/4012082053 (the schedule).
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from wechatpay_chain.crypto import ciphers
from wechatpay_chain.display.reasons import reason_of
from wechatpay_chain.errors import ChainError
from wechatpay_chain.sandbox.answer import signed_headers
from wechatpay_chain.sandbox.events import event

__all__ = ["SCHEDULE", "Delivery", "Notice", "Pusher", "Try", "check_address", "envelope", "post", "post_signed"]

# Seconds before each resend.
SCHEDULE = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)
_ACCEPTED = (200, 204)
_PATIENCE = 5
_READ = 1024
_HEADERS = {"Content-Type": "application/json", "Accept": "*/*", "User-Agent": "wechatpay_chain sandbox"}
_BEIJING = timezone(timedelta(hours=8))


class Notice(NamedTuple):
    """One notification, encrypted and signed, not yet sent."""

    id: str
    headers: dict[str, str]
    body: bytes


class Try(NamedTuple):
    """One post of a notification; ``status`` is 0 when no answer came, and ``told`` says why or what it said."""

    at: float
    status: int
    told: str

    @property
    def accepted(self) -> bool:
        """Whether WeChat Pay would take this for success: 200 or 204, whatever the body says."""
        return self.status in _ACCEPTED


@dataclass(frozen=True)
class Delivery:
    """What became of one notification: its ``id`` and every ``Try``, the last one last."""

    id: str
    tries: tuple[Try, ...]

    @property
    def accepted(self) -> bool:
        """Whether the receiver took it."""
        return self.tries[-1].accepted

    @property
    def status(self) -> int:
        """The receiver's last status; 0 when it did not answer."""
        return self.tries[-1].status


class Pusher:
    """Pushes as WeChat Pay does, with the APIv3 key of a merchant and one of WeChat Pay's signing keys.

    ``clock`` gives seconds, ``sleep`` waits for them.
    """

    def __init__(
        self,
        apiv3_key: str,
        key_id: str,
        key: RSAPrivateKey,
        clock: Callable[[], float] = lambda: time.time(),
        sleep: Callable[[float], object] = lambda seconds: time.sleep(seconds),
    ) -> None:
        self._apiv3_key = apiv3_key
        self._key_id = key_id
        self._key = key
        self._clock = clock
        self._sleep = sleep

    def __repr__(self) -> str:
        return f"<Pusher that signs as {self._key_id}>"

    def notice(self, event_type: str, resource: Mapping[str, Any] | None = None) -> Notice:
        """A notification of ``event_type`` about ``resource``, else about the documentation's example.

        ChainError for a type that is unknown and comes without a resource.
        """
        return self.sign_notice(*envelope(event_type, resource, self._apiv3_key, self._clock()))

    def sign_notice(self, identifier: str, body: bytes) -> Notice:
        """``body`` with a signature of this moment, as each resend has one of its own."""
        return Notice(identifier, _HEADERS | signed_headers(self._key_id, self._key, body, self._clock()), body)

    def push(
        self,
        event_type: str,
        resource: Mapping[str, Any] | None,
        notify_url: str,
        schedule: Sequence[float] = SCHEDULE,
    ) -> Delivery:
        """Post a notification to ``notify_url`` until it is accepted or ``schedule`` (seconds) is used up."""
        notice = self.notice(event_type, resource)
        return Delivery(notice.id, tuple(self.tries(notice, notify_url, schedule)))

    def tries(self, notice: Notice, notify_url: str, schedule: Sequence[float] = SCHEDULE) -> Iterator[Try]:
        """Each post of ``push``, as it is done."""
        check_address(notify_url)
        with requests.Session() as session:
            session.trust_env = False
            for pause in (0, *schedule):
                if pause:
                    self._sleep(pause)
                done = self._post(session, self.sign_notice(notice.id, notice.body), notify_url)
                yield done
                if done.accepted:
                    return

    def _post(self, session: requests.Session, notice: Notice, notify_url: str) -> Try:
        started = self._clock()
        return post(session, notify_url, notice.body, notice.headers)._replace(at=started)


def envelope(event_type: str, resource: Mapping[str, Any] | None, apiv3_key: str, at: float) -> tuple[str, bytes]:
    """Id and body of a notification that is made at ``at``, its resource encrypted; ChainError for an unknown type."""
    found = event(event_type, resource)
    created = datetime.fromtimestamp(at, _BEIJING)
    identifier = f"EV-{created:%Y%m%d%H%M%S}{secrets.randbelow(10**9):09d}"
    told = {
        "id": identifier,
        "create_time": created.isoformat(timespec="seconds"),
        "event_type": found.event_type,
        "resource_type": "encrypt-resource",
        "summary": found.summary,
        "resource": _encrypt_resource(found.resource, found.original_type, apiv3_key),
    }
    return identifier, json.dumps(told, ensure_ascii=False).encode("utf-8")


def post_signed(session: requests.Session, url: str, body: bytes, key_id: str, key: RSAPrivateKey) -> Try:
    """Post an APIv3 notification under a signature of this moment."""
    return post(session, url, body, _HEADERS | signed_headers(key_id, key, body, time.time()))


def post(session: requests.Session, url: str, body: bytes, headers: Mapping[str, str]) -> Try:
    """Post a notification, and see what its receiver says within five seconds."""
    options: dict[str, Any] = {"timeout": _PATIENCE, "allow_redirects": False, "stream": True}
    started = time.time()
    try:
        with session.post(url, data=body, headers=dict(headers), **options) as answer:
            told = next(answer.iter_content(_READ), b"").decode("utf-8", "replace")
    except (requests.RequestException, ValueError) as error:  # urllib3 has ValueErrors of its own about addresses
        return Try(started, 0, f"{type(error).__name__}: {reason_of(error)}")
    return Try(started, answer.status_code, told)


def _encrypt_resource(resource: Mapping[str, Any], original_type: str, apiv3_key: str) -> dict[str, str]:
    nonce, associated = secrets.token_hex(6), original_type
    sealed = {
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": ciphers.encrypt(_json(resource), apiv3_key.encode(), nonce.encode(), associated.encode()),
        "associated_data": associated,
        "nonce": nonce,
    }
    return {"original_type": original_type, **sealed} if original_type else sealed


def _json(resource: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(dict(resource), ensure_ascii=False).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        reason = f"{error!s:.80}"
    raise ChainError(f"resource: cannot be written as JSON: {reason}")


def check_address(notify_url: object) -> None:
    """Raise ChainError for what is no http(s) address, or has a query, which WeChat Pay does not take."""
    try:
        parts = urlsplit(notify_url) if isinstance(notify_url, str) and notify_url.isprintable() else None
        if parts is not None:
            # What requests takes for an address, and a host that can be looked up.
            requests.Request("POST", parts.geturl()).prepare()
            (parts.hostname or "").encode("idna")
    except ValueError:  # requests' errors about addresses are some
        parts = None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ChainError(f"notify_url: expected an http address, found {notify_url!r:.80}")
    if parts.query:
        raise ChainError(f"notify_url: WeChat Pay takes no query string, found {parts.query[:40]!r}")
